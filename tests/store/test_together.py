"""What is kept together of several Envoys compares as their own documents do, and says what is of chance."""

import itertools
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from takeover.base.errors import BadInputError
from takeover.cli.main import main
from takeover.compare.comparison import compare
from takeover.model.document import Document, Outcome
from takeover.store import together
from takeover.store.together import Together, keep

Make = Callable[..., Document]
ENVOY = {"name": "1.9.0", "version": "", "commit": "", "build": ""}
TEST = Outcome("f.py::t[envoy-1.0.0]", "one", "f.py::t", "pass", "", 0.5)


def kept(folder: Path, **runs: list[Document]) -> Together:
    """What is kept of these: `v10` is called 1.0."""
    assert list(keep(itertools.chain.from_iterable(runs.values()), folder))
    return Together(folder)


def of_one(document: Document, scenario: str) -> Document:
    return msgspec.structs.replace(document, probes=[each for each in document.probes if each.scenario == scenario])


def test_they_compare_as_before(tmp_path: Path, document: Make) -> None:
    stats = {"http.one.downstream_rq_total": 2, "cluster.a.rq": 1}
    documents = {
        "1.0": document("1.0", tests=[TEST]),
        "1.1": document("1.1", {"status": 403, "stats": stats}, tests=[TEST]),
        "1.2": document("1.2", {"body": "no", "log": []}, tests=[TEST]),
        "1.3": of_one(document("1.3", tests=[TEST]), "one"),
    }
    those = kept(tmp_path, **{f"v{name}": [each] for name, each in documents.items()})
    assert those.names == list(documents)

    for first in documents:
        names = [first, *(each for each in documents if each != first)]
        before = compare({name: partial(documents.__getitem__, name) for name in names})
        after = compare({name: partial(those.document, name) for name in names})
        assert after.differences == before.differences
        assert after.compared == before.compared == {each: 2 if "1.3" in (first, each) else 3 for each in names[1:]}
        assert after.remarks == before.remarks


def test_what_all_do_alike_is_not_written(tmp_path: Path, document: Make) -> None:
    kept(tmp_path, v1=[document("1.0")], v2=[of_one(document("1.1", {"status": 403}), "one"), document("1.1")])
    told = {path.stem: json.loads(path.read_text())["probes"] for path in (tmp_path / "probes").iterdir()}

    request = told["one"][0]["request"]
    assert (request["from"], request["path"]) == ("client/client", "/")
    assert told == {
        "one": [
            {
                "probe": "edges/plain",
                "request": request,
                "seen": [
                    {"seen": {"status": 200, "end": "open"}, "envoys": ["1.0"]},
                    {"seen": {"status": 403, "end": "open"}, "envoys": ["1.1"]},
                ],
                "again": {"1.1": 1},
                "unstable": {"1.1": [{"kind": "status", "what": "status", "otherwise": 1}]},
            }
        ],
        "two": [
            {
                "probe": "edges/plain",
                "request": request,
                "seen": [{"seen": {"status": 200, "end": "open"}, "envoys": ["1.0"]}],
            }
        ],
    }
    text = (tmp_path / "probes" / "one.json").read_text()
    assert [json.loads(line) for line in text.splitlines() if "edges/plain" in line] == told["one"]


def test_what_another_run_has_otherwise_is_no_difference(tmp_path: Path, document: Make) -> None:
    first, other = document("1.1", {"status": 403, "body": "no"}), document("1.1", {"body": "no"})
    those = kept(tmp_path, v1=[document("1.0")] * 2, v2=[first, other])
    found = compare({name: partial(those.document, name) for name in those.names})

    assert [(each.kind, each.was, each.now) for each in found.differences] == [("body", "ok", "no")]
    assert [(each.difference.kind, each.otherwise, each.times) for each in found.unstable] == [("status", 2, 4)]
    assert those.remark().endswith("the probes of 2 Envoys, most made 2 times")


