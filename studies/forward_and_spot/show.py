"""How the study shows its stored tables."""

from __future__ import annotations

from studies.forward_and_spot.answer import answer
from studies.forward_and_spot.tables import figures, headline, summarise

__all__ = ["answer", "figures", "headline", "summarise"]
