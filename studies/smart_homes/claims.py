"""Our side of what the notes and the document say of colluding homes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from studies.claims import Claim
from studies.printed import Ours, compare, ours
from studies.smart_homes.stage import CASES, stage_game
from studies.smart_homes.tables import agent_table, interval, market_sessions, stage_sessions
from studies.study import Results, Summaries
from studies.verdicts import Ends, Published, clearly, verdict

LEAST_SESSIONS = 20
SAME = 1e-9  # a spread of rounding errors
ERRORS = 3.0  # standard errors of the difference of two means, on either side
INDEX = "index_competition"
PAYS = 1.0  # $/h; what gains less gains nothing


def claims(results: Results, summaries: Summaries) -> list[Claim]:
    """The stage game's table from at least 20 sessions, its yardsticks, and the document's sentences."""
    stage = stage_sessions(results)
    enough = len(stage) and int(stage.groupby("market").size().min()) >= LEAST_SESSIONS
    return compare("smart_homes", Figures(results, market_sessions(results), stage if enough else None))


@dataclass(frozen=True)
class Figures:
    """Prices [$/kWh], profits and shares of the stage game; indices of the street's markets.

    Attributes
    ----------
    markets : sessions of the street's markets. stage : sessions of the stage game, None where too few.
    """

    results: Results
    markets: pd.DataFrame
    stage: pd.DataFrame | None

    def _exact(self, value: float) -> Ours | None:
        return None if self.stage is None else ours(value)

    def competitive_price(self) -> Ours | None:
        return self._exact(_joint("price", truthful=True))

    def joint_price(self) -> Ours | None:
        return self._exact(_joint("price"))

    def joint_welfare(self) -> Ours | None:
        return self._exact(_joint("welfare") / _joint("welfare", truthful=True))

    def nash(self, market: str, end: str) -> Ours | None:
        found = _benchmarks(market)
        return self._exact(found["nash_low" if end == "low" else "nash_high"])

    def joint_profit(self) -> Ours | None:
        return self._exact(_benchmarks("uniform")["joint"])

    def top_profit(self) -> Ours | None:
        _, table = stage_game(CASES["uniform"].game)
        return self._exact(float(table.payoffs(np.array([[6, 6, 6]])).sum()))

    def equilibria(self) -> Ours | None:
        from learners import pure_equilibria

        return self._exact(len(pure_equilibria(stage_game(CASES["vcg"].game)[1])))

    def _sessions(self, market: str, column: str) -> pd.Series:
        if self.stage is None:
            return pd.Series(dtype=float)
        return self.stage.loc[self.stage["market"] == market, column].dropna()

    def mean(self, market: str, column: str, sessions: int, digits: int) -> Ours | None:
        """A mean of few sessions against ours: three standard errors of the difference.

        The notes' spread is taken to be ours; where our sessions all end alike there is none.
        """
        x = self._sessions(market, column).to_numpy(dtype=float)
        return mean_of_sessions(x, sessions, digits) if len(x) else None

    def price_of_two(self) -> Ours | None:
        return self.mean("two", "price", sessions=20, digits=3)

    def price_range(self, market: str, low: float, high: float) -> Ours | None:
        x = self._sessions(market, "price")
        if not len(x):
            return None
        inside = verdict(float(x.mean()), None, Published(low=low, high=high)) == "matches"
        return ours(inside, mean=float(x.mean()), least=x.min(), most=x.max())

    def share(self, market: str, column: str, between: float = 0.0) -> Ours | None:
        """A share and its interval over sessions, widened by what the printed range leaves open."""
        x = self._sessions(market, column)
        if len(x) < 2:
            return None
        mean, low, high = interval(x)
        return ours(mean, (low - between / 2, high + between / 2))

    def comes_back(self) -> Ours | None:
        if not len(self._sessions("two", "price")):
            return None
        frame = self.results.tables["stage_responses"]
        path = frame[frame["market"] == "two"].groupby("round")["rivals"].mean()
        back = path.loc[1] < 0 and path.loc[7:].abs().mean() < 0.25 * path.abs().max()
        return ours(bool(back), path=", ".join(f"{change:+.3f}" for change in path.loc[1:7]))

    def _street(self, market: str, treatment: str = "memory", hour: int | None = None) -> pd.DataFrame:
        frame = self.markets
        at = self.results.spec.hour if hour is None else hour
        chosen = (frame["market"] == market) & (frame["treatment"] == treatment) & (frame["hour"] == at)
        return frame[chosen & np.isfinite(frame[INDEX])]

    def learned_above_nash(self, market: str, hour: int | None = None) -> Ours | None:
        sessions = self._street(market, hour=hour)
        if len(sessions) < 2:
            return None
        mean, low, high = interval(sessions[INDEX])
        top = float(sessions["at_nash_high"].iloc[0])
        clear = clearly((low, high), above=top)
        return ours(clear, mean=mean, low=low, high=high, top=top, count=len(sessions),
                    above=int((sessions[INDEX] > top + 0.05).sum()),
                    forgetful=self._street(market, "forgetful", hour)[INDEX].mean())  # fmt: skip

    def buyers_lower_index(self) -> Ours | None:
        from learners import welch_interval

        learning, without = (self._street(market)[INDEX] for market in ("two_sided", "one_sided"))
        if min(len(learning), len(without)) < 2:
            return None
        gap = welch_interval(learning.to_numpy(), without.to_numpy())
        return ours(clearly((gap.low, gap.high), below=0.0), learning=learning.mean(), without=without.mean(),
                    change=gap.estimate, low=gap.low, high=gap.high)  # fmt: skip

    def plant_gains(self) -> Ours | None:
        size, spec = self.results.tables.get("sizes"), self.results.spec
        if size is None:
            return None
        best, some = float(size["gain"].max()), int((size["gain"] > PAYS).sum())
        return ours(best > PAYS, bus=spec.bulk_bus, bulk=spec.bulk, best=best, some=some, count=len(size))

    def two_series(self) -> Ours | None:
        hour = self.results.spec.hour
        known = {"agents", "competitive_agents"} <= set(self.results.tables)
        if not known or not len(self._street("auction")):
            return None
        agents = agent_table(self.results)
        sellers = agents[agents["seller"] & (agents["hour"] == hour) & (agents["sold_kw"] > 0)]
        if not len(sellers):
            return None
        honest = float((sellers["price competitive"] - sellers["marginal_cost"]).mean())
        return ours(honest <= 1, hour=hour, honest=honest, learned=float(sellers["margin"].mean()))

    def years(self) -> Ours:
        main, years = self._street("auction"), self.markets["years"]
        mean = float(main["years"].mean()) if len(main) else float("nan")
        return ours(years=mean, hour=self.results.spec.hour, least=years.min(), most=years.max())


def mean_of_sessions(x: np.ndarray, sessions: int, digits: int) -> Ours:
    """Our mean and three standard errors of its difference to one over `sessions` sessions."""
    mean, spread, count = float(x.mean()), float(x.std(ddof=1)), len(x)
    error = spread * float(np.sqrt(1 / count + 1 / sessions))
    room = ERRORS * error if ERRORS * error > SAME else 0.0
    near = f"within {room:.{digits + 1}f}: three standard errors of the difference"
    near += f", {sessions} sessions in the notes"
    ends: Ends = (mean - room, mean + room)
    return ours(mean, ends, mean=f"{mean:.{digits}f}", error=f"{spread / np.sqrt(count):.{digits + 1}f}",
                count=count, near=near if room else "")  # fmt: skip


def _benchmarks(market: str) -> Mapping[str, float]:
    """Static Nash profits and the greatest joint profit of a stage game."""
    from learners import Benchmarks

    game, table = stage_game(CASES[market].game)
    ends = Benchmarks.of(table, game.competitive())
    return {"nash_low": ends.nash_low, "nash_high": ends.nash_high, "joint": ends.joint}


def _joint(signal: str, truthful: bool = False) -> float:
    """Price or welfare of the uniform stage game at its joint optimum, or where all are truthful."""
    from learners import joint_optimum

    game, table = stage_game(CASES["uniform"].game)
    profile = game.truthful if truthful else joint_optimum(table).profile
    return float(table.signals(np.array([profile]))[0, ("price", "welfare").index(signal)])
