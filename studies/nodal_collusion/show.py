"""How the study shows its stored tables."""

from __future__ import annotations

from studies.nodal_collusion.answer import answer
from studies.nodal_collusion.figures import figures
from studies.nodal_collusion.tables import headline, summarise

__all__ = ["answer", "figures", "headline", "summarise"]
