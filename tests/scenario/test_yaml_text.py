from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takeover.base.errors import BadInputError
from takeover.scenario.files import read_text, read_yaml
from takeover.scenario.yaml_text import Dialect, parse_yaml, write_yaml
from tests.unhurried import UNHURRIED

FILE = Path("/there/envoy.yaml")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(
        ["yes", "No", "1e3", "0x1f", "0644", "10:30", "2020-01-01", "~", "", "<<", "=", " a\n b\n", "\n"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=200), inner, max_size=4),
    max_leaves=20,
)


def only(text: str) -> Any:
    (document,) = parse_yaml(text, FILE)
    return document.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 5", {"a": 5}),
        ("a: '5'", {"a": "5"}),
        ("a: !!str 5", {"a": "5"}),
        ("a: 0644", {"a": 0o644}),
        ("a: 0x10", {"a": 16}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: 10:30", {"a": "10:30"}),
        ("a: 2020-01-01", {"a": "2020-01-01"}),
        ("a: 10.107.42.16", {"a": "10.107.42.16"}),
        ("a: 'yes'", {"a": "yes"}),
        ("a: ~\nb:\nc: null", {"a": None, "b": None, "c": None}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("'<<': 1", {"<<": 1}),
        ("\ufeffa: true", {"a": True}),
    ],
)
def test_values_are_as_envoy_and_kubectl_take_them(text: str, value: object) -> None:
    assert only(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "3: key 'a' is there twice; first in line 1"),
        ("a: {b: 1,\n b: 2}", "2: key 'b' is there twice; first in line 1"),
        ("a: yes", "1: yes is one thing to some YAML readers, another to others: quote it, or write true or digits"),
        (
            "a: 1_000",
            "1: 1_000 is one thing to some YAML readers, another to others: quote it, or write true or digits",
        ),
        ("a: .nan", "1: .nan is one thing to some YAML readers, another to others: quote it, or write true or digits"),
        ("a: 08", "1: 08 is one thing to some YAML readers, another to others: quote it, or write true or digits"),
        ("a: 18446744073709551616", "1: 18446744073709551616 does not fit a JSON number (64 bits)"),
        ("a: 1e999", "1: 1e999 does not fit a JSON number (64 bits)"),
        ("a: " + "9" * 5000, f"1: {'9' * 40} does not fit a JSON number (64 bits)"),
        ("1: a", "1: key 1 is a number, not a string: quote it"),
        ("[a]: b", "1: a key must be a string, not a mapping, list or alias"),
        ("a: &x b\n*x : 1", "2: a key must be a string, not a mapping, list or alias"),
        ("a: &x [*x]", "1: alias *x stands for nothing that is complete before it"),
        ("<<: {a: 1}", "1: merge keys (<<) are not supported: write the fields out"),
        (
            "a: !!python/name:os.system x",
            "1: tag tag:yaml.org,2002:python/name:os.system is not supported: leave it out",
        ),
        ("a: !!set {x}", "1: tag tag:yaml.org,2002:set is not supported: leave it out"),
        ("a:\n- b\n c: 1", "3: not YAML: mapping values are not allowed in this context"),
        ("a: b\n\tc: 1", "2: not YAML: while scanning a plain scalar, found a tab character that violates indentation"),
        ("a: 'b", "1: not YAML: while scanning a quoted scalar, found unexpected end of stream"),
        ("a: 1\nb: \0", "2: not YAML: control characters are not allowed"),
        ("- " * 200000, "1: nested more than 100 levels deep: write it flatter"),
    ],
)
def test_refusals_have_file_and_line(text: str, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        only(text)
    assert str(caught.value) == f"/there/envoy.yaml:{message}"


def test_aliases_cannot_grow_without_bound() -> None:
    levels = ["a0: &a0 [" + "x," * 9 + "]"]
    levels += [f"a{level}: &a{level} [{f'*a{level - 1},' * 9}]" for level in range(1, 9)]
    with pytest.raises(BadInputError, match="more than 100000 values, aliases expanded"):
        only("\n".join(levels))


def test_as_envoy_reads_it_keys_may_be_tagged_to_be_ignored_and_words_are_booleans() -> None:
    envoys = Dialect(ignored="!ignore", has_words=True)
    text = "!ignore shared: { a: &a [1], b: &b { on: 1 } }\nlist: [{ !ignore x: 1, of: *a }]\nok: [yes, Off, 'no']\n"
    with pytest.raises(BadInputError, match="key on is a boolean, not a string: quote it"):
        list(parse_yaml(text, FILE, envoys))
    [document] = parse_yaml(text.replace("on: 1", "c: 1"), FILE, envoys)
    assert document.value == {"list": [{"of": [1]}], "ok": [True, False, "no"]}
    with pytest.raises(BadInputError, match="tag !ignore is not supported"):
        only("a: !ignore 1\n")
    with pytest.raises(BadInputError, match="more than 3 values"):
        list(parse_yaml("[1, 2, 3]", FILE, Dialect(nodes=3)))


def test_empty_documents_are_left_out() -> None:
    assert [document.value for document in parse_yaml("---\n---\na: 1\n---\n# none\n", FILE)] == [{"a": 1}]


@settings(UNHURRIED, max_examples=300)
@given(JSON)
def test_what_is_written_reads_back_equal(value: Any) -> None:
    text = write_yaml({"value": value})
    assert repr(only(text)["value"]) == repr(value)


def test_multi_line_text_stays_readable() -> None:
    assert write_yaml({"lua": "a\n  b\n"}) == "lua: |\n  a\n    b\n"


def test_files_are_parsed_once_until_they_change(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    first = read_yaml(path)
    assert read_yaml(path) is first
    path.write_text("a: 22\n")
    assert read_yaml(path)[0].value == {"a": 22}


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, ": cannot be read: No such file or directory"), (b"a\nb: \xff", ":2: not UTF-8 text")],
)
def test_unreadable_files(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInputError) as caught:
        read_text(path)
    assert str(caught.value) == f"{path}{message}"
