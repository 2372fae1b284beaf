"""What a home does: its series, bill and marginal cost, and the proof from its own equations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from clearing.arrays.compiled import CompiledModel
from clearing.arrays.programs import Program
from clearing.certificate import Certificate
from clearing.homes.home import Home
from clearing.homes.model import MONEY, QUANTITY, home_program
from clearing.pricing.marginal import dual_lattice_ends, independent_parts, middle_by_part
from clearing.pricing.proof import certify_program
from networks.checks import freeze_arrays, frozen

OWN_CHECK = 1e-7  # of a kilowatt: what the schedule may miss of the home's own equations


@dataclass(frozen=True, eq=False)
class HomeSchedule:
    """What a home does.

    Attributes
    ----------
    home : whose it is; buy_price, sell_price : (slots,) the tariff [$/MWh].
    bought, sold, sun, generated, lost, charged, discharged : (slots,) [MW]; `sun` is what is used of it.
    stored : (slots,) energy at the end of each slot [MWh].
    appliances : (appliances, slots) in the home's order; comfort : (blocks, slots) [MW].
    balance_dual : (slots,) the solver's dual of the home's own balance, any one of those that support the
        schedule [$/MWh]; `marginal_cost` is the one by rule.
    choices : yes-or-no decisions as taken, in the order of the program's columns.
    certificate : optimality of its program, and its own equations (row H).
    """

    home: Home
    buy_price: np.ndarray
    sell_price: np.ndarray
    bought: np.ndarray
    sold: np.ndarray
    sun: np.ndarray
    generated: np.ndarray
    lost: np.ndarray
    charged: np.ndarray
    discharged: np.ndarray
    stored: np.ndarray
    appliances: np.ndarray
    comfort: np.ndarray
    balance_dual: np.ndarray
    choices: np.ndarray
    certificate: Certificate

    def __post_init__(self) -> None:
        freeze_arrays(self)

    @property
    def net_import(self) -> np.ndarray:
        """(slots,) bought less sold [MW]."""
        return self.bought - self.sold

    @cached_property
    def bill(self) -> float:
        """Payments less receipts at the tariff's prices [$]; netting tariffs have their own, see tariffs."""
        return float(self.buy_price @ self.bought - self.sell_price @ self.sold) * self.home.hours

    @cached_property
    def utility(self) -> float:
        """Worth of the comfort taken [$]."""
        worth = sum(float(b.worth @ u) for b, u in zip(self.home.comfort, self.comfort, strict=True))
        return worth * self.home.hours

    @cached_property
    def hardship(self) -> float:
        """Wear, own generation, annoyance and lost load [$]."""
        home, slot = self.home, np.arange(self.home.slots)
        out = home.generator_price * float(self.generated.sum())
        if home.battery is not None:
            out += home.battery.wear * float((self.charged + self.discharged).sum())
        if home.value_of_lost_load is not None:
            out += home.value_of_lost_load * float(self.lost.sum())
        for item, z in zip(home.appliances, self.appliances, strict=True):
            out += item.annoyance * home.hours * float(np.maximum(slot - item.first, 0) @ z)
        return out * home.hours

    @property
    def objective(self) -> float:
        """Bill and hardship less utility: what the home minimises [$]."""
        return self.bill + self.hardship - self.utility

    @cached_property
    def marginal_cost(self) -> np.ndarray:
        """(slots,) dual of the home's own balance by rule [$/MWh]: what one MWh of load more costs it.

        Where what the last MWh saved and what one more would cost differ, law 5's canonical price: halfway
        between the least and the greatest supporting dual, or the finite one of the two, NaN where neither
        is; by independent parts, so that a slot which nothing bounds decides only for those whose cost hangs
        on its own. Supporting duals of a home form a lattice, so its least point has every slot's least,
        its greatest every slot's greatest, and halfway supports as well. Two linear programs, when asked for.
        """
        low, high = self.marginal_interval
        part = np.zeros(len(low), dtype=np.int64)
        if not np.isfinite([low, high]).all():
            model, program, x = self._solved_program()
            part = independent_parts(program, x, model.rows["balance"])
        return frozen(middle_by_part(low, high, part))

    @cached_property
    def marginal_interval(self) -> tuple[np.ndarray, np.ndarray]:
        """(slots,) twice: least and greatest supporting marginal cost [$/MWh]: what the last MWh saved and
        what one more would cost, at the yes-or-no decisions that were taken; ±inf where nothing bounds it."""
        model, program, x = self._solved_program()
        low, high = dual_lattice_ends(program, x, model.rows["balance"])
        return frozen(low * MONEY), frozen(high * MONEY)

    def _solved_program(self) -> tuple[CompiledModel, Program, np.ndarray]:
        """The home's program with its yes-or-no decisions taken, and the schedule as its solution."""
        model, program = home_program(self.home, self.buy_price, self.sell_price)
        x = np.zeros(len(program.cost))
        names = ("bought", "sold", "sun", "generated", "lost", "charged", "discharged", "stored", "comfort")
        for name in names:
            if name in model.variables:
                x[model.variables[name]] = np.ravel(getattr(self, name)) / QUANTITY
        flexible = [z for a, z in zip(self.home.appliances, self.appliances, strict=True) if a.interruptible]
        if flexible:
            x[model.variables["appliance"]] = np.ravel(flexible) / QUANTITY
        if program.integer is not None:
            x[program.integer] = self.choices
            low, high = (np.where(program.integer, x, end) for end in (program.low, program.high))
            program = replace(program, low=low, high=high, integer=None)
        return model, program, x

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Index slot: every series [MW; `stored` MWh] and the marginal cost [$/MWh]."""
        names = ("bought", "sold", "sun", "generated", "lost", "charged", "discharged", "stored")
        columns = {"load": self.home.load_mw} | {name: getattr(self, name) for name in names}
        columns["appliances"] = self.appliances.sum(axis=0)
        columns["comfort"] = self.comfort.sum(axis=0)
        columns["marginal_cost"] = self.marginal_cost
        return pd.DataFrame(columns).rename_axis("slot")


def read_schedule(
    home: Home,
    buy_price: np.ndarray,
    sell_price: np.ndarray,
    model: CompiledModel,
    program: Program,
    x: np.ndarray,
    dual: np.ndarray,
) -> HomeSchedule:
    """The schedule that a solution of a home's program says, certified."""
    slots, v = home.slots, model.variables

    def series(name: str) -> np.ndarray:
        return x[v[name]] * QUANTITY if name in v else np.zeros(slots)

    flexible = x[v["appliance"]].reshape(-1, slots) * QUANTITY
    starts = np.round(x[v["start"]]).reshape(-1, slots)
    comfort = x[v["comfort"]].reshape(-1, slots) * QUANTITY
    integer = program.integer if program.integer is not None else np.zeros(len(x), dtype=bool)
    fixed = replace(
        program,
        low=np.where(integer, np.round(x), program.low),
        high=np.where(integer, np.round(x), program.high),
        integer=None,
    )
    proof = certify_program(fixed, x, dual)
    schedule = HomeSchedule(
        home=home,
        buy_price=buy_price,
        sell_price=sell_price,
        **{name: series(name) for name in ("bought", "sold", "sun", "generated", "lost")},
        **{name: series(name) for name in ("charged", "discharged", "stored")},
        appliances=_in_home_order(home, flexible, starts),
        comfort=comfort,
        balance_dual=dual[model.rows["balance"]] * MONEY,
        choices=np.round(x[integer]),
        certificate=proof,
    )
    own = own_equations_missed(schedule)
    certificate = Certificate({**proof.residuals, "H": own / QUANTITY}, {**proof.tolerances, "H": OWN_CHECK})
    return replace(schedule, certificate=certificate.required(f"home {home.label!r}"))


