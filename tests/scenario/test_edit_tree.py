from typing import Any, cast

import pytest

from takeover.base.errors import BadInputError
from takeover.scenario.edit_tree import apply_edit
from takeover.scenario.edits import ClusterIp, ConfigId, Edit, add, append, remove, replace

TREE: dict[str, Any] = {"a": {"n": 1, "s": "x", "t": True, "z": None}, "l": [{"name": "one"}, {"name": "two"}], "e": {}}


@pytest.mark.parametrize(
    ("edit", "path", "after"),
    [
        (replace("d", "$.a.n", 2.5), "a", {**TREE["a"], "n": 2.5}),
        (replace("d", "$.a.s", "y", was="x"), "a", {**TREE["a"], "s": "y"}),
        (replace("d", "$.a.s", ClusterIp("web")), "a", {**TREE["a"], "s": ClusterIp("web")}),
        (replace("d", "$.l[?@.name=='two'].name", ConfigId()), "l", [{"name": "one"}, {"name": ConfigId()}]),
        (replace("d", "$.l", []), "l", []),
        (add("d", "$.e", "k", None), "e", {"k": None}),
        (append("d", "$.l", {"name": "three"}), "l", [*TREE["l"], {"name": "three"}]),
        (remove("d", "$.l[0]", was={"name": "one"}), "l", [{"name": "two"}]),
    ],
)
def test_an_edit_changes_one_place(edit: Edit, path: str, after: object) -> None:
    before = repr(TREE)
    assert apply_edit(TREE, edit) == {**TREE, path: after}
    assert repr(TREE) == before


def test_a_value_is_copied() -> None:
    value = {"k": [1]}
    tree = apply_edit(TREE, add("d", "$.e", "k", value))
    value["k"].append(2)
    assert tree["e"] == {"k": {"k": [1]}}


LISTED = "$['l'] is a list of 2 (names: one, two)"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (replace("d", "$.a.q", 1), "$.a.q: matches nothing: $['a'] is a mapping with n, s, t, z"),
        (replace("d", "$.l[?@.name=='x'].name", ""), f"$.l[?@.name=='x'].name: matches nothing: {LISTED}"),
        (
            replace("d", "$.l[*].q", 1),
            "$.l[*].q: matches nothing: $['l'][*] matches 2 places, none of which has ['q']",
        ),
        (replace("d", "$.a.n.q", 1), "$.a.n.q: matches nothing: $['a']['n'] is 1"),
        (
            replace("d", "$..name", "x"),
            "$..name: matches 2 places: $['l'][0]['name'], $['l'][1]['name']; make the path match one",
        ),
        (replace("d", "$.a.n", "1"), '$.a.n: is a number, 1; "1" is a string, and replace keeps the type'),
        (replace("d", "$.a.t", 1), "$.a.t: is a boolean, true; 1 is a number, and replace keeps the type"),
        (replace("d", "$.a.z", 1), "$.a.z: is null, null; 1 is a number, and replace keeps the type"),
        (replace("d", "$.a.s", "y", was="z"), '$.a.s: is "x", not "z" as `was` says'),
        (replace("d", "$.a.n", 2, was=True), "$.a.n: is 1, not true as `was` says"),
        (remove("d", "$.a.s", was=None), '$.a.s: is "x", not null as `was` says'),
        (remove("d", "$"), "$: the whole document cannot be removed"),
        (add("d", "$.l", "k", 1), "$.l: is a list; add needs a mapping"),
        (add("d", "$.a", "n", 1), "$.a: has n already: 1; replace it instead"),
        (append("d", "$.a", 1), "$.a: is a mapping; append needs a list"),
        (replace("d", "a.n", 1), "a.n: not a JSONPath (RFC 9535): expected 'TOKEN_ROOT', found 'TOKEN_NAME'"),
        (
            replace("d", "$[?@.a==1e999]", 1),
            "$[?@.a==1e999]: not a JSONPath (RFC 9535): cannot convert float infinity to integer",
        ),
        (replace("d", "$.a | $.e", {}), "$.a | $.e: not a JSONPath (RFC 9535): unexpected token '|'"),
        (Edit("d", cast("Any", "move"), "$.a"), '$.a: no such edit: "move"; there are replace, add, append, remove'),
        (Edit("d", "add", "$.e", 1), "$.e: add needs a key that is a string, not null"),
        (Edit("d", "replace", "$.e", {}, key="k"), "$.e: replace takes no key"),
        (Edit("d", "remove", "$.e", {}), "$.e: remove takes no value"),
        (Edit("d", "append", "$.l", 1, was=1), "$.l: append takes no `was`"),
        (append("d", "$.l", (1, 2)), "$.l: [1, 2] (a Python tuple) is not JSON data"),
        (append("d", "$.l", float("nan")), "$.l: the value holds a number that does not fit JSON (64 bits)"),
        (append("d", "$.l", {1: 2}), "$.l: key 1 in the value must be a string"),
        (append("d", "$.l", "\ud800"), "$.l: '\\ud800' is not valid Unicode"),
    ],
)
def test_refusals_name_document_path_and_what_is_there(edit: Edit, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        apply_edit(TREE, edit)
    assert str(caught.value) == f"d: {message}"


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(BadInputError, match="nested more than 100 levels"):
        apply_edit(TREE, append("d", "$.l", value))


def test_a_document_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"^d: \$: the document is a string; edits need a mapping or a list$"):
        apply_edit('{"a": 1}', replace("d", "$", "x"))
