"""One home as a Pyomo model, compiled once per shape, and its numbers.

Two homes have one shape when they differ in numbers only: windows, sizes, series and prices are data.
Costs are per hour, so the dual of a balance row is in $/MWh.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyomo.environ as pyo
from pyomo.common.gc_manager import PauseGC
from pyomo.core.expr import LinearExpression

from clearing.arrays.compiled import CompiledModel, compile_model
from clearing.arrays.kept import BUILDING
from clearing.arrays.programs import Program
from clearing.elecbay.model import scale_with_integers
from clearing.homes.home import Home

QUANTITY = 2.0**-10  # MW that count as 1: about a kilowatt
MONEY = 2.0**7  # $/MWh that count as 1
SHAPES_KEPT = 64

SERIES = ("bought", "sold")
OPTIONAL = ("sun", "generated", "lost")
STORAGE = ("charged", "discharged", "stored")


@dataclass(frozen=True)
class HomeShape:
    """What a home has, apart from numbers.

    Attributes
    ----------
    slots, hours : horizon.
    efficiency : of the battery, None without one.
    battery_mw : power of a battery that must be kept from charging and discharging at once.
    guarded : the slots in which it must.
    appliances : number of interruptible ones; cycles : (power MW, slots) of each that is not.
    comfort : number of blocks.
    extra : those of sun, generated, lost that the home has.
    """

    slots: int
    hours: float
    efficiency: float | None
    battery_mw: float
    guarded: tuple[int, ...]
    appliances: int
    cycles: tuple[tuple[float, int], ...]
    comfort: int
    extra: tuple[str, ...]


def shape_of(home: Home, buy_price: np.ndarray) -> HomeShape:
    """The shape of a home under a tariff.

    Where energy can be bought at a negative price, a battery that charges and discharges at once would burn
    it for money, then or in a later slot, so every slot gets a binary. Elsewhere burning never pays: sun can
    be curtailed and all else is voluntary.
    """
    guarded = tuple(range(home.slots)) if home.battery is not None and (buy_price < 0).any() else ()
    cycles = tuple(
        (a.power_mw, round(a.energy_mwh / (a.power_mw * home.hours)))
        for a in home.appliances
        if not a.interruptible
    )
    has_extra = (home.pv_mw.any(), home.generator_mw > 0, home.value_of_lost_load is not None)
    return HomeShape(
        slots=home.slots,
        hours=home.hours,
        efficiency=None if home.battery is None else home.battery.efficiency,
        battery_mw=home.battery.power_mw if home.battery is not None and guarded else 0.0,
        guarded=guarded,
        appliances=sum(a.interruptible for a in home.appliances),
        cycles=cycles,
        comfort=len(home.comfort),
        extra=tuple(name for name, has in zip(OPTIONAL, has_extra, strict=True) if has),
    )


@lru_cache(maxsize=SHAPES_KEPT)
def compiled_home(shape: HomeShape) -> CompiledModel:
    """The compiled model of a shape."""
    with BUILDING:
        return compile_model(build_home_model(shape))


def build_home_model(shape: HomeShape) -> pyo.ConcreteModel:
    """Least cost of a home's energy.

    minimise Σ_t p^buy·b − p^sell·s + κ·(c + g) + m·o + w^lost·l + Σ_k a_kt·z_kt − Σ_l w_lt·u_lt
    """
    with PauseGC():
        model = pyo.ConcreteModel(name="home")
        slots = range(shape.slots)
        names = [*SERIES, *shape.extra, *(STORAGE if shape.efficiency is not None else ())]
        model.data = pyo.Block()
        model.data.load = pyo.Var(slots)
        model.data.storage_start = pyo.Var(range(1))
        for name in names:
            setattr(model.data, f"{name}_price", pyo.Var(slots))
            setattr(model.data, f"{name}_high", pyo.Var(slots))
            setattr(model, name, pyo.Var(slots, bounds=(0, None)))
        groups = {"appliance": shape.appliances, "comfort": shape.comfort}
        for name, count in groups.items():
            setattr(model.data, f"{name}_price", pyo.Var(range(count), slots))
            setattr(model.data, f"{name}_high", pyo.Var(range(count), slots))
            setattr(model, name, pyo.Var(range(count), slots, bounds=(0, None)))
        model.data.appliance_energy = pyo.Var(range(shape.appliances))
        model.data.start_price = pyo.Var(range(len(shape.cycles)), slots)
        model.data.start_high = pyo.Var(range(len(shape.cycles)), slots)
        model.start = pyo.Var(range(len(shape.cycles)), slots, domain=pyo.Binary)
        model.charging = pyo.Var(range(len(shape.guarded)), domain=pyo.Binary)
        priced = [*names, *groups, "start"]
        model.cost = pyo.Objective(
            expr=pyo.quicksum(
                getattr(model.data, f"{name}_price")[key] * variable
                for name in priced
                for key, variable in getattr(model, name).items()
            )
        )
        limit_by_data(model, priced)
        balance_home(model, shape)
        take_appliance_energy(model, shape)
        if shape.efficiency is not None:
            store_energy(model, shape)
    return model


def limit_by_data(model: pyo.ConcreteModel, names: list[str]) -> None:
    """0 ≤ x ≤ high, for every decision; a window is a high of 0 outside it."""
    for name in names:
        variable, high = getattr(model, name), getattr(model.data, f"{name}_high")
        keys = list(variable)
        rule = lambda _, n, v=variable, h=high, k=keys: v[k[n]] - h[k[n]] <= 0  # noqa: E731
        setattr(model, f"{name}_limit", pyo.Constraint(range(len(keys)), rule=rule))


def balance_home(model: pyo.ConcreteModel, shape: HomeShape) -> None:
    """b − s + sun + o + l + g − c − Σ_k z_k − Σ_l u_l − cycles = load; the dual is the marginal cost."""

    def balance(_: object, t: int) -> object:
        plus = [getattr(model, name)[t] for name in ("bought", *shape.extra)]
        minus = [model.sold[t]]
        if shape.efficiency is not None:
            plus.append(model.discharged[t])
            minus.append(model.charged[t])
        minus += [model.appliance[k, t] for k in range(shape.appliances)]
        minus += [model.comfort[k, t] for k in range(shape.comfort)]
        coefs = [*[1.0] * len(plus), *[-1.0] * len(minus)]
        variables = [*plus, *minus]
        for k, (power, length) in enumerate(shape.cycles):
            started = range(max(t - length + 1, 0), t + 1)
            coefs += [-power] * len(started)
            variables += [model.start[k, tau] for tau in started]
        return (
            LinearExpression(linear_coefs=[*coefs, -1.0], linear_vars=[*variables, model.data.load[t]]) == 0
        )

    model.balance = pyo.Constraint(range(shape.slots), rule=balance)


def take_appliance_energy(model: pyo.ConcreteModel, shape: HomeShape) -> None:
    """Σ_t z_kt·hours = E_k within the window; a cycle starts exactly once."""
    model.appliance_total = pyo.Constraint(
        range(shape.appliances),
        rule=lambda m, k: (
            pyo.quicksum(shape.hours * m.appliance[k, t] for t in range(shape.slots))
            - m.data.appliance_energy[k]
            == 0
        ),
    )
    model.start_once = pyo.Constraint(
        range(len(shape.cycles)),
        rule=lambda m, k: pyo.quicksum(m.start[k, t] for t in range(shape.slots)) == 1,
    )


def store_energy(model: pyo.ConcreteModel, shape: HomeShape) -> None:
    """e_{t+1} = e_t + η·c·hours − g·hours/η, e_T = e_0; not both at once where the price is negative."""
    eta, hours = shape.efficiency, shape.hours
    assert eta is not None

    def stored(m: pyo.ConcreteModel, t: int) -> object:
        before = m.stored[t - 1] if t else m.data.storage_start[0]
        change = eta * hours * m.charged[t] - hours / eta * m.discharged[t]
        return m.stored[t] - before - change == 0

    model.storage = pyo.Constraint(range(shape.slots), rule=stored)
    model.storage_end = pyo.Constraint(
        range(1), rule=lambda m, _: m.stored[shape.slots - 1] - m.data.storage_start[0] == 0
    )
    power = shape.battery_mw
    model.charge_only = pyo.Constraint(
        range(len(shape.guarded)), rule=lambda m, k: m.charged[shape.guarded[k]] - power * m.charging[k] <= 0
    )
    model.discharge_only = pyo.Constraint(
        range(len(shape.guarded)),
        rule=lambda m, k: m.discharged[shape.guarded[k]] + power * m.charging[k] <= power,
    )


def home_program(home: Home, buy_price: np.ndarray, sell_price: np.ndarray) -> tuple[CompiledModel, Program]:
    """The compiled model and the scaled program of one home under a tariff."""
    model, plain = plain_home_program(home, buy_price, sell_price)
    whole = np.concatenate([model.variables["start"], model.variables["charging"]])
    return model, scale_with_integers(plain, whole, QUANTITY, MONEY)


def plain_home_program(
    home: Home, buy_price: np.ndarray, sell_price: np.ndarray
) -> tuple[CompiledModel, Program]:
    """The same in MW and $/MWh, with yes-or-no decisions relaxed."""
    model = compiled_home(shape_of(home, buy_price))
    return model, model.at(**_numbers(home, buy_price, sell_price))


def _numbers(home: Home, buy_price: np.ndarray, sell_price: np.ndarray) -> dict[str, np.ndarray]:
    slots = home.slots
    ones, zeros = np.ones(slots), np.zeros(slots)
    lost = 0.0 if home.value_of_lost_load is None else home.value_of_lost_load
    out = {
        "load": home.load_mw,
        "storage_start": np.zeros(1),
        "bought_price": buy_price,
        "bought_high": home.connection_mw * ones,
        "sold_price": -sell_price,
        "sold_high": home.connection_mw * ones,
        "sun_price": zeros,
        "sun_high": home.pv_mw,
        "generated_price": home.generator_price * ones,
        "generated_high": home.generator_mw * ones,
        "lost_price": lost * ones,
        "lost_high": zeros if home.value_of_lost_load is None else home.load_mw,
    }
    if home.battery is not None:
        b = home.battery
        out["storage_start"] = np.array([b.start * b.energy_mwh])
        for name, price, high in (
            ("charged", b.wear, b.power_mw), ("discharged", b.wear, b.power_mw), ("stored", 0.0, b.energy_mwh)
        ):  # fmt: skip
            out |= {f"{name}_price": price * ones, f"{name}_high": high * ones}
    slot = np.arange(slots)
    flexible = [a for a in home.appliances if a.interruptible]
    window = [(slot >= a.first) & (slot < a.last) for a in flexible]
    out["appliance_high"] = _stack([a.power_mw * w for a, w in zip(flexible, window, strict=True)], slots)
    delay = [a.annoyance * np.maximum(slot - a.first, 0) * home.hours for a in flexible]
    out["appliance_price"] = _stack(delay, slots)
    out["appliance_energy"] = np.array([a.energy_mwh for a in flexible])
    out["comfort_high"] = _stack([c.mw * ones for c in home.comfort], slots)
    out["comfort_price"] = _stack([-c.worth for c in home.comfort], slots)
    cycles = [a for a in home.appliances if not a.interruptible]
    length = [round(a.energy_mwh / (a.power_mw * home.hours)) for a in cycles]
    begin = [
        (slot >= a.first) & (slot <= max(a.last - n, a.first)) for a, n in zip(cycles, length, strict=True)
    ]
    out["start_high"] = _stack([b.astype(float) for b in begin], slots)
    waits = [
        a.annoyance * a.power_mw * _running_delay(slot, a.first, n) * home.hours
        for a, n in zip(cycles, length, strict=True)
    ]
    out["start_price"] = _stack(waits, slots)
    return out


def _running_delay(slot: np.ndarray, first: int, length: int) -> np.ndarray:
    """Σ of the delays (in slots) of a cycle's running slots, by its starting slot."""
    return length * np.maximum(slot - first, 0) + length * (length - 1) / 2.0


def _stack(rows: list[np.ndarray], slots: int) -> np.ndarray:
    return np.array(rows) if rows else np.zeros((0, slots))
