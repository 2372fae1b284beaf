"""The classes that a pandapower file names, vetted before any of them is looked up.

pandapower's JSON says of each value which class of which module makes it, and its decoder imports that
module (releases before 3.5.4 also called what they found there). A file of somebody else's may therefore
name only what pandapower writes of itself: tables, arrays, and its own controllers, which carry data and
no code.
"""

from __future__ import annotations

import json
import re
from typing import Any

from networks.errors import InputError

KNOWN = (
    (r"pandapower\.auxiliary", "pandapowerNet"),
    (r"pandas(\.\w+)*", r"DataFrame|Series|\w*Index"),
    ("geopandas.geodataframe", "GeoDataFrame"),
    ("numpy", r"array|bool|bool_|u?int(8|16|32|64)|float(16|32|64)|complex(64|128)"),
    ("builtins", "complex|tuple|set|frozenset"),
    ("networkx", "MultiGraph"),
    ("shapely", r"[A-Z]\w*"),
    (r"pandapower\.(control|timeseries|protection)(\.\w+)*", r"[A-Z]\w*"),
)
"""Module and class, as patterns. A capital letter begins a class; functions are refused everywhere."""

ENCODED = ("{", "[", '"')  # what JSON inside a string begins with


def refuse_foreign_classes(text: str, where: str) -> None:
    """Raise InputError for a class in the JSON `text` that is none of :data:`KNOWN`.

    Values are followed through lists, objects, and strings that hold JSON themselves, however deep: each
    of them could be decoded. A string that stands for an object and that this reading cannot parse, but
    perhaps a laxer one, is refused too.

    Parameters
    ----------
    where : the file, for the message.

    Raises
    ------
    InputError
        naming the place in the file, module and class. ValueError where `text` is no JSON.
    """
    waiting: list[tuple[Any, tuple[str | int, ...]]] = [(json.loads(text), ())]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, dict):
            _refuse_unknown(value, path, where)
            waiting += [(item, (*path, key)) for key, item in value.items() if _may_hold_objects(item)]
        elif isinstance(value, list):
            items = enumerate(value)
            waiting += [(item, (*path, place)) for place, item in items if _may_hold_objects(item)]
        elif _may_hold_objects(value):
            try:
                waiting.append((json.loads(value), path))
            except ValueError as error:
                if path and path[-1] == "_object":
                    raise InputError(
                        f"{where}, at {_words(path)}: the text in place of an object is no JSON ({error}); "
                        "write the file again with pandapower.to_json"
                    ) from None


def _may_hold_objects(value: Any) -> bool:
    return isinstance(value, (dict, list)) or (isinstance(value, str) and value.lstrip()[:1] in ENCODED)


def _refuse_unknown(value: dict[str, Any], path: tuple[str | int, ...], where: str) -> None:
    if "_module" not in value or "_class" not in value:  # then the decoder takes it for a plain object
        return
    module, kind = value["_module"], value["_class"]
    texts = isinstance(module, str) and isinstance(kind, str)
    if not (texts and any(re.fullmatch(a, module) and re.fullmatch(b, kind) for a, b in KNOWN)):
        raise InputError(
            f"{where}, at {_words(path)}: it names {kind!r} of the module {module!r}, which is none of the "
            "classes that pandapower writes of itself, and code of others is not loaded; take the element "
            "out of the net (a controller of your own: net.controller.drop) and write it again with "
            "pandapower.to_json"
        )
    if kind == "DataFrame" and not _may_hold_objects(value.get("_object", {})):
        raise InputError(
            f"{where}, at {_words(path)}: a table names {value['_object']!r} in place of its rows; "
            "write the file again with pandapower.to_json"
        )


def _words(path: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in path if part != "_object") or "its start"
