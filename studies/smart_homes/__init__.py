"""Do learning homes collude? Three scenarios of "Collusive Smart Homes", each against exact yardsticks."""
