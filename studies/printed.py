"""What documents print, from a study's `claims.toml`, held against what the study finds.

A file names its sources, then holds blocks of claims. What the entries of a block's `each` share stands in
the block; `figure` names the function of the study that gives our side, `of` its arguments.

    [documents]                        # what anybody can read; [notes] for our own
    post = "Simulating power markets"
    [texts]                            # what several texts say, by name
    rule = "by the rule of section 2"

    [[claims]]
    source = "post"
    place = "section 2"
    figure = "price"
    each = [
      {of = {bus = 1}, claim = "price at bus 1", printed = 6.64, digits = 2, unit = "$/MWh"},
      {of = {bus = 2}, claim = "price at bus 2", printed = 8, unit = "$/MWh", otherwise = "{rule}"},
    ]

Texts name in braces what `texts`, `of`, `words` and :attr:`Ours.words` hold.
"""

from __future__ import annotations

import inspect
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, get_args

from networks.checks import suggest
from networks.errors import InputError
from studies.claims import (
    Claim,
    Source,
    compare_number,
    compare_open,
    compare_sampled,
    compare_share,
    compare_statement,
)
from studies.registry import claims_path
from studies.verdicts import Ends, Evidence, Published, verdict

Argument = float | str | bool
Way = Literal["number", "sample", "share"]


@dataclass(frozen=True, slots=True)
class Ours:
    """Our side of a claim.

    Attributes
    ----------
    value : our number; of a sentence whether it holds; None where nothing can be decided.
    interval : the values that our number cannot be told from.
    why : which of the entry's `reasons` it is, in place of `otherwise` or of a `reason` that is not there.
    evidence : in place of the entry's, where the run decides it.
    widest, half : of :func:`studies.claims.compare_sampled`.
    words : what the entry's texts name in braces.
    """

    value: float | bool | None = None
    interval: Ends | None = None
    why: str = ""
    evidence: Evidence | None = None
    widest: float | None = None
    half: float | None = None
    words: Mapping[str, object] = field(default_factory=dict)


def ours(value: float | bool | None = None, interval: Ends | None = None, **words: object) -> Ours:
    """Our side of a claim, with what its texts name."""
    return Ours(value, interval, words=words)


@dataclass(frozen=True, slots=True)
class Entry:
    """One claim of a file.

    Attributes
    ----------
    figure, of : the function of the study that gives our side, and its arguments.
    claim, place, published : what is compared, in our words; where it stands; the printed words.
    ours : our side in words; the number with its unit where not given.
    printed, digits, unit : a printed number.
    compare : "number": exact, or inside its own interval; "sample": with a sampling error; "share": of runs.
    reason, otherwise, reasons : why we agree, why we differ, and others by name.
    words : for texts alone.
    """

    source: Source
    figure: str
    claim: str
    place: str = ""
    published: str = ""
    ours: str = ""
    printed: float = math.nan
    digits: int = 0
    unit: str = ""
    compare: Way = "number"
    evidence: Evidence = "independent"
    reason: str = ""
    otherwise: str = ""
    variant: str = ""
    of: dict[str, Argument] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Argument] = field(default_factory=dict)

    def compared(self, found: Ours) -> Claim:
        """The claim that our side makes of the entry."""
        words = {"printed": self.printed, **self.words, **self.of, **found.words}

        def text(template: str) -> str:
            try:
                return template.format_map(words)
            except (KeyError, ValueError, TypeError) as error:
                raise InputError(f"claim {self.claim!r}: {template!r} and {words}: {error!r}") from None

        evidence = found.evidence or self.evidence
        head = (self.source, text(self.place), text(self.claim))
        said, shown, variant = text(self.published), text(self.ours), text(self.variant)
        number = not math.isnan(self.printed)
        if evidence == "open":
            said = said or f"{self.printed:.{self.digits}f} {self.unit}".strip()
            why = self.reasons[found.why] if found.why else self.reason
            return compare_open(*head, said, shown, text(why), printed=self.printed, variant=variant)
        value = math.nan if found.value is None else found.value
        published = Published(self.printed, self.digits)
        differs = verdict(value, found.interval, published, evidence) == "differs"
        other = self.reasons[found.why] if found.why else self.otherwise
        why = self.reason if not differs and (self.reason or not found.why) else other
        if not number:
            return compare_statement(*head, said, shown, bool(value), text(why), evidence=evidence,
                                     variant=variant)  # fmt: skip
        if self.compare == "number":
            return compare_number(*head, self.printed, value, self.digits, self.unit, text(why),
                                  interval=found.interval, evidence=evidence, published=said, shown=shown,
                                  variant=variant)  # fmt: skip
        interval = found.interval or (value, value)
        reason, outside = text(self.reason), text(other)
        if self.compare == "share":
            return compare_share(*head, self.printed, value, interval, self.digits, reason, published=said,
                                 count=shown, outside=outside)  # fmt: skip
        return compare_sampled(*head, self.printed, value, interval, self.digits, reason, published=said,
                               shown=shown, outside=outside, widest=found.widest, half=found.half,
                               variant=variant)  # fmt: skip


