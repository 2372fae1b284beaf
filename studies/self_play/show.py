"""How the study shows its stored tables."""

from __future__ import annotations

from studies.self_play.answer import answer
from studies.self_play.claims import claims
from studies.self_play.figures import figures
from studies.self_play.tables import headline, summarise

__all__ = ["answer", "claims", "figures", "headline", "summarise"]
