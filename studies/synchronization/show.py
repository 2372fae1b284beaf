"""How the study shows its stored tables."""

from __future__ import annotations

from studies.synchronization.answer import answer
from studies.synchronization.claims import claims
from studies.synchronization.figures import figures
from studies.synchronization.tables import headline, summarise

__all__ = ["answer", "claims", "figures", "headline", "summarise"]
