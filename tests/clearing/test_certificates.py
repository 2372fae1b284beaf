"""One meaning of "holds" for every certificate: a row that is absent never passes."""

import numpy as np
import pytest

from clearing.certificate import Certificate
from clearing.nodal_certificate import TOLERANCES
from clearing.trading.outcome import tolerances_of
from clearing.violations import largest

CERTIFICATES = [
    Certificate(dict.fromkeys(TOLERANCES, 0.0), TOLERANCES),
    *(
        Certificate(dict.fromkeys(tolerances_of(model, verify), 0.0), tolerances_of(model, verify))
        for model in ("ad_hoc", "self_interested", "cooperative", "integrated")
        for verify in (False, True)
    ),
]


@pytest.mark.parametrize("certificate", CERTIFICATES)
def test_every_row_counts(certificate):
    assert certificate.holds
    for row, admitted in certificate.tolerances.items():
        for residual, holds in ((admitted, True), (2 * admitted, False), (np.nan, False), (np.inf, False)):
            changed = Certificate(certificate.residuals | {row: residual}, certificate.tolerances)
            assert changed.holds is holds
            assert changed.worst[0] == row
        rest = {name: value for name, value in certificate.residuals.items() if name != row}
        absent = Certificate(rest, certificate.tolerances)
        assert not absent.holds
        assert absent.worst == (row, np.inf)
        assert f"FAILS: worst row {row}" in str(absent)


def test_a_residual_without_a_tolerance_and_an_empty_proof_do_not_hold():
    assert not Certificate({"P1": 0.0, "P9": 0.0}, {"P1": 1e-6}).holds
    assert not Certificate({}, {}).holds
    assert Certificate({"Z": 0.0}, {"Z": 0.0}).holds
    assert not Certificate({"Z": 1e-300}, {"Z": 0.0}).holds


def test_what_is_not_a_number_is_never_the_smaller_one():
    for parts in ((np.array([0.0, np.nan]), 1.0), (1.0, np.nan), (np.nan, np.array([]))):
        assert np.isnan(largest(*parts))
    assert largest(np.array([-1.0]), np.array([])) == 0.0
    assert largest(np.array([2.0]), np.inf) == np.inf


def test_models_name_their_rows():
    assert set(tolerances_of("ad_hoc")) == {"balance", "physics", "identity"}
    assert set(tolerances_of("cooperative")) == {"balance", "physics", "identity", "tightness", "optimality"}
    assert "physics" not in tolerances_of("integrated")
    assert "cuts" in tolerances_of("cooperative", verify=True)
