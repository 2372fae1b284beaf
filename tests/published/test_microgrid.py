"""Figures of the microgrid documents and of published auctions, on ElecBay."""

import json
from pathlib import Path

import numpy as np
import pytest

import networks
from clearing import ElecBay, SealedBook

ROOT = Path(__file__).parents[2]
AUCTIONS = {
    entry["id"]: entry
    for entry in json.loads((ROOT / "tests/data/reference/auctions_reference.json").read_text("utf-8"))
}
ONE_BUS = networks.Grid.from_tables([{"bus": "a"}])


def auction(buy, sell):
    """One product at one bus: (MW, price) of each bid and offer."""
    rows = [
        {
            "order": f"{side} {k}",
            "participant": f"{side} {k}",
            "bus": "a",
            "side": side,
            "mw": mw,
            "price": price,
        }
        for side, orders in (("buy", buy), ("sell", sell))
        for k, (mw, price) in enumerate(orders)
    ]
    return SealedBook.from_tables(rows)


def cleared(pricing, buy, sell, **options):
    return ElecBay(ONE_BUS, pricing, **options).clear(auction(buy, sell))


PYMARKET, DOUBLE, POOL = (
    AUCTIONS[k] for k in ("pymarket_bids", "double_9-8-7-4_2-3-4-5", "ks_pool_syldavia")
)
BOOKS = [
    (PYMARKET, *([(o["qty"], o["price"]) for o in PYMARKET[side]] for side in ("buy", "sell"))),
    (DOUBLE, [(1, v) for v in DOUBLE["values"]], [(1, c) for c in DOUBLE["costs"]]),
    (POOL, POOL["buy"], POOL["sell"]),
]


@pytest.mark.parametrize(("entry", "buy", "sell"), BOOKS, ids=[b[0]["id"] for b in BOOKS])
def test_uniform_and_k_prices(entry, buy, sell):
    wanted = entry["efficient"]
    outcome = cleared("k", buy, sell, k=0.5)
    bought = outcome.accepted[outcome.accepted.side == "buy"].accepted_mw.sum()
    assert bought == pytest.approx(wanted["quantity"])
    assert outcome.welfare == pytest.approx(wanted["welfare"])
    assert outcome.prices.lmp.iloc[0] == pytest.approx(wanted["k_price"])
    uniform = cleared("uniform", buy, sell).prices.iloc[0]
    assert (uniform.lmp_low, uniform.lmp_high) == pytest.approx((wanted["price_low"], wanted["price_high"]))


def test_pay_as_bid_of_the_pool():
    summary = cleared("pay_as_bid", POOL["buy"], POOL["sell"]).settlement.summary
    paid = POOL["pay_as_bid"]
    assert summary.buyers_pay == pytest.approx(paid["buyers_pay"])
    assert summary.sellers_get == pytest.approx(paid["sellers_get"])
    assert summary.platform_surplus == pytest.approx(paid["auctioneer"])


def test_vcg_of_the_double_auction_runs_its_deficit():
    outcome = cleared("vcg", BOOKS[1][1], BOOKS[1][2])
    table, wanted = outcome.settlement.participants, DOUBLE["vcg"]
    buyers = table[table.bought_mwh > 0]
    sellers = table[table.sold_mwh > 0]
    assert len(buyers) == len(sellers) == wanted["trades"]
    assert buyers.pays.to_numpy() == pytest.approx(wanted["buyer_price"])
    assert sellers.receives.to_numpy() == pytest.approx(wanted["seller_price"])
    assert outcome.settlement.summary.platform_surplus == pytest.approx(wanted["budget"])


def test_vickrey():
    entry = AUCTIONS["vickrey"]
    bids = [(1, value) for value in entry["bids"]]
    second = cleared("second_price", bids, [(1, 0)]).settlement.participants
    winner = f"buy {entry['second_price']['winner']}"
    assert second.pays[winner] == pytest.approx(entry["second_price"]["price"])
    assert second.pays.drop(winner).max() == 0
    first = cleared("pay_as_bid", bids, [(1, 0)]).settlement.summary
    assert first.buyers_pay == pytest.approx(entry["first_price"]["price"])
    two = entry["multiunit_2"]
    bids = [(1, v) for v in (*two["winners"], two["highest_losing"], 10)]
    assert cleared("pay_as_bid", bids, [(2, 0)]).settlement.summary.buyers_pay == pytest.approx(
        two["pay_as_bid"]
    )
    prices = cleared("uniform", bids, [(2, 0)]).prices.iloc[0]
    assert (prices.lmp_low, prices.lmp_high) == (two["highest_losing"], two["lowest_winning"])
    lowest = cleared("k", bids, [(2, 0)], k=0.0).settlement.summary
    assert lowest.buyers_pay == pytest.approx(two["uniform_hlb"])


def test_eight_bus_instance():
    """An instance of ours with 8 sellers, 12 buyers and one narrow line, as in the microgrid notes."""
    grid = networks.load("feeder8").grid
    folder = ROOT / "examples/microgrid"
    book = SealedBook.from_csv(folder / "elecbay_orders.csv", supplier=folder / "elecbay_supplier.csv")
    found = {p: ElecBay(grid, p).clear(book) for p in ("pay_as_bid", "uniform", "vcg")}
    free = ElecBay(grid.with_settings(limit_mw=np.full(7, np.inf))).clear(book)
    assert found["uniform"].welfare == pytest.approx(1.5195)
    assert free.welfare == pytest.approx(FREE_WELFARE, abs=5e-5)
    lmp = found["uniform"].prices.lmp
    assert (lmp.min(), lmp.max()) == pytest.approx((181, 209))
    assert found["uniform"].nodal.binding.index.tolist() == [("L4", 0)]
    got = {p: o.settlement.summary for p, o in found.items()}
    receipts = {p: s.sellers_get for p, s in got.items()}
    assert receipts["pay_as_bid"] < receipts["uniform"] < receipts["vcg"]
    assert [receipts[p] for p in ("pay_as_bid", "uniform", "vcg")] == pytest.approx(RECEIPTS, abs=5e-5)
    assert got["vcg"].platform_surplus == pytest.approx(VCG_SURPLUS, abs=5e-5)
    assert got["vcg"].platform_surplus < 0
    assert got["uniform"].platform_surplus == pytest.approx(got["uniform"].congestion_rent, abs=1e-12)
    sequential = ElecBay(grid, "k", mode="sequential").clear(book)
    assert sequential.efficiency == pytest.approx(1.0)
    assert sequential.rejected_pairs > 0


FREE_WELFARE = 1.5223
RECEIPTS = [1.8433, 2.2629, 2.3540]
VCG_SURPLUS = -0.1443
