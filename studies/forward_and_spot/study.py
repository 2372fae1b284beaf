"""A forward market before the day-ahead one: does it break two-sided tacit collusion?

The question that M. Jabbari Zideh and S. S. Mohtavipour (Energies 2017, 10, 2045, section 6) leave to future
work, answered with exact equilibria for every cover, and with learning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studies.running.spec import Spec, setting
from studies.study import Cell, Row, Study, Tables, case_fingerprint

NETWORKS = ("article", "three nodes, ramp", "three nodes", "18 buses, ramp", "18 buses")


@dataclass(frozen=True)
class Settings(Spec):
    """Which markets, which cover, and how it is learned."""

    networks: tuple[str, ...] = setting(NETWORKS, "spot markets", choices=NETWORKS)
    price_rule: str = setting("high", "which supporting price is used", choices=("low", "canonical", "high"))
    genco_covers: tuple[float, ...] = setting(
        (0.0, 0.25, 0.5, 0.75, 0.9, 1.0),
        "shares of the genco's capacity that are sold forward",
        low=0,
        high=1,
    )
    disco_covers: tuple[float, ...] = setting(
        (0.0, 0.1, 0.2, 0.35, 0.5, 1.0), "shares of the discos' load that are bought forward", low=0, high=1
    )
    chosen_covers: tuple[float, ...] = setting(
        (0.0, 0.1, 0.5, 1.0), "shares that players choose from, where they choose", low=0, high=1
    )
    rate: float = setting(0.3, "exploration rate at given cover", low=0.001, high=1)
    rates: tuple[float, ...] = setting(
        (0.1, 0.3, 0.5), "exploration rates where cover is chosen", low=0.001, high=1
    )
    alpha: float = setting(0.1, "learning rate", low=0.001, high=1)
    seeds: int = setting(60, "seeds of each learning setting; 0 solves only", low=0, high=100_000)
    days: int = setting(1000, "days that are learned", low=1)


def cells(spec: Settings) -> Sequence[Cell]:
    """Thresholds, spot equilibria by cover, choices of cover, and learning of both."""
    out: list[Row] = []
    for network in spec.networks:
        out.append({"part": "thresholds", "network": network})
        covers = [(g, d) for g in spec.genco_covers for d in spec.disco_covers]
        out += [{"part": "exact", "network": network, "genco_cover": g, "disco_cover": d} for g, d in covers]
        out += [
            {"part": "chosen_exact", "network": network, "expect": f"{how} for the genco"}
            for how in ("best", "worst")
        ]
        if spec.seeds:
            out += [
                {"part": "learned", "network": network, "rate": spec.rate, "genco_cover": g, "disco_cover": d}
                for g, d in covers
            ]
            out += [{"part": "chosen", "network": network, "rate": rate} for rate in spec.rates]
    return out


def run_cell(spec: Settings, cell: Cell, rng: np.random.Generator) -> Tables:
    """Tables of one part."""
    from studies.forward_and_spot import games as games

    rule, seed = spec.price_rule, int(rng.integers(2**62))
    if cell["part"] == "thresholds":
        return games.thresholds(cell["network"], rule)
    if cell["part"] == "exact":
        return games.exact(cell, rule)
    if cell["part"] == "chosen_exact":
        return games.chosen_exact(cell, rule, spec.chosen_covers)
    if cell["part"] == "chosen":
        return games.chosen_learned(cell, rule, spec.chosen_covers, spec.seeds, spec.days, spec.alpha, seed)
    return games.learned(cell, rule, spec.seeds, spec.days, spec.alpha, seed)


STUDY = Study(
    title="Two-sided collusion with a forward market before the day-ahead one",
    question="Does a forward market, as the article's outlook asks, break the tacit collusion of generator "
    "and "
    "retailer; whose forward positions do it, how large must they be, and would anybody take them?",
    method="Positions are contracts for difference on a player's own nodal price: a genco that sold f MW "
    "forward "
    "earns its spot profit plus (p_F − LMP)·f, a disco that bought f MW its spot margin plus (LMP − p_F)·f. "
    "In the "
    "spot market p_F is a constant, so only the uncovered quantity carries an incentive (Allaz and Vila "
    "1993). For "
    "every cover of both sides all pure equilibria of the spot hour are enumerated from exactly cleared "
    "payoffs. "
    "Then covers are chosen first: exactly, by backward induction with p_F equal to the spot price that "
    "follows, "
    "once if all expect the spot equilibrium that is best and once the one that is worst for the genco; and "
    "by "
    "learners (Algorithm 1 of the article in both stages), p_F being the running mean of the spot prices "
    "that "
    "followed the same positions. Spot markets: hour 2 of the article's three nodes with its own two offers "
    "and "
    "interruptions, with 1 MW steps under a ramp of 4 MW/h from 199 MW, and without; and 18 buses on the "
    "fitted "
    "placement with G1 and D1 to D3, with and without the ramp limit. An hour is two-sided if a disco "
    "interrupts "
    "and the genco would earn less if none did.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    fingerprint=lambda spec: case_fingerprint("three_node") + case_fingerprint("eighteen_bus"),
    under_specified=(
        "The article names a forward market as future work and defines none: contract, price and timing are "
        "ours.",
        "The genco and the discos need not hold the two sides of one contract: others, or traders without "
        "market "
        "power, take the other side.",
    ),
)
