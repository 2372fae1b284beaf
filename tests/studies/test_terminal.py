"""Labels of files on the terminal: control characters are shown, not obeyed."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from studies.commands.terminal import PlainConsole, visible

ESCAPES = "\x1b[2J\x1b]0;title\x07\x9b31m\u202eab\r\x08"


def shown(*things) -> str:
    out = io.StringIO()
    console = PlainConsole(file=out, width=200, highlight=False, force_terminal=False)
    for thing in things:
        console.print(thing)
    return out.getvalue()


def test_a_label_cannot_control_the_terminal():
    table = Table("head" + ESCAPES)
    table.add_row(Text("cell" + ESCAPES))
    text = shown(Text("text" + ESCAPES, style="bold"), table)
    assert not set("\x1b\x07\x9b\u202e\r\x08") & set(text)
    assert r"text\x1b[2J\x1b]0;title" in text
    assert r"cell\x1b[2J" in text


def test_styles_still_reach_a_terminal():
    out = io.StringIO()
    console = PlainConsole(file=out, width=80, force_terminal=True, color_system="standard")
    console.print(Text("x\x1b[2J", style="bold"))
    assert "\x1b[1m" in out.getvalue()
    assert "\x1b[2J" not in out.getvalue()


@given(st.text())
def test_visible_text_has_no_control_characters_and_loses_nothing_else(text):
    after = visible(text)
    assert all(
        c.isprintable() or c in "\t\n" or not ("\x00" <= c < " " or "\x7f" <= c <= "\x9f") for c in after
    )
    if text.isprintable():
        assert after == text
