"""How the study shows its stored tables."""

from __future__ import annotations

from studies.coalition_efficiency.answer import answer
from studies.coalition_efficiency.claims import claims
from studies.coalition_efficiency.tables import figures, headline, summarise

__all__ = ["answer", "claims", "figures", "headline", "summarise"]
