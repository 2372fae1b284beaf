"""Evolved, learned and exact bids in six market situations: helpers of the study `self_play`."""
