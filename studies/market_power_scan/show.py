"""How the study shows its stored tables."""

from __future__ import annotations

from studies.market_power_scan.answer import answer
from studies.market_power_scan.tables import figures, headline, summarise

__all__ = ["answer", "figures", "headline", "summarise"]
