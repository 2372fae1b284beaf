"""Smart homes: what they have, their truthful schedules, and retail tariffs to compare with."""
