"""The remedies: what each changes in the sealed stage game and in the street's auction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from studies.smart_homes.learning import Treatment
from studies.smart_homes.markets import FEW_MARKUPS, MARKUPS, Market, Remedies, street_market
from studies.smart_homes.stage import stage_game, stage_yardsticks
from studies.smart_homes.world import StreetSpec

if TYPE_CHECKING:
    from studies.remedies.study import Settings

NONE, COARSE = "none", "coarse"
BOTH = ("stage", "street")


@dataclass(frozen=True)
class Remedy:
    """One remedy, or several together.

    Attributes
    ----------
    words : what the page calls it; kind : information, timing, prices, mechanism, structure, buyers or
        together.
    rules : changes of :class:`Remedies`, with "cap" and "reserve" True where the spec says how high.
    more : sellers that the same capacity is divided among in addition.
    only : the one market that it is for, "" for both.
    coarse : markets in which it is played, and compared, with about half as many offers, because tables grow
        with the number of players.
    """

    words: str
    kind: str
    rules: dict[str, Any] = field(default_factory=dict)
    more: int = 0
    only: str = ""
    coarse: tuple[str, ...] = ()

    def base(self, market: str) -> str:
        """The row of no remedy that it is compared with."""
        return COARSE if market in self.coarse else NONE

    def fits(self, market: str) -> bool:
        """Whether the market can have it."""
        return self.only in ("", market)

    def treat(self, treatment: Treatment) -> Treatment:
        """The learning under it."""
        return replace(
            treatment, memory=self.rules.get("memory", treatment.memory), lock=self.rules.get("lock", 1)
        )

    def market(self, spec: Settings, market: str) -> Market:
        """The market under it."""
        return self._stage(spec) if market == "stage" else self._street(spec)

    def _stage(self, spec: Settings) -> Market:
        count = 3 + self.more
        given: dict[str, Any] = {"costs": (0.08,) * count, "capacity": 18.0 / count}
        if "stage" in self.coarse:
            given["prices"] = tuple(np.round(np.linspace(0.08, 0.28, 6), 12).tolist())
        given |= {name: spec.stage_cap for name in ("cap", "reserve") if name in self.rules}
        pricing = {"pay_as_offer": "pay_as_bid"}.get(self.rules.get("pricing", ""), self.rules.get("pricing"))
        if pricing is not None:
            given["pricing"] = pricing
        if self.rules.get("sell_firm"):
            given["sell"] = True
        game, tensor = stage_game(tuple(sorted(given.items())))
        yard = stage_yardsticks(game, tensor)
        if self.rules.get("buyers"):
            game, tensor = stage_game(tuple(sorted((given | {"groups": 1}).items())))
        return Market(tensor, yard, count, game)

    def _street(self, spec: Settings) -> Market:
        street = StreetSpec(sellers=spec.sellers + self.more, roofs_kw=spec.roofs_kw, world=spec.world)
        high = {name: spec.street_cap for name in ("cap", "reserve") if name in self.rules}
        rules: dict[str, Any] = {k: v for k, v in self.rules.items() if k not in ("memory", "lock")} | high
        marks = FEW_MARKUPS if "street" in self.coarse else MARKUPS
        return street_market(street, spec.hour, Remedies(**rules), marks)


REMEDIES: dict[str, Remedy] = {
    NONE: Remedy("no remedy", "none"),
    COARSE: Remedy("no remedy, half as many offers", "none", coarse=BOTH),
    "price_only": Remedy("sellers see only the price", "information", {"memory": "price"}),
    "own_only": Remedy("sellers see only their own offer", "information", {"memory": "own"}),
    "blind": Remedy("sellers remember nothing", "information", {"memory": "none"}),
    "lock_4": Remedy("offers stand for 4 rounds", "timing", {"lock": 4}),
    "lock_16": Remedy("offers stand for 16 rounds", "timing", {"lock": 16}),
    "lock_96": Remedy("offers stand for a day", "timing", {"lock": 96}),
    "cap": Remedy("offer cap", "prices", {"cap": True}),
    "reserve": Remedy("reserve price", "prices", {"reserve": True}),
    "own_price": Remedy("sellers paid their own offers", "mechanism", {"pricing": "pay_as_offer"}),
    "low_price": Remedy("lowest supporting prices", "mechanism", {"pricing": "k"}, only="street"),
    "vcg": Remedy("VCG payments", "mechanism", {"pricing": "vcg"}),
    "firm": Remedy("the firm sold to each seller", "mechanism", {"sell_firm": True}),
    "more": Remedy("one more seller, same capacity", "structure", more=1, coarse=BOTH),
    "buyers": Remedy("a club of buyers learns too", "buyers", {"buyers": True}, coarse=("street",)),
    "price_lock": Remedy(
        "only the price seen, offers stand for 4 rounds", "together", {"memory": "price", "lock": 4}
    ),
    "price_cap": Remedy("only the price seen, offer cap", "together", {"memory": "price", "cap": True}),
    "lock_cap": Remedy("offers stand for 16 rounds, offer cap", "together", {"lock": 16, "cap": True}),
    "price_lock_cap": Remedy(
        "only the price seen, 4 rounds, offer cap", "together", {"memory": "price", "lock": 4, "cap": True}
    ),
}
