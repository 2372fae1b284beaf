"""Two-sided tacit collusion on three nodes: scenarios A, B and C, enumerated, solved and learned."""
