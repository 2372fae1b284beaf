"""How the study shows its stored tables."""

from __future__ import annotations

from studies.two_sided_eighteen_bus.answer import answer
from studies.two_sided_eighteen_bus.claims import claims
from studies.two_sided_eighteen_bus.figures import figures
from studies.two_sided_eighteen_bus.tables import headline, summarise

__all__ = ["answer", "claims", "figures", "headline", "summarise"]
