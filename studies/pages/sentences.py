"""Facts of a clearing in words, for the terminal, the picture's title and the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from studies.pages.facts import Facts


def money(amount: float) -> str:
    """`"517,585.53 $"`."""
    return "no finite amount" if not math.isfinite(amount) else f"{cents(amount)} $"


def cents(amount: float) -> str:
    """`"517,585.53"`; what rounds to nothing has no sign."""
    return f"{round(amount, 2) + 0.0:,.2f}"


def price(amount: float) -> str:
    """`"36.18"` in $/MWh; small prices keep four significant digits."""
    if not math.isfinite(amount):
        return "∞" if amount == math.inf else "−∞" if amount == -math.inf else "none"
    if 0 < abs(amount) < 0.1:
        return f"{amount:.4g}"
    return cents(amount)


def megawatts(amount: float) -> str:
    """`"23,525.9"` in MW."""
    if not math.isfinite(amount):
        return "none" if amount > 0 else "−∞"
    if 0 < abs(amount) < 0.1:
        return f"{amount:.3g}"
    return f"{amount:,.1f}"


def power_unit(largest_mw: float) -> tuple[float, str]:
    """(factor, unit) in which powers up to `largest_mw` read well: MW, or kW and W in a microgrid."""
    if not 0 < largest_mw < 0.1:
        return 1.0, "MW"
    return (1e3, "kW") if largest_mw >= 1e-4 else (1e6, "W")


def power(amount_mw: float) -> str:
    """`"26.81 W"`, `"3.2 kW"`, `"0.522 MW"`."""
    factor, unit = power_unit(abs(amount_mw))
    return f"{amount_mw * factor + 0.0:,.4g} {unit}"


def sentence_case(text: str) -> str:
    """The text with a capital at its start; names inside keep theirs."""
    return text[:1].upper() + text[1:]


def count(number: int, one: str, many: str | None = None) -> str:
    """`"1 bus"`, `"3 buses"`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def in_period(facts: Facts, period: int) -> str:
    """`" in period 3"`, or nothing where there is only one."""
    return f" in period {period}" if facts.periods > 1 else ""


def price_sentence(facts: Facts) -> str:
    """The prices in a sentence: one price, or the range with its buses and the mean."""
    if not facts.outcome.priced.any():
        return "No bus has a price: nothing bounds it from either side."
    low, low_bus, low_period = facts.extreme(greatest=False)
    high, high_bus, high_period = facts.extreme(greatest=True)
    if facts.has_one_price.all():
        where = f"all {len(facts.grid.buses):,} buses" if len(facts.grid.buses) > 1 else "the bus"
        if facts.periods == 1 or high - low <= 1e-6 * (1 + abs(high)):
            return f"One price at {where}: {price(high)} $/MWh."
        return (
            f"One price at {where} in each period: {price(low)} (period {low_period}) to "
            f"{price(high)} $/MWh (period {high_period}), mean {price(facts.overall_mean_price)}."
        )
    return (
        f"{price(low)} $/MWh (bus {low_bus}{in_period(facts, low_period)}) to {price(high)} $/MWh "
        f"(bus {high_bus}{in_period(facts, high_period)}), mean {price(facts.overall_mean_price)} "
        "weighted by demand."
    )


def uniqueness_sentence(facts: Facts) -> str:
    """Whether other prices support the same dispatch, and which rule picked these."""
    open_ = facts.open_intervals
    if facts.outcome.unique_prices or not open_.any():
        return "unique: no other prices support this dispatch"
    low, high = facts.outcome.intervals
    width = np.where(open_, np.nan_to_num(high - low, nan=np.inf), -np.inf)
    bus, period = np.unravel_index(int(np.argmax(width)), width.shape)
    where = count(int(open_.any(axis=1).sum()), "bus", "buses")
    ends = f"{price(low[bus, period])} to {price(high[bus, period])}"
    return (
        f"not unique at {where}: the widest interval is {ends} $/MWh "
        f"(bus {facts.grid.buses[bus]}{in_period(facts, int(period))}); "
        f"rule '{facts.outcome.price_rule}' chose the prices shown"
    )


def congestion_sentence(facts: Facts) -> str:
    """How many branches bind, and what their rents come to."""
    if facts.binding.empty:
        return "no branch limit binds"
    number = facts.binding["branch"].nunique()
    verb = "binds" if number == 1 else "bind"
    return f"{count(number, 'branch', 'branches')} {verb}; congestion rents {money(facts.congestion_rent)}"


def certificate_sentence(facts: Facts) -> str:
    """The proof in a line: verdict, worst row, residual, tolerance, solver."""
    certificate = facts.outcome.certificate
    row, residual = certificate.worst
    return (
        f"{certificate.verdict}: {len(certificate.residuals)} conditions of optimality checked, worst {row} "
        f"at {residual:.1e} (tolerance {certificate.tolerances[row]:.0e}); "
        f"active set by {facts.outcome.solver}"
    )


def demand_sentence(facts: Facts) -> str:
    """Demand served, with its peak when there are several periods, and what stayed unserved."""
    total = facts.served_mw.sum(axis=0)
    if facts.periods == 1:
        text = f"{megawatts(float(total[0]))} MW"
    else:
        energy = float(total.sum()) * facts.book.hours
        text = (
            f"{megawatts(energy)} MWh over {facts.periods} periods of {facts.book.hours:g} h, "
            f"peak {megawatts(float(total.max()))} MW in period {int(total.argmax())}"
        )
    if facts.unserved_mw > 1e-6 * (1.0 + float(total.sum())):
        unit = "MW" if facts.periods == 1 else "MWh"
        hours = 1.0 if facts.periods == 1 else facts.book.hours
        text += f"; bids for {megawatts(facts.unserved_mw * hours)} {unit} not accepted"
    return text
