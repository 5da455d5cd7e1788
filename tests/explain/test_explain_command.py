"""`takeover explain` from outside: what it cannot explain is one line."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from takeover.cli.main import main
from takeover.compare.comparison import compare
from takeover.envoy.releases import resolve
from takeover.model.document import BinaryResult, Document
from takeover.store import documents as store

REPORTS = Path(__file__).parents[2] / "reports"


def published(name: str) -> Document:
    return store.read(REPORTS / store.PUBLISHED / f"{name}.json")


def newer() -> Document:
    """Published results, as those of the Envoy that is installed, whichever that is and on whatever machine."""
    [release] = resolve(None)
    document = published("1.40.0")
    return replace(document, envoy=replace(document.envoy, name=release.name, sha256=release.sha256))


@pytest.fixture
def explain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """The command on two documents, for the first difference of a kind."""

    def call(kind: str, old: Document, new: Document, *options: str) -> tuple[int, str]:
        for each in (old, new):
            path = tmp_path / store.PUBLISHED / f"{each.envoy.name}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(msgspec.json.encode(each))
        found = compare({"old": lambda: old, "new": lambda: new}).differences
        name = next((each.id for each in found if each.kind == kind), kind)
        code = main(["explain", name, old.envoy.name, new.envoy.name, "--reports", str(tmp_path), *options])
        told = capsys.readouterr()
        return code, told.err or told.out

    return call


def test_the_published_results_are_explained(explain: Callable[..., tuple[int, str]]) -> None:
    code, told = explain("route", published("1.38.3"), newer())
    assert code == 0
    assert "envoy.reloadable_features.match_headers_individually: false brings the old behaviour back" in told
    assert "/versions/1.38.3.json" in told.splitlines()[0]


def test_results_of_a_part_of_the_probes_are_explained_too(explain: Callable[..., tuple[int, str]]) -> None:
    """They have no inventory, whatever options the run was given."""
    code, told = explain("route", published("1.38.3"), replace(newer(), binary=None))
    assert code == 0, told
    assert "envoy.reloadable_features.match_headers_individually: false brings the old behaviour back" in told


def test_what_cannot_be_explained_is_one_line(explain: Callable[..., tuple[int, str]]) -> None:
    old, new, binary = published("1.38.3"), newer(), resolve(None)[0].path
    unlike = replace(new, envoy=replace(new.envoy, name="mine", sha256="0f"))
    image = replace(new, engine="kubernetes", envoy=replace(new.envoy, sha256=""), binary=None)
    for kind, changed, option, message in (
        ("00000000", new, [], "'00000000' is no difference of these results; takeover compare lists their ids"),
        ("guard-gone", new, [], "(guard-gone) was not seen in a probe: nothing could show a guard's effect"),
        (
            "route",
            replace(new, binary=BinaryResult()),
            [],
            "has no runtime guards that could",
        ),
        (
            "route",
            image,
            [],
            "are of an image (engine kubernetes), whose guards nobody knows: run it with --engine local",
        ),
        ("route", unlike, [], "--envoy"),
        ("route", unlike, [f"--envoy=mine={binary}"], "is not the binary of the results (mine): run the suites again"),
        ("route", new, [f"--envoy=a={binary},b={binary}"], f"--envoy a={binary},b={binary}: name one Envoy"),
    ):
        code, told = explain(kind, old, changed, *option)
        assert (code, told.count("\n")) == (2, 1), told
        assert told.startswith("takeover explain: ")
        assert message in told
