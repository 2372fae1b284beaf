"""Strategies: learners, rules, policies, and the card that says what a strategy does."""
