"""How the study shows its stored tables."""

from __future__ import annotations

from studies.remedies.answer import answer
from studies.remedies.claims import claims
from studies.remedies.tables import figures, headline, summarise

__all__ = ["answer", "claims", "figures", "headline", "summarise"]
