"""Laws 2, 5 and 6 on random markets: status, cost and price intervals of an independent formulation."""

import pytest

from tests.support.market_checks import check_market


@pytest.mark.parametrize("seed", range(1000, 1040))
def test_market(seed):
    check_market(seed, places=1)