def test_what_a_run_made_again_itself_counts(tmp_path: Path, document: Make) -> None:
    aspect = {"kind": "status", "what": "status", "otherwise": 2}
    repeated = [{"scenario": "one", "probe": "edges/plain", "times": 5, "unstable": [aspect]}]
    first = document("1.1", {"status": 403}, repeated=repeated)
    those = kept(tmp_path, v1=[document("1.0")], v2=[first, document("1.1")])

    told = {each.scenario: each for each in those.document("1.1").repeated or ()}
    assert {name: (each.times, each.unstable[0].otherwise) for name, each in told.items()} == {
        "one": (6, 3),
        "two": (1, 1),
    }


def test_a_name_of_a_scenario_is_no_path(tmp_path: Path, document: Make) -> None:
    made = [document("1.0"), document("1.1", {"status": 403})]
    for each in made:
        each.probes[0].scenario, each.probes[1].scenario = "../../up", "up"
    those = kept(tmp_path / "a" / "b", v1=made[:1], v2=made[1:])
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    assert {each.scenario for each in those.document("1.1").probes} == {"../../up", "up"}


def test_what_was_another_probe_then_is_no_repeat(tmp_path: Path, document: Make) -> None:
    old = document("1.1")
    for each in old.probes:
        each.request = msgspec.structs.replace(each.request, path="/other")
    those = kept(tmp_path, v1=[document("1.0")], v2=[document("1.1", {"status": 403}), old])
    assert those.document("1.1").repeated is msgspec.UNSET
    assert those.remark().endswith("most made once, so that some of it is chance")


def test_what_was_kept_before_is_replaced(tmp_path: Path, document: Make) -> None:
    kept(tmp_path, v1=[document("1.0")], v2=[document("1.1")])
    assert sorted(each.name for each in (tmp_path / "probes").iterdir()) == ["one.json", "two.json"]
    those = kept(tmp_path, v1=[of_one(document("2.0"), "two")], v2=[of_one(document("2.1"), "two")])
    assert [each.name for each in (tmp_path / "probes").iterdir()] == ["two.json"]
    assert those.names == ["2.0", "2.1"]


@pytest.fixture
def files(tmp_path: Path, document: Make) -> dict[str, str]:
    """Documents of runs, by names."""
    made = {
        "a/1.10.0": document("1.10.0", {"status": 403}),
        "a/1.9.0": document("1.9.0"),
        "b/1.9.0": document("1.9.0", {"body": "no"}),
        "copy/1.9.0": document("1.9.0"),
        "ads/1.9.0": document("1.9.0", delivery="ads"),
        "other/1.9.0": document("1.9.0", envoy={**ENVOY, "sha256": "f"}),
        "stopped/1.9.0": document("1.9.0", complete=False),
    }
    for name, each in made.items():
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(msgspec.json.encode(each))
    return {name: str(tmp_path / f"{name}.json") for name in made}


