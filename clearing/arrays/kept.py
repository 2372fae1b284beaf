"""Compiled models that a market keeps, whatever number of threads asks for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock, RLock
from typing import Generic, TypeVar

Model = TypeVar("Model")

# Pyomo notes what it is building per process: two threads in it at once end with its errors
BUILDING = RLock()
_LOOKING = Lock()


class KeptModels(Generic[Model]):
    """Compiled models by their key: as many as `most`, those used last.

    Parameters
    ----------
    most : number of models to keep.
    """

    def __init__(self, most: int):
        self.most = most
        self._models: OrderedDict[Hashable, Model] = OrderedDict()

    def __len__(self) -> int:
        return len(self._models)

    def get(self, key: Hashable, build: Callable[[], Model]) -> Model:
        """The model of a key, built when the key is new: by one thread at a time."""
        model = self._find(key)
        if model is not None:
            return model
        with BUILDING:
            model = self._find(key)  # by another thread in the meantime
            if model is None:
                model = build()
                with _LOOKING:
                    self._models[key] = model
                    while len(self._models) > self.most:
                        self._models.popitem(last=False)
        return model

    def _find(self, key: Hashable) -> Model | None:
        with _LOOKING:
            model = self._models.get(key)
            if model is not None:
                self._models.move_to_end(key)
            return model
