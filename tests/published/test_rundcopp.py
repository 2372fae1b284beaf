"""pandapower's own DC optimal power flow: its cost and prices where it converges, without angle limits."""

import numpy as np
import pandapower
import pytest

import networks
from clearing import Book
from tests.support.small import clear

NETS = {
    "ieee5": "case5",
    "ieee6": "case6ww",
    "ieee9": "case9",
    "ieee14": "case14",
    "ieee30": "case_ieee30",
    "ieee39": "case39",
    "ieee57": "case57",
}
KNOWN = set(networks.catalogue()["name"])


@pytest.mark.parametrize("name", [n for n in NETS if n in KNOWN])
def test_rundcopp(name):
    net = getattr(pandapower.networks, NETS[name])()
    try:
        pandapower.rundcopp(net)
    except pandapower.OPFNotConverged:
        pytest.skip("pandapower's own solver does not converge here")
    case = networks.load(name, angle_limits="ignore")
    out = clear(case.grid, Book.from_case(case))
    assert out.cost == pytest.approx(net.res_cost, rel=1e-5)
    lam = dict(zip(net.res_bus.index, net.res_bus["lam_p"], strict=True))
    low, high = out.intervals
    for n, bus in enumerate(out.grid.buses):
        if bus in lam and np.isfinite(lam[bus]):
            slack = 1e-3 * (1 + abs(lam[bus]))
            assert low[n, 0] - slack <= lam[bus] <= high[n, 0] + slack
