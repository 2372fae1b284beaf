"""Two formulations of one market are equal: bus angles, and power transfer distribution factors."""

import numpy as np
import pytest
from hypothesis import given, settings

import networks
from clearing import Book, InfeasibleError, InputError, NodalMarket
from tests.support.random_books import instances
from tests.support.small import same


def outcomes(grid, book):
    found = []
    for form in ("angle", "ptdf"):
        try:
            found.append(NodalMarket(grid, form=form).clear(book))
        except (InfeasibleError, InputError) as error:
            found.append(type(error))
    return found


def assert_equal(a, b):
    assert same(a.accepted_mw, b.accepted_mw)
    assert same(a.link_mw, b.link_mw)
    assert same(a.flow_mw, b.flow_mw)
    assert same(a.lmp, b.lmp)
    assert same(a.flow_dual, b.flow_dual)
    assert same(a.ramp_dual, b.ramp_dual)
    assert b.welfare == pytest.approx(a.welfare, rel=1e-9, abs=1e-9)
    assert b.cost == pytest.approx(a.cost, rel=1e-9, abs=1e-9)


@settings(max_examples=30)
@given(instances(slopes=False))
def test_random_books_without_slopes(case):
    a, b = outcomes(*case)
    if isinstance(a, type):
        assert a is b
    else:
        assert_equal(a, b)
        assert same(np.array(a.intervals), np.array(b.intervals), 1e-8)


@settings(max_examples=20)
@given(instances(slopes=True))
def test_random_books(case):
    a, b = outcomes(*case)
    if isinstance(a, type):
        assert a is b
    else:
        assert_equal(a, b)


@pytest.mark.parametrize("name", ["ieee14", "pglib_ieee300"])
def test_named_cases(name):
    case = networks.load(name)
    assert_equal(*outcomes(case.grid, Book.from_case(case)))


def test_case_with_periods_and_ramps():
    case = networks.load("ieee14")
    assert_equal(*outcomes(case.grid, Book.from_case(case, profile=[0.9, 1.0, 0.8], ramp_share=0.5)))