def _in_home_order(home: Home, flexible: np.ndarray, starts: np.ndarray) -> np.ndarray:
    out = np.zeros((len(home.appliances), home.slots))
    one, other = iter(flexible), iter(starts)
    for k, item in enumerate(home.appliances):
        if item.interruptible:
            out[k] = next(one)
            continue
        length = round(item.energy_mwh / (item.power_mw * home.hours))
        out[k] = np.convolve(next(other), np.ones(length))[: home.slots] * item.power_mw
    return out


def own_equations_missed(schedule: HomeSchedule) -> float:
    """Largest violation of the home's own equations [MW], from its fields alone."""
    s, home = schedule, schedule.home
    balance = (
        s.bought - s.sold + s.sun + s.generated + s.lost + s.discharged - s.charged
        - s.appliances.sum(axis=0) - s.comfort.sum(axis=0) - home.load_mw
    )  # fmt: skip
    missed = [np.abs(balance), -np.concatenate([s.bought, s.sold, s.sun, s.charged, s.discharged])]
    missed += [s.sun - home.pv_mw, s.bought - home.connection_mw, s.sold - home.connection_mw]
    slot = np.arange(home.slots)
    for item, z in zip(home.appliances, s.appliances, strict=True):
        outside = (slot < item.first) | (slot >= item.last)
        missed += [z[outside], -z, z - item.power_mw]
        missed.append(np.atleast_1d(abs(z.sum() - item.energy_mwh / home.hours)))
    if home.battery is not None:
        b = home.battery
        start = b.start * b.energy_mwh
        change = b.efficiency * s.charged - s.discharged / b.efficiency
        level = start + np.cumsum(change) * home.hours
        missed += [
            np.abs(level - s.stored),
            -level,
            level - b.energy_mwh,
            np.atleast_1d(abs(level[-1] - start)),
        ]
        missed += [s.charged - b.power_mw, s.discharged - b.power_mw]
        missed.append(np.where(s.buy_price < 0, np.minimum(s.charged, s.discharged), 0.0))
    return max(float(part.max(initial=0.0)) for part in missed)
