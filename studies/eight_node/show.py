"""How the study shows its stored tables."""

from __future__ import annotations

from studies.eight_node.answer import answer
from studies.eight_node.claims import claims
from studies.eight_node.tables import figures, headline, summarise

__all__ = ["answer", "claims", "figures", "headline", "summarise"]
