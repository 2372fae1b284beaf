"""What can go wrong, by kind: input before a model is built, clearing after (law 6)."""

from __future__ import annotations

from networks.errors import InputError


class ClearingError(RuntimeError):
    """A market could not be cleared; no outcome exists."""


class InfeasibleError(ClearingError):
    """No dispatch meets every fixed demand and limit; the message names the cut and the missing MW."""


class UnboundedError(ClearingError):
    """Welfare has no upper bound."""


class TimeLimitError(ClearingError):
    """The time limit ended the search before optimality was proven."""


class NumericalError(ClearingError):
    """No solver returned a solution whose certificate holds."""


__all__ = [
    "ClearingError",
    "InfeasibleError",
    "InputError",
    "NumericalError",
    "TimeLimitError",
    "UnboundedError",
]
