"""Values as messages show them."""

import numpy as np
import pytest

from networks.checks import number, shown, whole
from networks.errors import InputError


@pytest.mark.parametrize("value", [np.float64(-1.5), np.int32(-7), np.bool_(True), np.str_("seven"), 2.5])
def test_numpy_scalars_are_shown_as_plain_values(value):
    plain = getattr(value, "item", lambda: value)()
    assert shown(value) == repr(plain)
    with pytest.raises(InputError, match=f"count is {plain!r}; give a whole number"):
        whole("count", value)
    with pytest.raises(InputError, match=f"power is {plain!r}; give a finite number"):
        number("power", value, "MW", minimum=3.0)
