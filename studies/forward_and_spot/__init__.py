"""A forward market before the day-ahead one: does it break two-sided tacit collusion?"""
