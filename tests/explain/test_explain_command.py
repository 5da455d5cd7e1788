"""`takeover explain` from outside: what it cannot explain is one line."""

import functools
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from takeover.base.errors import BadInputError
from takeover.cli.main import main
from takeover.compare.comparison import compare
from takeover.compare.stability import Aspect
from takeover.envoy.releases import resolve
from takeover.explain.attempt import Attempt, Settings
from takeover.explain.explanation import Explanation
from takeover.model.document import BinaryResult, Document, Observation
from takeover.scenario.library import Library
from takeover.store import documents as store

REPORTS = Path(__file__).parents[2] / "reports"


@functools.cache
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
        (
            "route",
            unlike,
            [],
            "mine is a name of its own, and results do not tell where that Envoy is: give --envoy mine=",
        ),
        ("route", unlike, [f"--envoy=mine={binary}"], "is not the binary of the results (mine): run the suites again"),
        (
            "route",
            replace(new, delivery="ads"),
            [],
            "is configured by the file as it is written, 1.40.0 by --delivery ads: that, too, may be why they differ",
        ),
        ("statistic-added", new, [], "1.38.3 has no such statistic: no guard brings an old behaviour of it back"),
        ("route", new, [f"--envoy=a={binary},b={binary}"], f"--envoy a={binary},b={binary}: name one Envoy"),
    ):
        code, told = explain(kind, old, changed, *option)
        assert (code, told.count("\n")) == (2, 1), told
        assert told.startswith("takeover explain: ")
        assert message in told


def found(settings: Settings, before: Observation, after: Observation, **more: Any) -> Explanation:
    return Explanation(settings, before if settings else None, after, 7, **more)


@pytest.fixture
def telling(explain: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What the command tells of an explanation, that is not looked for."""

    def call(
        settings: Settings,
        *options: str,
        kind: str = "route",
        old: Document | None = None,
        new: Document | None = None,
        **more: Any,
    ) -> str:
        class Found:
            def __init__(self, _: Attempt, before: Observation, *__: object) -> None:
                self.before = before

            def explain(self, _: object) -> Explanation:
                return found(settings, self.before, Observation(200, log=[{"route": "v2-by-header"}]), **more)

        monkeypatch.setattr("takeover.cli.explain.Explaining", Found)
        code, told = explain(kind, old or published("1.38.3"), new or newer(), *options)
        assert code == (0 if settings else 1), told
        return told

    return call


MINE = {"a.guard": False}


@pytest.mark.parametrize(
    ("runtime", "lines"),
    [
        (
            "",
            "add to envoy.yaml:\n  layered_runtime:\n    layers:\n    - name: guards\n"
            "      static_layer:\n        a.guard: false\n",
        ),
        (
            "layered_runtime: {layers: [{name: guards, static_layer: {}}, {name: admin, admin_layer: {}}]}\n",
            "append as the last entry of layered_runtime.layers in envoy.yaml (later layers win):\n"
            "  - name: guards-2\n    static_layer:\n      a.guard: false\n",
        ),
        (
            "layered_runtime: {}\n",
            "write as the only layered_runtime of envoy.yaml:\n  layered_runtime:\n    layers:\n    - name: admin\n"
            "      admin_layer: {}\n    - name: guards\n      static_layer:\n        a.guard: false\n",
        ),
    ],
)
def test_what_to_write_keeps_the_runtime_that_there_is(
    telling: Callable[..., str], tmp_path: Path, runtime: str, lines: str
) -> None:
    """Of two fields of one name Envoy silently takes the last."""
    copy = tmp_path / "mine/gateway-header-match"
    bundled = Library.bundled()
    shutil.copytree(bundled.folder_of("gateway-header-match"), copy)
    shutil.copytree(bundled.folder / "bases", copy.parent / "bases")
    config = copy / "envoy.yaml"
    config.write_text(config.read_text() + runtime)
    assert f"to keep the old behaviour as long as the guard is there, {lines}" in telling(
        MINE, "--scenarios", str(copy.parent)
    )


def test_what_is_so_besides_and_what_is_not_proved_is_told(telling: Callable[..., str]) -> None:
    besides = (Aspect("body", "body"), *(Aspect("statistic", str(each)) for each in range(11)))
    told = telling(MINE, besides=besides, others=({"b": False},), not_proved="c: false does so now and then")
    assert "with that, these are as with neither Envoy: body, statistic 0, " in told
    assert ", statistic 8 and 2 more\n" in told
    assert "without that, b: false does so, too\n" in told
    assert "whether more of them do so, too, could not be proved: c: false does so now and then\n" in told


def test_that_there_is_none_claims_no_more_than_was_tried(telling: Callable[..., str]) -> None:
    gone = "which guards of 1.38.3 are gone is not known: its results have no inventory"
    told = telling({})
    assert re.search(r"nor do two together \([0-9]+ guards of 1.38.3 are gone\)\n", told), told
    assert "tried" not in told
    assert gone not in told
    told = telling(
        {},
        old=replace(published("1.38.3"), binary=None),
        not_tried=({"a": True}, {"b": False}),
        only_alone=({"c": True},),
    )
    assert "nor do two together, as far as they could be tried\n" in told
    assert "could not be tried: b as false; a as true\ncould be tried only alone: c as true\n" in told
    assert gone in told
    told = telling({}, only_alone=tuple({f"guard.{each}": True} for each in range(11)), are_mixed=False)
    assert "could be tried only alone: 11 guards as true\n" in told
    assert "not all two could be tried of which one is false and one true\n" in told


def test_whether_the_old_one_had_a_statistic_is_not_known_without_its_inventory(telling: Callable[..., str]) -> None:
    old, new = published("1.38.3"), newer()
    place = ("gateway-header-match", "hostile/version-twice-same")

    def counting(document: Document) -> Document:
        """As it is, but for a counter that moves there."""
        probes = list(document.probes)
        [at] = [number for number, each in enumerate(probes) if (each.scenario, each.probe) == place]
        seen = probes[at].observation
        probes[at] = replace(probes[at], observation=replace(seen, stats={**seen.stats, "counted": 1}))
        return replace(document, probes=probes)

    new, not_asked = counting(new), replace(old, binary=None)
    [moved] = [
        each.id for each in compare({"a": lambda: not_asked, "b": lambda: new}).differences if each.what == "counted"
    ]
    unknown = "whether 1.38.3 has that statistic at all is not known: its results have no inventory\n"
    assert unknown in telling(MINE, kind=moved, old=not_asked, new=new)
    # Where another probe moves it, it is.
    other = next(each for each in old.probes if (each.scenario, each.probe) != place)
    other = replace(other, probe="other", observation=replace(other.observation, stats={"counted": 1}))
    assert unknown not in telling(MINE, kind=moved, old=replace(not_asked, probes=[*old.probes, other]), new=new)


def test_the_probe_is_made_as_its_configuration_was_delivered(
    explain: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def attempt(_: object, __: object, library: Library, *___: object) -> None:
        raise BadInputError(f"delivered by {library.delivery}")

    monkeypatch.setattr("takeover.cli.explain.Attempt", attempt)
    old, new = (replace(each, delivery="ads") for each in (published("1.38.3"), newer()))
    code, told = explain("route", old, new)
    assert (code, told) == (2, "takeover explain: delivered by ads\n")
    assert "delivered by static" in explain("route", published("1.38.3"), newer())[1]