def test_the_command_keeps_the_oldest_first_and_compares(
    tmp_path: Path, files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    reports = ["--reports", str(tmp_path)]
    named = [files[each] for each in ("a/1.10.0", "a/1.9.0", "b/1.9.0")]
    assert main(["publish", "--together", *named, *reports]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/together (3 files, 0.0 MB)\n"

    assert main(["compare", "--together", "1.9.0", "1.10.0", *reports]) == 1
    said, found, *_ = capsys.readouterr().out.splitlines()
    assert said.startswith(f"kept together in {tmp_path}/together: the probes of 2 Envoys, most made once")
    assert found.endswith(" 2 scenarios, edges/plain: status: 200 → 403  (in 1.10.0)")

    assert main(["compare", "--together", "1.9.0", "1.10.0", "--show", found.split()[2], *reports]) == 1
    shown = capsys.readouterr().out
    assert "(what was observed alike on all Envoys whose results are kept together is left out)" in shown
    assert "./run --envoy 1.10.0 --keep" in shown
    assert "takeover explain" not in shown


def test_where_more_is_kept_a_comparison_says_so(
    tmp_path: Path, files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    reports = ["--reports", str(tmp_path)]
    for name in ("1.9.0", "1.10.0"):
        (tmp_path / "versions").mkdir(exist_ok=True)
        (tmp_path / "versions" / f"{name}.json").write_bytes(Path(files[f"a/{name}"]).read_bytes())
    for is_kept in (False, True):
        assert main(["compare", "1.9.0", "1.10.0", *reports]) == 1
        said = capsys.readouterr().out.splitlines()
        more = "more of them is kept together: takeover compare --together 1.9.0 1.10.0"
        assert said[2:3] == [more] if is_kept else more not in said
        assert main(["publish", "--together", files["a/1.9.0"], files["a/1.10.0"], *reports]) == 0
        capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["publish", "--together", "a/1.9.0"], "--together: name results of another Envoy, too, not only of 1.9.0"),
        (["publish", "--together", "a/1.9.0", "other/1.9.0"], "is of another binary than other results of 1.9.0"),
        (["publish", "--together", "a/1.10.0", "a/1.9.0", "copy/1.9.0"], "holds the same results as "),
        (
            ["publish", "--together", "a/1.10.0", "a/1.9.0", "ads/1.9.0"],
            "results of 1.9.0 were not made alike: configured by --delivery ads: ",
        ),
        (["publish", "--together", "a/1.10.0", "stopped/1.9.0"], "its run was stopped before its end"),
        (["compare", "--together", "1.9.0", "1.10.0"], "takeover publish --together puts it there"),
    ],
)
def test_bad_input_is_told_in_a_line(
    tmp_path: Path, files: dict[str, str], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*(files.get(each, each) for each in arguments), "--reports", str(tmp_path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / together.FOLDER).exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [(["1.0", "1.2"], "no results of 1.2 in .*; there are 1.0, 1.1"), (["1.0", "1.0"], "1.0 is named twice")],
)
def test_names_are_looked_at_first(tmp_path: Path, document: Make, names: list[str], message: str) -> None:
    those = kept(tmp_path, v1=[document("1.0")], v2=[document("1.1")])
    with pytest.raises(BadInputError, match=message):
        those.check(names)


def test_one_file_that_is_gone_is_told(tmp_path: Path, document: Make) -> None:
    those = kept(tmp_path, v1=[document("1.0")], v2=[document("1.1", {"status": 403})])
    (tmp_path / "probes/one.json").unlink()
    with pytest.raises(BadInputError, match="1 scenarios of 2 are there: takeover publish --together makes them anew"):
        those.document("1.0")


def test_a_probe_that_sends_something_else_by_now_is_of_the_newest_alone(tmp_path: Path, document: Make) -> None:
    old = document("1.0")
    old.probes[0].request = msgspec.structs.replace(old.probes[0].request, path="/other")
    those = kept(tmp_path, v1=[old], v2=[document("1.1", {"status": 403})])
    assert [each.scenario for each in those.document("1.0").probes] == ["two"]
    assert [each.scenario for each in those.document("1.1").probes] == ["one", "two"]


@pytest.mark.parametrize("text", ["{", '{"form": 2, "runs": 0, "envoys": []}', '{"form": 1}', "\xff"])
def test_a_file_that_is_none_of_these_is_refused(tmp_path: Path, document: Make, text: str) -> None:
    kept(tmp_path, v1=[document("1.0")], v2=[document("1.1")])
    (tmp_path / "envoys.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInputError, match=r"envoys\.json: .*; takeover publish --together makes it anew"):
        Together(tmp_path)


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path, document: Make) -> None:
    (tmp_path / "taken").touch()
    runs = [document(name) for name in ("1.0", "1.1")]
    with pytest.raises(BadInputError, match=r"cannot write to .*taken"):
        list(keep(runs, tmp_path / "taken"))
