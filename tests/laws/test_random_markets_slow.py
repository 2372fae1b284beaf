"""Laws 2, 5 and 6 on 1,000 random markets: stores across 0, links, slopes, islands, infeasible ones."""

from collections import Counter

import pytest

from tests.support.market_checks import check_market

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("part", range(20))
def test_fifty_markets(part):
    found = Counter(check_market(seed) for seed in range(50 * part, 50 * (part + 1)))
    assert found["optimal"] >= 25
    assert found["infeasible"] >= 2
