"""ElecBay: solved by hand, by enumeration of blocks, and against invariants."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import networks
from clearing import Book, ElecBay, InfeasibleError, InputError, NodalMarket, SealedBook, TimeLimitError
from clearing.elecbay.certificate import certify_choice
from clearing.nodal_certificate import Claim
from networks.feeders import refuse_unless_radial

LINE = networks.Grid.from_tables(
    [{"bus": "a"}, {"bus": "b"}],
    [{"branch": "ab", "from_bus": "a", "to_bus": "b", "x_pu": 0.1, "limit_mw": 0.004}],
    base_mva=1.0,
)
TRIANGLE = networks.Grid.from_tables(
    [{"bus": n} for n in (1, 2, 3)],
    [
        {"branch": f"{a}-{b}", "from_bus": a, "to_bus": b, "x_pu": 0.1, "limit_mw": mw}
        for a, b, mw in ((1, 2, None), (2, 3, None), (1, 3, 1.0))
    ],
)


def order(name, side, mw, price, bus="a", **extra):
    return {
        "order": name, "participant": extra.pop("who", name), "bus": bus, "side": side, "mw": mw,
        "price": price,
    } | extra  # fmt: skip


def test_the_line_binds_and_each_order_says_why():
    book = SealedBook.from_tables(
        [
            order("cheap", "sell", 0.010, 50),
            order("dear", "sell", 0.010, 120, "b"),
            order("hopeless", "sell", 0.001, 900, "b"),
            order("want", "buy", 0.006, 300, "b"),
        ]
    )
    outcome = ElecBay(LINE).clear(book)
    assert outcome.prices.lmp.tolist() == [50, 120]
    assert outcome.welfare == pytest.approx(0.006 * 300 - 0.004 * 50 - 0.002 * 120)
    life = outcome.life_cycle.droplevel("period")
    assert life.status.to_dict() == {
        "cheap": "partly accepted", "dear": "partly accepted", "hopeless": "rejected", "want": "accepted"
    }  # fmt: skip
    assert life.reason.to_dict() == {
        "cheap": "security of branch ab", "dear": "price", "hopeless": "price", "want": ""
    }  # fmt: skip
    summary = outcome.settlement.summary
    assert summary.platform_surplus == pytest.approx(70 * 0.004)
    assert summary.platform_surplus == pytest.approx(summary.congestion_rent)
    assert any("voltage" in note for note in outcome.notes)
    assert outcome.certificate.holds
    assert not outcome.accepted_mw.flags.writeable


def test_pricing_rules_by_hand():
    """One unit each, values 10 and 20 and 30 for one unit at cost 0: first and second price."""
    book = SealedBook.from_tables(
        [order("item", "sell", 1, 0), *(order(f"bid {v}", "buy", 1, v) for v in (10, 20, 30))]
    )
    grid = networks.Grid.from_tables([{"bus": "a"}])
    assert ElecBay(grid, "pay_as_bid").clear(book).settlement.summary.buyers_pay == pytest.approx(30)
    second = ElecBay(grid, "second_price").clear(book).settlement.participants
    assert second.pays["bid 30"] == pytest.approx(20)
    low, half, high = (ElecBay(grid, "k", k=k).clear(book).prices.lmp.iloc[0] for k in (0, 0.5, 1))
    assert (low, half, high) == (20, 25, 30)


def test_sloped_orders_and_periods():
    rows = [order("s", "sell", 4, 10, slope=5.0), order("b", "buy", 2, 30)]
    outcome = ElecBay(networks.Grid.from_tables([{"bus": "a"}])).clear(
        SealedBook.from_tables(rows, periods=2, hours=0.5)
    )
    assert outcome.accepted_mw == pytest.approx([2, 2, 2, 2])
    assert outcome.welfare == pytest.approx(2 * 0.5 * (60 - 20 - 10))


def brute_force(grid, sealed):
    """Best welfare and its blocks, over all choices; law 4 among equals."""
    found = []
    for choice in itertools.product([False, True], repeat=len(sealed.blocks)):
        chosen = np.array(choice)
        taken = sealed.group_of[(sealed.group_of >= 0) & chosen]
        if len(set(taken.tolist())) < len(taken):
            continue
        try:
            outcome = NodalMarket(grid).clear(sealed.at(chosen))
        except InfeasibleError:
            continue
        volume = outcome.accepted_mw[sealed.book.side[sealed.book.column_row] < 0].sum()
        first = tuple(chosen[np.argsort(sealed.rank)].tolist())
        found.append((round(outcome.welfare, 9), round(volume, 9), first, chosen))
    return max(found, key=lambda item: item[:3])


def draw_blocks(generator, blocks, periods=2):
    rows = []
    for k in range(6):
        side = ("sell", "buy")[k % 2]
        price = float(generator.choice([50, 80, 100, 150] if side == "sell" else [90, 100, 200, 250]))
        rows.append(order(f"o{k}", side, float(generator.choice([1, 2, 3])) * 1e-3, price, "ab"[k % 2]))
    for b in range(blocks):
        side = ("sell", "buy")[b % 2]
        price = float(generator.choice([40, 80, 100] if side == "sell" else [100, 160, 240]))
        extra = {"block": f"B{b}", "submitted": float(generator.integers(3)), "who": f"w{b}"}
        if generator.random() < 0.3:
            extra["exclusive"] = "G"
        if generator.random() < 0.3:
            extra["min_share"] = 0.5
        size = float(generator.choice([1, 2, 4])) * 1e-3
        for t in range(periods) if generator.random() < 0.5 else [int(generator.integers(periods))]:
            rows.append(
                order(f"b{b}", side, size, price, "ab"[int(generator.integers(2))], period=t, **extra)
            )
    return SealedBook.from_tables(
        rows,
        periods=periods,
        supplier=[{"bus": "a", "import_price": 180, "export_price": 40, "import_mw": 0.002}],
    )


@pytest.mark.parametrize("seed", range(12))
def test_blocks_by_enumeration(seed):
    sealed = draw_blocks(np.random.default_rng(seed), blocks=5)
    outcome = ElecBay(LINE).clear(sealed)
    welfare, _, _, chosen = brute_force(LINE, sealed)
    assert outcome.welfare == pytest.approx(welfare, abs=1e-9)
    assert outcome.chosen.tolist() == chosen.tolist()
    assert outcome.certificate.holds
    assert max(outcome.settlement.identities.values()) < 1e-6


def test_a_block_is_made_whole_and_a_rejected_one_says_so():
    """A block of 10 at 52 displaces a unit offer at 100 for 10, but a cheap divisible unit sets the price."""
    grid = networks.Grid.from_tables([{"bus": "a"}])
    book = SealedBook.from_tables(
        [
            order("cheap", "sell", 6, 20),
            order("block", "sell", 10, 52, block="B"),
            order("dear", "sell", 20, 100),
            order("load", "buy", 12, 500),
        ]
    )
    outcome = ElecBay(grid).clear(book)
    assert outcome.chosen.tolist() == [True]
    assert outcome.prices.lmp.iloc[0] == 20
    assert outcome.blocks.uplift["B"] == pytest.approx(320)
    summary = outcome.settlement.summary
    assert summary.uplift == pytest.approx(320)
    assert summary.platform_surplus == pytest.approx(-320)
    assert outcome.settlement.participants.surplus["block"] == pytest.approx(0)
    small = SealedBook.from_tables(
        [order("s", "sell", 5, 50), order("x", "sell", 10, 40, block="X"), order("load", "buy", 6, 60)]
    )
    rejected = ElecBay(grid).clear(small)
    life = rejected.life_cycle.droplevel("period")
    assert life.reason["x"].startswith("block: indivisible") == (rejected.blocks.surplus["X"] > 0)
    assert life.status["x"] == "rejected"


def test_exclusive_group_takes_one_and_names_it():
    rows = [
        order("now", "buy", 1, 90, block="now", exclusive="wash", period=0, who="home"),
        order("later", "buy", 1, 100, block="later", exclusive="wash", period=1, who="home"),
        order("s", "sell", 5, 10),
    ]
    outcome = ElecBay(networks.Grid.from_tables([{"bus": "a"}])).clear(
        SealedBook.from_tables(rows, periods=2)
    )
    assert outcome.chosen.tolist() == [False, True]
    assert "exclusive group wash took later" in outcome.life_cycle.reason[("now", 0)]


def test_ties_of_blocks_prefer_volume_then_time_then_label():
    grid = networks.Grid.from_tables([{"bus": "a"}])
    rows = [order("s", "sell", 2, 100)]
    rows += [order(f"b{k}", "buy", 2, 150, block=f"b{k}", submitted=t) for k, t in enumerate((5, 3, 3))]
    outcome = ElecBay(grid).clear(SealedBook.from_tables(rows))
    assert outcome.chosen.tolist() == [False, True, False]
    assert not outcome.unique_choice
    turned = ElecBay(grid).clear(SealedBook.from_tables(rows[::-1]))
    assert turned.chosen.tolist() == [False, True, False]  # b2, b1, b0
    zero = [order("s", "sell", 2, 100), order("b", "buy", 2, 100, block="b")]
    assert ElecBay(grid).clear(SealedBook.from_tables(zero)).chosen.tolist() == [True]


def eight_bus_book():
    return SealedBook.from_csv(
        "examples/microgrid/elecbay_orders.csv", supplier="examples/microgrid/elecbay_supplier.csv"
    )


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)


@pytest.mark.parametrize("pricing", ["uniform", "pay_as_bid", "k", "vcg"])
def test_permuting_relabelling_and_repeating_change_nothing(pricing):
    grid = networks.load("feeder8").grid
    orders = pd.read_csv("examples/microgrid/elecbay_orders.csv")
    supplier = pd.read_csv("examples/microgrid/elecbay_supplier.csv")
    market = ElecBay(grid, pricing)
    first = market.clear(SealedBook.from_tables(orders, supplier=supplier))
    again = market.clear(SealedBook.from_tables(orders, supplier=supplier))
    assert first.accepted_mw.tobytes() == again.accepted_mw.tobytes()
    assert first.settlement.order_paid.tobytes() == again.settlement.order_paid.tobytes()
    shuffled = orders.sample(frac=1, random_state=1)
    renamed = shuffled.assign(order="x" + shuffled.order.astype(str))
    other = market.clear(SealedBook.from_tables(renamed, supplier=supplier))
    surplus = first.settlement.participants.surplus
    assert other.settlement.participants.surplus[surplus.index].to_numpy() == pytest.approx(
        surplus.to_numpy(), abs=1e-9
    )
    half = orders.assign(mw=orders.mw / 2)
    split = pd.concat([half, half.assign(order=half.order + "'")])
    parts = market.clear(SealedBook.from_tables(split, supplier=supplier))
    assert parts.settlement.participants.surplus[surplus.index].to_numpy() == pytest.approx(
        surplus.to_numpy(), abs=1e-9
    )


def test_the_certificate_refuses_a_worse_choice_and_a_false_price():
    sealed = draw_blocks(np.random.default_rng(3), blocks=5)
    outcome = ElecBay(LINE).clear(sealed)
    n = outcome.nodal
    claim = Claim(n.accepted_mw, n.link_mw, n.flow_mw, n.lmp, n.flow_dual, n.ramp_dual)
    bound = n.welfare
    assert certify_choice(sealed, LINE, claim, outcome.chosen, bound).holds
    assert not certify_choice(sealed, LINE, claim, outcome.chosen, bound * 1.001).holds
    assert not certify_choice(sealed, LINE, claim, ~outcome.chosen, bound).holds
    assert not certify_choice(sealed, LINE, replace(claim, lmp=n.lmp + 1), outcome.chosen, bound).holds
    # a kilowatt market is judged in kilowatts: 1e-6 MW of 3 kW is no rounding
    moved = replace(claim, accepted=n.accepted_mw + 1e-7)
    assert not certify_choice(sealed, LINE, moved, outcome.chosen, bound).holds


def test_vcg_is_truthful_on_a_grid_of_misreports():
    grid = networks.load("feeder8").grid
    orders = pd.read_csv("examples/microgrid/elecbay_orders.csv")
    supplier = pd.read_csv("examples/microgrid/elecbay_supplier.csv")
    market = ElecBay(grid, "vcg")

    def profit(price):
        changed = orders.assign(price=orders.price.where(orders.order != "S1", price).astype(float))
        outcome = market.clear(SealedBook.from_tables(changed, supplier=supplier))
        row = outcome.settlement.participants.loc["seller 1"]
        return row.receives - row.sold_mwh * truth

    truth = float(orders.price[0])
    honest = profit(truth)
    assert honest >= -1e-12
    assert all(profit(p) <= honest + 1e-9 for p in (10.0, truth * 0.8, truth * 1.1, 185.0, 205.0, 400.0))


def test_vcg_gives_its_bonus_to_who_sells_and_takes_it_off_what_a_pure_buyer_pays():
    """One participant sells 2 MW and buys 1: welfare is 200 $ with it and 100 $ without."""
    rows = [
        order("s", "sell", 2, 10, who="both"), order("b", "buy", 1, 90, who="both"),
        order("o", "sell", 2, 30), order("c", "buy", 2, 80),
    ]  # fmt: skip
    outcome = ElecBay(networks.Grid.from_tables([{"bus": "a"}]), "vcg").clear(SealedBook.from_tables(rows))
    found = outcome.settlement.participants
    assert outcome.welfare == pytest.approx(200)
    assert found.loc["both", ["pays", "receives", "surplus"]].tolist() == pytest.approx([90, 20 + 100, 100])
    assert found.loc["c", ["pays", "receives", "surplus"]].tolist() == pytest.approx([160 - 120, 0, 120])


BAD = [
    ("has no quantity", [order("x", "buy", 0, 5, block="B")], {}),
    ("after gate closure", [order("x", "buy", 1, 5, submitted=11)], {"gate_closure": 10}),
    ("gate_closure needs it", [order("x", "buy", 1, 5)], {"gate_closure": 10}),
    ("not a bus of the grid", [order("x", "buy", 1, 5, "z")], {}),
    ("reserved name", [order("x", "buy", 1, 5, who="supplier")], {}),
    ("one participant", [order("x", "buy", 1, 5, block="B"), order("y", "buy", 1, 5, block="B")], {}),
    ("above 1", [order("x", "buy", 1, 5, min_share=1.5)], {}),
    ("takes no sloped orders", [order("x", "buy", 1, 5, slope=1.0, block="B")], {}),
    ("exported dearer", [order("x", "buy", 1, 5)],
     {"supplier": [{"bus": "a", "import_price": 5, "export_price": 6}]}),
    ("finite number", [order("x", "buy", 1, np.nan)], {}),
]  # fmt: skip


@pytest.mark.parametrize(("message", "rows", "options"), BAD, ids=[b[0] for b in BAD])
def test_bad_books_are_refused_by_name(message, rows, options):
    with pytest.raises(InputError, match=message):
        ElecBay(LINE).clear(SealedBook.from_tables(rows, **options))


def test_bad_markets_are_refused():
    with pytest.raises(InputError, match="did you mean 'uniform'"):
        ElecBay(LINE, "uniforn")
    with pytest.raises(InputError, match="sequential"):
        ElecBay(LINE, "vcg", mode="sequential")
    with pytest.raises(InputError, match="closes a loop"):
        ElecBay(TRIANGLE, radial=True)
    with pytest.raises(InputError, match="island of its own"):
        refuse_unless_radial(networks.Grid.from_tables([{"bus": 1}, {"bus": 2}]))
    blocks = SealedBook.from_tables([order("x", "buy", 1, 5, block="B")])
    with pytest.raises(InputError, match="mode='exact'"):
        ElecBay(LINE, "k", mode="sequential").clear(blocks)


def test_fixed_demand_that_only_blocks_could_serve_is_explained():
    block = [order("b", "sell", 5, 10, block="B")]
    for mw, message in ((3, "fit in no combination"), (8, "MW")):
        with pytest.raises(InfeasibleError, match=message):
            ElecBay(LINE).clear(SealedBook.from_tables(block, fixed=[{"bus": "a", "mw": mw}]))
    assert ElecBay(LINE).clear(SealedBook.from_tables([])).welfare == 0


def test_a_plain_book_clears_and_its_minimum_outputs_are_made_whole():
    rows = [order("s", "sell", 2, 50, min_mw=1), order("c", "sell", 2, 5), order("b", "buy", 2, 90)]
    outcome = ElecBay(networks.Grid.from_tables([{"bus": "a"}])).clear(Book.from_tables(rows))
    assert outcome.prices.lmp.iloc[0] == 5
    assert outcome.settlement.summary.uplift == pytest.approx(45)


def test_time_limit_raises_and_an_indispensable_seller_is_named():
    generator = np.random.default_rng(0)
    draws = generator.uniform([1, 9], [9, 20], (400, 2)).tolist()
    rows = [order(f"b{k}", ("sell", "buy")[k % 2], *draw, block=k) for k, draw in enumerate(draws)]
    grid = networks.Grid.from_tables([{"bus": "a"}])
    with pytest.raises(TimeLimitError):
        ElecBay(grid, time_limit=1e-3).clear(SealedBook.from_tables(rows))
    with pytest.raises(InfeasibleError, match="without participant 's'"):
        ElecBay(grid, "vcg").clear(
            SealedBook.from_tables([order("s", "sell", 2, 5)], fixed=[{"bus": "a", "mw": 1}])
        )
