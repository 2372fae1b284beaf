"""All remedies against colluding homes on the same seeds: collusion index, welfare, consumers' bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studies.running.spec import Spec, setting
from studies.study import Cell, Study, Tables

BLOCK = 6  # sessions in a cell
COMMON = (
    71  # first number of the streams that all remedies share; cells of their own have two numbers, not four
)
MARKETS = ("stage", "street")


@dataclass(frozen=True)
class Settings(Spec):
    """How homes learn, and how strong the remedies are."""

    sessions: int = setting(12, "sessions of each remedy and market, on the same seeds", low=2)
    remedies: tuple[str, ...] = setting((), "names of remedies, such as cap,lock_16; none for all")
    hour: int = setting(12, "hour of the street's auction", low=0, high=23)
    sellers: int = setting(4, "homes with large roofs on the street", low=2, high=4)
    roofs_kw: float = setting(36.0, "solar capacity of all large roofs", "kW", low=0.1)
    world: int = setting(1, "number that the street is drawn from", low=0)
    discount: float = setting(0.95, "discount factor of a round", low=0, high=0.9999)
    alpha: float = setting(0.15, "step size of learning", low=1e-3, high=1)
    beta: float = setting(1e-5, "decay of exploration per update", low=1e-7, high=0.1)
    unchanged: int = setting(100_000, "updates without change after which a session ends", low=100)
    stage_cap: float = setting(0.14, "cap and reserve price in the stage game", "$ per unit", low=0.08)
    street_cap: float = setting(120.0, "cap and reserve price on the street", "$/MWh", low=0)


def cells(spec: Settings) -> Sequence[Cell]:
    """Every remedy in both markets, sessions in blocks, with the rows of no remedy they are compared with."""
    from networks.checks import suggest
    from networks.errors import InputError
    from studies.remedies.treatments import COARSE, NONE, REMEDIES
    from studies.smart_homes.learning import session_blocks

    for name in spec.remedies:
        if name not in REMEDIES:
            raise InputError(
                f"spec: remedies names {name!r}{suggest(name, REMEDIES)}; give some of {', '.join(REMEDIES)}"
            )
    bases = (NONE, COARSE) if any(REMEDIES[name].coarse for name in spec.remedies) else (NONE,)
    chosen = tuple(dict.fromkeys((*bases, *spec.remedies)) if spec.remedies else REMEDIES)
    return [
        {"market": market, "remedy": name, "first": first, "count": count}
        for name in chosen
        for market in MARKETS
        if REMEDIES[name].fits(market)
        for first, count in session_blocks(spec.sessions, BLOCK)
    ]


def run_cell(spec: Settings, cell: Cell, rng: np.random.Generator) -> Tables:
    """Sessions of one remedy; block and market, not the remedy, decide what is drawn."""
    from dataclasses import asdict

    from studies.remedies.treatments import REMEDIES
    from studies.smart_homes.learning import Treatment, learn

    own: Any = rng.bit_generator.seed_seq
    market, first = str(cell["market"]), int(cell["first"])
    key = (COMMON, MARKETS.index(market), first, int(own.spawn_key[-1]))
    seed = int(np.random.default_rng(np.random.SeedSequence(own.entropy, spawn_key=key)).integers(2**31))
    remedy = REMEDIES[str(cell["remedy"])]
    treatment = Treatment("all", spec.discount, 1, spec.alpha, spec.beta, spec.unchanged)
    built = remedy.market(spec, market)
    found = learn(built.tensor, remedy.treat(treatment), seed, range(int(cell["count"])), built.sellers)
    yard = {f"yard_{name}": value for name, value in asdict(built.yard).items()}
    return {"sessions": [row | yard | {"session": first + row["session"]} for row in found.rows]}


def fingerprint(spec: Settings) -> str:
    """Changes when the feeder does."""
    from studies.study import case_fingerprint

    return case_fingerprint("feeder8")


STUDY = Study(
    title="Remedies against colluding homes, on the same seeds",
    question="Which rules bring learning homes back towards competition, what do they do to welfare and to "
    "consumers' bills, and which of them do nothing?",
    method="Two markets: the sealed stage game of three sellers, and the auction of an hour on a street with "
    "four solar homes on a feeder with its limits. Each remedy changes the rules or what sellers see; the "
    "same Q-learners play from the same random numbers, session by session, so that differences are paired. "
    "The index is on one scale for all remedies: 0 is competition and 1 the joint optimum of the market "
    "without remedy. Static Nash equilibria are those under the remedy. Welfare and bills are per round.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    fingerprint=fingerprint,
    under_specified=(
        "How strong a remedy is: cap and reserve are settings of ours; the document names kinds only.",
        "“Sell the firm” is a transfer inspired by Che and Kim (2006), paid by truthful buyers; the fee "
        "leaves buyers the surplus of competition, and sellers no participation rent.",
        "With offers locked for L rounds an update is L rounds: years count rounds.",
        "More sellers: the same capacity or roofs divided among one more; tables grow with players, so this "
        "one, and buyers who learn on the street, are compared with a row of their own with half as many "
        "offers.",
    ),
)
