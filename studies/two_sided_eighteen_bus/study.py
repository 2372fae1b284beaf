"""Two-sided tacit collusion on 18 buses: cases A and B of the article, line limits, and everybody learning.

M. Jabbari Zideh and S. S. Mohtavipour, Energies 2017, 10, 2045, section 5. The article does not say at which
buses its agents are; two placements that were fitted to its prices stand in for them, and a table puts the
agents elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from networks.errors import InputError
from studies.running.spec import Spec, setting
from studies.study import Cell, Row, Study, Tables


@dataclass(frozen=True)
class Settings(Spec):
    """Where the agents are, and what is learned."""

    placements: tuple[str, ...] = setting(
        ("fitted", "second"), "fitted, second, or the path of a CSV with columns agent, bus"
    )
    price_rule: str = setting(
        "canonical", "which supporting price is used", choices=("low", "canonical", "high")
    )
    seeds: int = setting(60, "seeds of each learning setting; 0 learns nothing", low=0, high=100_000)
    rates: tuple[float, ...] = setting((0.1, 0.5, 0.9), "exploration rates", low=0.001, high=1)
    gammas: tuple[float, ...] = setting(
        (0.05, 0.95), "discount factors where G1 remembers its own last offer", low=0, high=1
    )
    days: int = setting(1500, "days that are learned", low=1)
    alpha: float = setting(0.1, "learning rate", low=0.001, high=1)
    seeds_everyone: int = setting(15, "seeds where all 24 agents learn; 0 leaves it out", low=0, high=10_000)
    withheld_mw: tuple[float, ...] = setting(
        (0.0, 40.0, 100.0), "what each genco may withhold where all learn; the first is what it does if "
                            "passive",
        "MW", low=0, high=500,
    )  # fmt: skip
    cuts_mw: tuple[float, ...] = setting(
        (0.0, 40.0), "what each disco may interrupt where all learn", "MW", low=0, high=700
    )
    general_seeds: int = setting(
        10, "seeds of the general market of 24 hours (section 2); 0 leaves it out", low=0, high=10_000
    )
    general_days: int = setting(700, "its days", low=1)
    general_rate: float = setting(0.5, "its exploration rate", low=0.001, high=1)
    general_gamma: float = setting(0.95, "its discount factor from hour to hour", low=0, high=1)
    general_phi: tuple[float, ...] = setting((1.0, 0.95), "shares φ of capacity offered", low=0, high=1)
    general_sigma: tuple[float, ...] = setting((0.0, 0.1), "mark-up shares σ of MC/(1 − σ)", low=0, high=0.99)
    general_mu: tuple[float, ...] = setting((0.0, 1.0), "shares μ of the contract interrupted", low=0, high=1)
    general_eta: tuple[float, ...] = setting((1.0, 0.9), "shares η of F(q) bid", low=0, high=1)
    general_interruptible_mw: float = setting(40.0, "interruptible contract of each disco", "MW", low=0)
    general_price_cap: float = setting(100.0, "greatest offer and bid", "$/MWh", low=0.01)
    general_external_price: float = setting(60.0, "price of demand not served by the market", "$/MWh", low=0)
    general_least: float = setting(0.65, "demand at night, of the peak", low=0.05, high=1)
    general_forecast_exponent: float = setting(0.0, "e in F(q) = retail price·(q/mean q)^e", low=-5, high=5)
    general_forecast_error: float = setting(0.02, "standard deviation of forecasts", low=0, high=0.3)
    general_offer_ramp_mw: float = setting(
        60.0, "ramp limit on offers, where there are limits", "MW/h", low=0
    )
    general_dispatch_ramp_mw: float | None = setting(
        None,
        "ramp limit on the dispatch there; days then clear as one problem (about 0.1 s each)",
        "MW/h",
        low=0,
    )


LINE_TESTS = ("", "5=800", "4=700", "8=800", "4=900", "4=300")


def cells(spec: Settings) -> Sequence[Cell]:
    """Experiments and curves of each placement, learning settings, all agents learning."""
    _check_placements(spec)
    out: list[Row] = []
    for place in spec.placements:
        out += [{"part": part, "placement": place} for part in ("experiments", "curve")]
    for place in spec.placements if spec.seeds else ():
        for rate in spec.rates:
            for ramp in (True, False):
                for discos in (False, True):
                    out.append(_learning(place, rate, ramp, discos))
            out += [_learning(place, rate, False, True, gamma=g, memory="own") for g in spec.gammas]
        middle = sorted(spec.rates)[len(spec.rates) // 2]
        out += [
            _learning(place, middle, ramp, True, lines=x) for x in LINE_TESTS[1:] for ramp in (True, False)
        ]
    for place in spec.placements if spec.seeds_everyone else ():
        out += [{"part": "everyone", "placement": place, "rate": rate} for rate in spec.rates]
    for place in spec.placements if spec.general_seeds else ():
        out += [
            {"part": "general", "placement": place, "rate": spec.general_rate, "ramp": ramp}
            for ramp in (False, True)
        ]
    return out


def _check_placements(spec: Settings) -> None:
    """Refuse a placement that is neither named nor a table, before anything runs."""
    from studies.two_sided_eighteen_bus.market import PLACEMENTS, case_of

    for place in spec.placements:
        if place not in PLACEMENTS:
            case_of(place)  # reads the table, and says what is wrong with it
    if spec.withheld_mw[:1] != (0.0,) or spec.cuts_mw[:1] != (0.0,):
        raise InputError("withheld_mw and cuts_mw start with 0, what a passive agent does; put it first")


def _learning(
    placement: str,
    rate: float,
    ramp: bool,
    discos: bool,
    gamma: float = 0.0,
    memory: str = "none",
    lines: str = "",
) -> Row:
    return {
        "part": "learning", "placement": placement, "rate": rate, "ramp": ramp, "discos": discos,
        "gamma": gamma, "memory": memory, "lines": lines,
    }  # fmt: skip


def run_cell(spec: Settings, cell: Cell, rng: np.random.Generator) -> Tables:
    """Tables of one part."""
    from studies.two_sided_eighteen_bus import market as market

    seed = int(rng.integers(2**62))
    if cell["part"] == "experiments":
        return market.run_experiments(cell["placement"], spec.price_rule)
    if cell["part"] == "curve":
        return market.run_curve(cell["placement"], spec.price_rule)
    if cell["part"] == "everyone":
        return market.everyone(cell, spec, seed)
    if cell["part"] == "general":
        from studies.two_sided_eighteen_bus.general_market import run_general

        return run_general(cell, spec, seed)
    return market.learned(cell, spec.price_rule, spec.seeds, spec.days, spec.alpha, seed)


def fingerprint(spec: Settings) -> str:
    """Changes when a case, or the text of a user's table, does."""
    from pathlib import Path

    from studies.study import case_fingerprint
    from studies.two_sided_eighteen_bus.market import PLACEMENTS

    texts = [case_fingerprint(name) for name in PLACEMENTS.values()]
    own = [Path(p) for p in spec.placements if p not in PLACEMENTS]
    return "".join(texts + [p.read_text(encoding="utf-8-sig") for p in own if p.is_file()])


