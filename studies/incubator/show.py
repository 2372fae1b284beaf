"""How the study shows its stored tables."""

from __future__ import annotations

from studies.incubator.answer import answer
from studies.incubator.figures import figures
from studies.incubator.tables import claims, headline, summarise

__all__ = ["answer", "claims", "figures", "headline", "summarise"]
