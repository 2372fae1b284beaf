"""Two-sided tacit collusion on 18 buses: cases A and B of the article, line limits, everybody learning."""
