"""The statements of a `.m` file as tokens: comments, continued lines, quotes and brackets understood."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from networks.matpower_values import Fault, Matrix, stack_rows

OPENING = frozenset({"do", "for", "if", "parfor", "switch", "try", "unwind_protect", "while"})
ENDING = frozenset(
    {
        "end",
        "end_try_catch",
        "end_unwind_protect",
        "endfor",
        "endif",
        "endparfor",
        "endswitch",
        "endwhile",
        "until",
    }
)
KEYWORDS = OPENING | ENDING | {
    "break", "case", "catch", "continue", "else", "elseif", "endfunction", "function", "global", "otherwise",
    "persistent", "return", "unwind_protect_cleanup",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is "number", "name", "keyword", "text", "table" (a matrix of plain numbers), or the sign itself.

    `spaced` and `parted` tell whether white space stands before and directly behind it: what separates
    the elements of a matrix, in which "1 -2" are two and "1 - 2" is one.
    """

    kind: str
    value: object
    line: int
    spaced: bool
    parted: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """The tokens between two separators, and the file's line (from 1) where they begin."""

    tokens: list[Token]
    line: int


_BLANK = r"[ \t\f\v]"
_NUMBER = r"(?:[0-9]++(?:\.(?![*/^\\'.])[0-9]*+)?|\.[0-9]++)(?:[eEdD][+-]?[0-9]++)?"
_WORDS = {"Inf": np.inf, "inf": np.inf, "NaN": np.nan, "nan": np.nan}
_COMMENT = r"[%#](?!\{[ \t]*+(?:\n|\Z))[^\n]*+"
_CONTINUED = r"\.\.\.[^\n]*+(?:\n|\Z)"
_TABLE = re.compile(
    rf"\[(?>{_BLANK}++|[\n;]|,(?!{_BLANK}*+[,;\n\]])"
    rf"|[+-]?(?:{_NUMBER}|[Ii]nf|NaN|nan)(?=[ \t\f\v\n,;\]%#]|\.\.\.)|{_COMMENT}|{_CONTINUED})*+\]"
)
"""A matrix of plain numbers, which is nearly all of a case file: taken in one step."""
_PASSED = re.compile(rf"(?>{_BLANK}++|{_COMMENT}|{_CONTINUED})+")
_BETWEEN = re.compile(rf"(?>[ \t\f\v\n;,]++|{_COMMENT}|{_CONTINUED})+")
_BLOCK = re.compile(r"[%#]\{[ \t]*+(?:\n|\Z)")
_BLOCK_END = re.compile(r"^[ \t]*+[%#]([{}])[ \t]*+$", re.MULTILINE)
_TOKEN = re.compile(
    rf"(?P<number>{_NUMBER})|(?P<name>[A-Za-z_][A-Za-z_0-9]*+)"
    r"|(?P<sign>\.\^'|\.[*/\\^']|&&|\|\||[=~!<>]=|\+\+|--|[-+*/^]=|[-+*/\\^=<>~!&|:;,(){}\[\].@\n])"
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_ENDS_OPERAND = frozenset({"number", "name", "text", "table", ")", "]", "}", "'", ".'"})


def split_statements(text: str) -> Iterator[Statement]:
    """The statements of `text`, one after the other, in time linear in its length.

    Raises
    ------
    Fault
        for a quote or bracket that is never closed, and for characters of no meaning.
    """
    scan = _Scan(text.replace("\r\n", "\n").replace("\r", "\n"))
    while (statement := scan.statement()) is not None:
        yield statement


class _Scan:
    """A position in the text, and its line."""

    def __init__(self, text: str):
        self.text, self.at, self.line = text, 0, 1

    def statement(self) -> Statement | None:
        self._pass(_BETWEEN)
        if self.at >= len(self.text):
            return None
        first = self.line
        tokens: list[Token] = []
        open_: list[Token] = []
        while True:
            start = self.at
            self._pass(_PASSED)
            if self.at >= len(self.text):
                break
            token = self._token(self.at > start, tokens, open_)
            if not open_ and token.kind in ("\n", ";", ","):
                break
            if token.kind == "\n" and open_[-1].kind == "(":
                raise Fault(open_[-1].line, "the closing ')' is missing", "correct the line")
            self._nest(token, open_)
            tokens.append(token)
        if open_:
            raise _unclosed(open_[-1])
        return Statement(tokens, first)

    def _nest(self, token: Token, open_: list[Token]) -> None:
        if token.kind in _CLOSING:
            open_.append(token)
        elif token.kind in _CLOSING.values():
            if not open_ or _CLOSING[open_[-1].kind] != token.kind:
                raise Fault(token.line, f"'{token.kind}' closes nothing that is open", "correct the brackets")
            open_.pop()
        elif token.kind == "=" and open_:
            raise _unclosed(open_[-1])

    def _pass(self, what: re.Pattern[str]) -> None:
        """Go past white space and comments; a block comment ends where its last level does."""
        while True:
            found = what.match(self.text, self.at)
            if found:
                self._go(found.end())
            elif not _BLOCK.match(self.text, self.at):
                return
            elif self._alone():
                self._pass_block()
            else:  # code stands before it, so that it is a comment like any other
                self.at += 2

    def _alone(self) -> bool:
        """Whether nothing but white space stands on the line before the present position."""
        return not self.text[self.text.rfind("\n", 0, self.at) + 1 : self.at].strip()

    def _pass_block(self) -> None:
        first, level = self.line, 0
        for mark in _BLOCK_END.finditer(self.text, self.text.rfind("\n", 0, self.at) + 1):
            level += 1 if mark.group(1) == "{" else -1
            if level == 0:
                self._go(mark.end())
                return
        raise Fault(first, "the block comment never ends", "close it with a line '%}'")

    def _go(self, end: int) -> None:
        self.line += self.text.count("\n", self.at, end)
        self.at = end

    def _token(self, spaced: bool, before: list[Token], open_: list[Token]) -> Token:
        character, line = self.text[self.at], self.line
        if character == "[" and (found := _TABLE.match(self.text, self.at)):
            self._go(found.end())
            return Token("table", _numbers(found.group()[1:-1], line), line, spaced)
        if character in "'\"":
            in_matrix = bool(open_) and open_[-1].kind != "("
            transposes = before and before[-1].kind in _ENDS_OPERAND and not (spaced and in_matrix)
            if character == "'" and transposes:
                self._go(self.at + 1)
                return Token("'", None, line, spaced)
            return Token("text", self._quoted(character), line, spaced)
        found = _TOKEN.match(self.text, self.at)
        if not found:
            raise Fault(line, f"the character {character!r} has no meaning here", "remove it")
        word = found.group()
        self._go(found.end())
        if found.lastgroup == "number":
            return Token("number", np.float64(word.replace("d", "e").replace("D", "e")), line, spaced)
        if found.lastgroup == "name":
            is_field = bool(before) and before[-1].kind == "."
            return Token("keyword" if word in KEYWORDS and not is_field else "name", word, line, spaced)
        parted = self.text[self.at : self.at + 1] in (" ", "\t", "\n")
        return Token({"!=": "~=", "!": "~"}.get(word, word), None, line, spaced, parted)

    def _quoted(self, quote: str) -> str:
        """The text between quotes; a doubled quote stands for one, and in "…" a backslash for itself."""
        found = re.compile(rf"{quote}((?>[^{quote}\n]++|{quote}{quote})*+){quote}").match(self.text, self.at)
        if not found:
            raise Fault(self.line, f"the closing quote {quote} is missing", "close the text")
        self._go(found.end())
        return found.group(1).replace(quote * 2, quote)


def _unclosed(opening: Token) -> Fault:
    return Fault(
        opening.line,
        f"the closing '{_CLOSING[opening.kind]}' is missing",
        "close the table; if the file is truncated, fetch it again",
    )


def _numbers(body: str, line: int) -> Matrix | np.float64 | Fault:
    """The matrix of a body that is known to hold plain numbers, comments and continuations only; a fault,
    to be raised where the matrix is used, if its rows differ in length."""
    # "\r" stands for a continued line's end: white space that still counts as a line.
    body = re.sub(rf"{_COMMENT}|{_CONTINUED}", lambda m: "\r" if m.group()[0] == "." else "", body)
    body = body.replace("d", "e").replace("D", "e")
    rows: list[list[float]] = []
    lines: list[int] = []
    for text in body.split("\n"):
        for piece in text.split(";"):
            cells = piece.replace(",", " ").split()
            if cells:
                rows.append([float(cell) for cell in cells])
                lines.append(line + piece[: len(piece) - len(piece.lstrip())].count("\r"))
            line += piece.count("\r")
        line += 1
    try:
        return stack_rows(rows, lines)
    except Fault as fault:
        return fault
