"""How the study shows its stored tables."""

from __future__ import annotations

from studies.smart_homes.answer import answer
from studies.smart_homes.claims import claims
from studies.smart_homes.figures import figures
from studies.smart_homes.tables import headline, summarise

__all__ = ["answer", "claims", "figures", "headline", "summarise"]
