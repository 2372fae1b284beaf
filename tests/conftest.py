"""Import path of the shared helpers, and how many examples hypothesis draws."""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

ROOT = str(Path(__file__).parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

_SLOW_DRAWS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
_NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]  # a clearing per step makes it take minutes
settings.register_profile(
    "default",
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=_SLOW_DRAWS,
    phases=_NO_SHRINKING,
)
settings.register_profile("stress", max_examples=2000, deadline=None, suppress_health_check=_SLOW_DRAWS)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