STUDY = Study(
    title="Tacit collusion of a generator and three retailers on 18 buses",
    question="Does a generator (G1) need retailers (D1, D2, D3) to raise its price on a meshed network, "
    "which "
    "congested lines make them join, and what do they learn if all 24 agents learn?",
    method="The article's 18 buses, 28 lines, 12 gencos and 12 discos, one hour of inelastic demand, offers "
    "at "
    "cost. It does not say where its agents are, and its prices cannot tell: 37 of 43 independent fits "
    "ended in "
    "different placements that all reproduce its 14 prices within 0.5 $/MWh on average. Both placements here "
    "were fitted to these prices, so that agreement with them is no validation. Each experiment of section "
    "5 is "
    "cleared exactly. Then G1 and D1 to D3 learn with Algorithm 1 against all profiles cleared once (11 "
    "offers, "
    "4 interruptions each), with and without the ramp limit (G1 offers 1060 MW or more) and other line "
    "limits; "
    "then all 12 gencos and 12 discos learn at once. A full offer of G1 is 1099.9 MW: at 1100 its export "
    "cut is "
    "exactly full, and its price not unique. Last, the general market of section 2: 24 hours, offers and "
    "bids "
    "in quantity and price, ramp limits, forecast demand, an external price and a price cap, all 24 "
    "learning.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    fingerprint=fingerprint,
    under_specified=(
        "At which buses the agents are. That bus 1 has two lines of 500 and 600 MW, as much as G1's "
        "capacity, "
        "suggests G1 there; nothing else is identified.",
        "What loyalty and defection are: D1 and D2 go back to their full load; how G1 “bids for the benefit "
        "of G4” or G6 is told by its offers (850, 820 and 1030 MW) only.",
        "The ramp limit: steps of 60 and more MW in the article are no steps of a limit of 40 MW/h, so a "
        "limit "
        "is read as in its last figure: G1 offers 1060 MW or more.",
        "What a state is, which the discount factor needs to matter; learning rate, first values, seeds, and "
        "the set of actions.",
        "What D3 earns by joining: G1's offer falls at the same time.",
    ),
)