def compare(study: str, *figures: object) -> list[Claim]:
    """The claims of a study, in the order of its file; none where our side is None.

    Parameters
    ----------
    figures : what the study finds: objects with a function for each `figure` of the file, returning `Ours`
        or None.

    Raises
    ------
    InputError
        the file is wrong, or names what `figures` does not have.
    """
    out = []
    for entry in read_claims(claims_path(study)):
        found = figure_of(entry, *figures)()
        if found is not None:
            out.append(entry.compared(found))
    return out


def figure_of(entry: Entry, *figures: object) -> Callable[[], Ours | None]:
    """Our side: the function with the entry's arguments, and with `printed` and `digits` where it asks."""
    known = {name: owner for owner in figures for name in dir(owner) if not name.startswith("_")}
    if entry.figure not in known:
        raise InputError(f"claim {entry.claim!r}: there is no figure {entry.figure!r}"
                         f"{suggest(entry.figure, known)}")  # fmt: skip
    function = getattr(known[entry.figure], entry.figure)
    signature = inspect.signature(function)
    asked = {name: getattr(entry, name) for name in ("printed", "digits") if name in signature.parameters}
    try:
        signature.bind(**asked | entry.of)
    except TypeError as error:
        raise InputError(f"claim {entry.claim!r}: {entry.figure!r} takes no such `of`: {error}") from None
    return partial(function, **asked | entry.of)


@cache
def read_claims(path: Path) -> tuple[Entry, ...]:
    """The entries of a file.

    Raises
    ------
    InputError
        where it is no TOML, or an entry has a key, a type or a source that it should not have.
    """
    try:
        made = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"claims {path} cannot be read: {error}") from None
    documents, notes = made.pop("documents", {}), made.pop("notes", {})
    sources = {key: Source(title) for key, title in documents.items()}
    sources |= {key: Source(title, "cross-check") for key, title in notes.items()}
    texts, blocks = made.pop("texts", {}), made.pop("claims", [])
    if made or not blocks:
        what = f"without {sorted(made)}" if made else "which it lacks"
        raise InputError(f"claims {path}: give [documents], [notes], [texts] and [[claims]], {what}")
    return tuple(_entry(path, keys, sources) for block in blocks for keys in _spread(block, texts))


def _spread(block: Mapping[str, object], texts: Mapping[str, str]) -> Iterator[dict[str, object]]:
    """A block's entries, each with what the block says of all; tables are joined."""
    common = {"words": texts} | {key: value for key, value in block.items() if key != "each"}
    common["words"] = {**texts, **_table(block.get("words"))}
    each = block.get("each", [{}])
    for own in each if isinstance(each, list) else []:
        joined = {
            key: {**_table(common.get(key)), **value} for key, value in own.items() if isinstance(value, dict)
        }
        yield common | dict(own) | joined


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


TYPES: Mapping[str, type | tuple[type, ...]] = {"printed": (int, float), "digits": int, "of": dict,
                                                "reasons": dict, "words": dict}  # fmt: skip
"""Of an entry's keys; the others are texts."""
CHOICES: Mapping[str, tuple[str, ...]] = {"compare": get_args(Way), "evidence": get_args(Evidence)}


def _entry(path: Path, keys: Mapping[str, Any], sources: Mapping[str, Source]) -> Entry:
    where = f"claims {path}: {str(keys.get('claim', keys.get('figure', 'an entry')))!r}"
    known = [item.name for item in fields(Entry)]
    for key, value in keys.items():
        if key not in known:
            raise InputError(f"{where}: there is no key {key!r}{suggest(key, known)}")
        kind = TYPES.get(key, str)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise InputError(f"{where}: {key} is {value!r}; give {'a text' if kind is str else kind}")
        if key in CHOICES and value not in CHOICES[key]:
            raise InputError(f"{where}: {key} is {value!r}; give one of {', '.join(CHOICES[key])}")
    for key in ("source", "figure", "claim"):
        if key not in keys:
            raise InputError(f"{where}: has no {key}")
    if keys["source"] not in sources:
        near = suggest(str(keys["source"]), sources)
        raise InputError(f"{where}: source {keys['source']!r} is not listed{near}")
    read = {**keys, "source": sources[str(keys["source"])], "printed": float(keys.get("printed", math.nan))}
    return Entry(**read)
