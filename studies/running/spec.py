"""What a study is asked: a frozen, typed record whose fields know their unit, range and meaning.

A spec comes from Python, from a YAML or TOML file, or from `key=value` words; all three pass the same
checks, made once when the spec is built.
"""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from networks.checks import shown, suggest
from networks.csv_text import read_text
from networks.errors import InputError


def setting(
    default: Any,
    help: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[Any] = (),
) -> Any:
    """A field of a spec: its default, what it means, and what it may be.

    Parameters
    ----------
    low, high : closed range of a number, or of every entry of a list.
    choices : the values that are allowed, where only some are.
    """
    return dataclasses.field(
        default=default,
        metadata={"help": help, "unit": unit, "low": low, "high": high, "choices": tuple(choices)},
    )


@dataclass(frozen=True)
class Spec:
    """Base of every study's spec; its fields are made by :func:`setting`.

    A field is an `int`, `float`, `bool` or `str`, a `tuple` of one of these with `...`, or one of them
    `| None`.

    Raises
    ------
    InputError
        naming the field, its value, and what it may be.
    """

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for item in dataclasses.fields(self):
            value = _converted(getattr(self, item.name), hints[item.name], item.name, item.metadata)
            object.__setattr__(self, item.name, value)

    def values(self) -> dict[str, Any]:
        """Field → value in JSON's types: what makes the same spec again."""
        return {
            item.name: list(value) if isinstance(value, tuple) else value
            for item in dataclasses.fields(self)
            for value in [getattr(self, item.name)]
        }


def make_spec(kind: type[Spec], values: Mapping[str, Any]) -> Spec:
    """A spec from names and values, unknown names refused."""
    known = [item.name for item in dataclasses.fields(kind)]
    for name in values:
        if name not in known:
            raise InputError(
                f"spec: {shown(name)} is not a setting of this study{suggest(name, known)}; "
                f"its settings are {', '.join(known) or 'none'}"
            )
    return kind(**values)


def read_spec_file(path: Path) -> dict[str, Any]:
    """Settings from a `.toml`, `.yaml` or `.yml` file."""
    text = read_text(path, "--file")
    suffix = path.suffix.lower()
    try:
        if suffix == ".toml":
            values: Any = tomllib.loads(text)
        elif suffix in (".yaml", ".yml"):
            values = _read_yaml(text)
        else:
            raise InputError(f"--file: {str(path)!r} ends in {suffix!r}; give a .toml, .yaml or .yml file")
    except InputError:
        raise
    except Exception as error:  # each parser has its own kinds of error
        reason = " ".join(str(error).split())
        raise InputError(f"--file: {str(path)!r} is no valid {suffix[1:].upper()}: {reason}") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InputError(f"--file: {str(path)!r} holds no settings; write one `name: value` per line")
    return values


def _read_yaml(text: str) -> Any:
    """The document, without anchors: a few lines of references can stand for more than any memory holds."""
    import yaml

    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"it refers to the anchor '{event.anchor}'; write the value out")
    return yaml.safe_load(text)


def read_assignments(words: Iterable[str]) -> dict[str, Any]:
    """`["step_mw=2", "levels=0,0.5,1"]` as names and texts; the spec's types read the texts."""
    values: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.strip():
            raise InputError(f"--set is {word!r}; give NAME=VALUE, such as --set seed=1")
        values[name.strip()] = Text(text.strip())
    return values


class Text(str):
    """A value typed on the command line, still to be read as the field's type."""

    __slots__ = ()


def describe(kind: type[Spec]) -> list[tuple[str, str, str, str]]:
    """(name, default, unit and range, help) of every field."""
    rows = []
    for item in dataclasses.fields(kind):
        data = item.metadata
        words = [data.get("unit", "")]
        if data.get("choices"):
            words.append("one of " + ", ".join(map(str, data["choices"])))
        words.append(_range_words(data))
        default = show(item.default)
        rows.append((item.name, default, ", ".join(w for w in words if w), str(data.get("help", ""))))
    return rows


def show(value: object) -> str:
    """A value as it can be written after `--set NAME=`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return ",".join(show(entry) for entry in value)
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _converted(value: object, hint: Any, name: str, data: Mapping[str, Any]) -> Any:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if type(None) in options:
        if value is None or (isinstance(value, Text) and value.lower() in ("none", "")):
            return None
        options = tuple(option for option in options if option is not type(None))
    hint = options[0]
    if typing.get_origin(hint) is tuple:
        return tuple(_scalar(entry, typing.get_args(hint)[0], name, data) for entry in _entries(value, name))
    return _scalar(value, hint, name, data)


def _entries(value: Any, name: str) -> list[Any]:
    if isinstance(value, Text):
        return [Text(word.strip()) for word in value.strip("[]()").split(",") if word.strip()]
    if isinstance(value, (list, tuple)) or hasattr(value, "tolist"):
        return list(value.tolist() if hasattr(value, "tolist") else value)
    raise InputError(f"spec: {name} is {shown(value)}; give a list, such as --set {name}=1,2,3")


def _scalar(value: object, kind: type, name: str, data: Mapping[str, Any]) -> Any:
    read = _READERS.get(kind)
    if read is None:
        raise InputError(f"spec: the field {name} has the type {kind}; use int, float, bool, str or tuples")
    try:
        found = read(value)
    except (ValueError, TypeError, KeyError, OverflowError):
        raise InputError(f"spec: {name} is {shown(value)}; give {_WORDS[kind]}{_of_range(data)}") from None
    low, high, choices = data.get("low"), data.get("high"), data.get("choices")
    outside = (low is not None and not found >= low) or (high is not None and not found <= high)
    if outside or (kind is float and not math.isfinite(found)):
        raise InputError(f"spec: {name} is {show(found)}; give {_WORDS[kind]}{_of_range(data)}")
    if choices and found not in choices:
        raise InputError(
            f"spec: {name} is {shown(found)}{suggest(found, choices)}; give one of "
            f"{', '.join(map(repr, choices))}"
        )
    return found


def _of_range(data: Mapping[str, Any]) -> str:
    unit = f" in {data['unit']}" if data.get("unit") else ""
    return unit + (f" {words}" if (words := _range_words(data)) else "")


def _range_words(data: Mapping[str, Any]) -> str:
    low, high = data.get("low"), data.get("high")
    if low is not None and high is not None:
        return f"from {low:g} to {high:g}"
    if low is not None:
        return f"of at least {low:g}"
    return f"of at most {high:g}" if high is not None else ""


def _read_whole(value: Any) -> int:
    if isinstance(value, bool) or (not isinstance(value, str) and int(value) != value):
        raise ValueError
    return int(value)


def _read_number(value: Any) -> float:
    if isinstance(value, bool) or (isinstance(value, str) and not isinstance(value, Text)):
        raise ValueError
    return float(value)


def _read_flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[
        value.lower() if isinstance(value, Text) else _refuse(value)
    ]


def _refuse(value: object) -> str:
    raise ValueError(value)


def _read_text(value: object) -> str:
    if not isinstance(value, (str, Path)):
        raise ValueError
    return str(value)


_READERS: dict[type, Callable[[Any], Any]] = {
    int: _read_whole,
    float: _read_number,
    bool: _read_flag,
    str: _read_text,
}
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def canonical_json(values: object) -> str:
    """JSON that is the same text for the same values, for content addresses."""
    return json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
