"""What is proved on a real Envoy, and how long it holds."""

import errno
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
import yaml

from takeover.base import atomic
from takeover.base.errors import DeploymentError
from takeover.cli.main import main
from takeover.envoy.releases import resolve
from takeover.model.release import Release
from takeover.probes.probe import Group
from takeover.reach import trial, turning
from takeover.reach.configurations import probed_groups
from takeover.reach.fingerprint import fingerprint
from takeover.reach.kept import Kept
from takeover.reach.proofs import FOLDER, ExtensionProof, GuardProof, Proofs, Proving, Tried, not_tried
from takeover.reach.reach import Reach
from takeover.reach.trial import Seen
from takeover.scenario.library import Library

_RELOADABLE = "envoy.reloadable_features"
_SHOWN = f"{_RELOADABLE}.http_reject_path_with_fragment"
_STARTS_NOT = f"{_RELOADABLE}.enable_universal_header_validator"
_OTHERS = [f"{_RELOADABLE}.oauth2_encrypt_tokens", f"{_RELOADABLE}.wait_for_first_byte_before_balsa_msg_done"]


@pytest.fixture
def few_guards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turning, "guards", lambda _: [_OTHERS[0], _SHOWN, _OTHERS[1], _STARTS_NOT])


def _run(
    library: Path, reports: Path, options: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> tuple[str, Proofs]:
    assert main(["reach", "--scenarios", str(library), "--reports", str(reports), *options]) == 0
    proofs = msgspec.json.decode((reports / FOLDER / "1.40.0.json").read_bytes(), type=Proofs)
    return capsys.readouterr().out, proofs


@pytest.mark.usefixtures("few_guards")
def test_a_guard_that_shows_when_it_is_turned_over_alone_is_proved_until_the_probes_change(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, proofs = _run(library, tmp_path, ["--guards", "--missing"], capsys)

    assert {each.guard: each.value for each in proofs.guards} == {_SHOWN: False, _STARTS_NOT: True}
    [seen] = [each.seen for each in proofs.guards if each.guard == _SHOWN]
    assert (seen.probe, seen.kind, seen.was, seen.now) == ("edges/fragment", "status", "400", "403")
    assert [each.group for each in proofs.guards_tried] == ["paths/edges"]
    assert "2 of 4 runtime guards (50.0 %); tried on 1 of 1 groups" in told
    assert f"  - {_OTHERS[0]}\n" in told

    told, again = _run(library, tmp_path, ["--guards"], capsys)
    assert again == proofs
    assert "2 of them shown by proofs that are kept; 0 groups of 1 to try" in told

    probes = library / "paths" / "probes.yaml"
    [group] = yaml.safe_load(probes.read_text())
    group["probes"] = [each for each in group["probes"] if each["name"] == "dots"]
    probes.write_text(yaml.safe_dump([group]))

    told, later = _run(library, tmp_path, [], capsys)
    assert "0 of 4 runtime guards (0.0 %); tried on 0 of 1 groups" in told
    assert later == proofs  # what only prints keeps nothing


def test_a_guard_that_a_group_left_out_is_tried_there_once_nothing_proves_it_any_more() -> None:
    seen = Seen("one/a", "a/b", "status", "status", "200", "400")
    proofs = Proofs(
        "1.40.0",
        "",
        all_guards=["first", "second", "third"],
        guards=[GuardProof("second", False, "1", seen)],
        guards_tried=[Tried("one/a", "1"), Tried("two/a", "2", [1])],
    )

    assert [not_tried(proofs, each) for each in ("one/a", "two/a", "new/a")] == [[], [], ["first", "third"]]
    proofs.guards = []
    assert [not_tried(proofs, each) for each in ("one/a", "two/a")] == [[], ["second"]]


@pytest.mark.usefixtures("few_guards")
def test_what_there_was_no_time_for_is_said(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["reach", "--scenarios", str(library), "--reports", str(tmp_path), "--guards", "--within", "0.00001"]
    said = "no time for 1 groups (--within 1e-05): paths/edges"
    assert main(options) == 0
    assert said in capsys.readouterr().out

    assert main([*options, "--json"]) == 0
    told = capsys.readouterr()
    assert said in told.err.splitlines()
    assert msgspec.json.decode(told.out, type=Reach).guards_tried == 0


def test_an_extension_is_proved_where_a_probe_shows_that_it_is_out(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, proofs = _run(library, tmp_path, ["--prove"], capsys)

    proved = {each.extension.partition("/")[2]: each.how for each in proofs.extensions}
    assert proved == {
        "envoy.access_loggers.stdout": "itself",
        "envoy.built_in_formatters.http.default": "a format without commands in its place",
        "envoy.built_in_formatters.stream_info.default": "a format without commands in its place",
        "envoy.cluster.static": "a cluster without hosts in its place",
        "envoy.filters.http.router": "itself",
        "envoy.filters.network.http_connection_manager": "itself",
        "envoy.request_id.uuid": "no request ids",
    }
    unproved = {each.extension.partition("/")[2]: each.why for each in proofs.extensions_unproved}
    assert unproved == {
        "envoy.load_balancing_policies.round_robin": "taken out (MAGLEV in its place): nothing differs",
        "envoy.transport_sockets.raw_buffer": "cannot be taken out: Envoy has no configuration without it",
    }
    assert "0 of them together with what holds it" in told

    told, again = _run(library, tmp_path, ["--prove"], capsys)
    assert again == proofs
    assert "7 extensions shown by proofs that are kept; 0 to be taken out, of 0 groups" in told


def test_a_file_that_is_no_proof_is_one_line(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "1.40.0.json").write_text('{"envoy": 1}')

    assert main(["reach", "--scenarios", str(library), "--reports", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "1.40.0.json" in error
    assert "prove the reach anew" in error
    assert error.count("\n") == 1


def test_guards_that_are_left_out_are_never_tried() -> None:
    names = ["quic_no_tcp_delay", "udp_set_do_not_fragment", "test_feature_true", "strict_chunk_parsing"]
    proofs = Proofs("1.40.0", "0", all_guards=[f"{_RELOADABLE}.{each}" for each in names])

    assert not_tried(proofs, "one/a") == [f"{_RELOADABLE}.strict_chunk_parsing"]


@pytest.mark.parametrize("make", ["--guards", "--prove"])
def test_a_pattern_that_means_no_group_is_refused(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], make: str
) -> None:
    options = ["--scenarios", str(library), "--reports", str(tmp_path), make, "--on", "paths/*", "--on", "others/*"]
    assert main(["reach", *options]) == 2

    error = capsys.readouterr().err
    assert "--on others/*: no group of probes that Envoy 1.40.0 gets is called so" in error
    assert error.count("\n") == 1
    assert not (tmp_path / FOLDER).exists()


def _proof(guard: str, group: str) -> GuardProof:
    return GuardProof(guard, False, "1", Seen(group, "a/b", "status", "status", "200", "400"))


def _extension(name: str) -> ExtensionProof:
    return ExtensionProof(name, "itself", "1", Seen("one/a", "a/b", "status", "status", "200", "400"))


def test_runs_at_the_same_time_keep_what_each_of_them_finds(tmp_path: Path) -> None:
    release = Release("mine", "1.40.0", tmp_path / "envoy", "c", "5", "b", False)
    before = Kept.of(release, tmp_path, ["one"])
    before.proofs.extensions = [_extension("old")]
    before.proofs.guards_tried = [Tried("one/a", "0")]
    before.write()

    one, other = Kept.of(release, tmp_path, ["one"]), Kept.of(release, tmp_path, ["one"])
    one.proofs.extensions = []  # as it is forgotten, or not true any more
    one.proofs.extensions.append(_extension("new"))
    one.write()
    other.proofs.all_guards = ["first"]
    other.proofs.guards.append(_proof("first", "one/a"))
    other.proofs.guards_tried = [Tried("one/a", "1")]
    other.proofs.extensions = []
    other.write()
    one.proofs.extensions.append(_extension("newer"))
    one.write()

    kept = Kept.of(release, tmp_path, ["one"]).proofs
    assert [each.extension for each in kept.extensions] == ["new", "newer"]
    assert kept.all_guards == ["first"]
    assert kept.guards == other.proofs.guards
    assert sorted(each.name for each in (tmp_path / FOLDER).iterdir()) == ["mine.json"]


@pytest.mark.usefixtures("few_guards")
@pytest.mark.parametrize("options", [["--prove"], ["--guards"], ["--prove", "--guards", "--anew"]])
def test_what_other_scenarios_showed_stays_and_does_not_count(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    _, first = _run(library, tmp_path, ["--prove", "--guards"], capsys)
    (library / "paths").rename(library / "others")
    told, both = _run(library, tmp_path, options, capsys)
    assert "0 extensions shown by proofs that are kept; 10 to be taken out" in told or "--prove" not in options
    assert "0 of them shown by proofs that are kept; 1 groups of 1 to try" in told or "--guards" not in options
    for name in ("extensions", "extensions_unproved", "guards", "guards_tried"):
        before, now = getattr(first, name), getattr(both, name)
        assert before
        assert [each for each in now if each in before] == before
    wanted = both.extensions if "--prove" in options else both.guards
    assert {each.seen.group for each in wanted} == {"paths/edges", "others/edges"}


@pytest.mark.usefixtures("few_guards")
def test_only_what_the_named_groups_showed_is_forgotten(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    probes = library / "paths" / "probes.yaml"
    [paths] = yaml.safe_load(probes.read_text())
    probes.write_text(yaml.safe_dump([paths, {**paths, "group": "others"}]))
    release = resolve(None)[0]
    kept = Kept.of(release, tmp_path, ["paths"])
    for group in probed_groups(Library(library), release):
        here = fingerprint(Library(library), group, release)
        kept.proofs.guards_tried.append(Tried(group.id, here))
        kept.proofs.guards.append(msgspec.structs.replace(_proof(group.id, group.id), fingerprint=here))
    kept.write()
    known: list[Proofs] = []
    wanted: list[str] = []

    class Turning:
        def __init__(self, _: Proving, kept: Kept) -> None:
            known.append(kept.proofs)

        def turn(self, groups: Sequence[Group]) -> list[str]:
            wanted.extend(each.id for each in groups)
            return []

    monkeypatch.setattr(turning, "Turning", Turning)
    _run(library, tmp_path, ["--guards", "--anew", "--on", "paths/others"], capsys)

    assert wanted == ["paths/others"]
    assert [each.guard for each in known[0].guards] == ["paths/edges"]
    assert [each.group for each in known[0].guards_tried] == ["paths/edges"]


def test_what_cannot_be_observed_as_it_is_says_nothing_of_an_extension_and_is_tried_again(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise DeploymentError("the Pod was not ready after 1 s")

    monkeypatch.setattr(trial, "observed_anew", busy)
    assert main(["reach", "--scenarios", str(library), "--reports", str(tmp_path), "--prove"]) == 0

    told = capsys.readouterr().out
    assert "envoy.filters.http.router: could not be tried: the Pod was not ready after 1 s" in told
    assert "paths/edges: 0 of 10 extensions shown" in told
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.usefixtures("few_guards")
@pytest.mark.parametrize("make", ["--guards", "--prove"])
def test_what_cannot_be_kept_ends_it_in_a_line(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, make: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "write", full)
    assert main(["reach", "--scenarios", str(library), "--reports", str(tmp_path), make]) == 2

    error = capsys.readouterr().err
    assert f"cannot write to {tmp_path / FOLDER}: No space left on device" in error
    assert error.count("\n") == 1
