"""Nothing that anybody writes does anything to a terminal or a job's log."""

import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from takeover.base import console
from takeover.base.errors import BadInputError, LostError
from takeover.base.visible import visible, visible_json, visible_line
from tests.unhurried import UNHURRIED


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, 演示, ä, 👍", "plain, 演示, ä, 👍"),
        ("two\n\tlines", "two\n\tlines"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),  # C1: the same as ESC [
        ("shown\rhidden", r"shown\rhidden"),
        ("\x08\x7f\0", r"\x08\x7f\x00"),
        ("a\u202eb\u2066c\u200bd\ufeff", r"a\u202eb\u2066c\u200bd\ufeff"),
        ("a\u2028b\x85c", r"a\u2028b\x85c"),
        ("\udc80", r"\udc80"),
        ("::error file=a.py::owned", r"\x3a:error file=a.py::owned"),
        ("a\n  ::set-output name=x::y", "a\n  \\x3a:set-output name=x::y"),
        ("a\r::error::x", r"a\r::error::x"),
        ("::stop-commands::x\n::add-mask::y", "\\x3a:stop-commands::x\n\\x3a:add-mask::y"),
        ("a ##[error]x", r"a \x23#[error]x"),
        ("::1 is an address", "::1 is an address"),
        ("std::string::size", "std::string::size"),
        ("## a heading", "## a heading"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


def test_on_one_line() -> None:
    assert visible_line("a\nb\tc\r\n::error::x") == r"a\nb\tc\r\n::error::x"


def is_command(line: str) -> bool:
    """As GitHub's runner reads a line: ActionCommand.TryParseV2 and TryParse."""
    text = line.lstrip()
    return (text.startswith("::") and "::" in text[2:]) or "##[" in line


@UNHURRIED
@given(st.text(st.characters() | st.sampled_from(":#[]\n\r\t \x1b\x85\u2028\u202e")))
@example("\x1c::a::b")
@example(":::a::b")
@example("###[a")
@example("\x0b::a::")
@example("\u3000::a::")
def test_of_any_text(text: str) -> None:
    shown = visible(text)
    unseen = ("Cc", "Cf", "Cs", "Zl", "Zp")
    assert not [each for each in shown if unicodedata.category(each) in unseen and each not in "\n\t"]
    assert not any(map(is_command, shown.split("\n")))
    assert visible(shown) == shown


def test_commands_print_so(capsys: pytest.CaptureFixture[str]) -> None:
    console.write("fine", "::error::\x1b[31m")
    assert capsys.readouterr().out == "fine\n\\x3a:error::\\x1b[31m\n"


def test_an_error_is_one_line_and_has_an_end() -> None:
    assert str(BadInputError("a.yaml:1: a\n::error::b is wrong")) == r"a.yaml:1: a\n::error::b is wrong"
    told = str(LostError(f"a.yaml:1: {'x' * 200_000} is wrong"))
    assert len(told) < 5_000
    assert told.startswith("a.yaml:1: xxx")
    assert told.endswith("xxx is wrong")
    assert "(196019 more characters)" in told


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("\x80\x9b31m\u202e\U000e0001 ##[error]x \\##[ 演示\n\t")
def test_json_stays_json_and_does_nothing_either(text: str) -> None:
    shown = visible_json(json.dumps({"said": text}, ensure_ascii=False))
    assert json.loads(shown) == {"said": text}
    assert visible(shown) == shown
