"""How the study shows its stored tables."""

from __future__ import annotations

from studies.incubator.answer import answer
from studies.incubator.claims import claims
from studies.incubator.figures import figures
from studies.incubator.tables import headline, summarise

__all__ = ["answer", "claims", "figures", "headline", "summarise"]
