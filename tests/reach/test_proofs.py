"""What is proved on a real Envoy, and how long it holds."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
import yaml

from takeover.cli.main import main
from takeover.reach import turning
from takeover.reach.proofs import FOLDER, GuardProof, Proofs, Tried, not_tried
from takeover.reach.trial import Seen

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
    assert main(options) == 0
    assert "no time for 1 groups (--within 1e-05): paths/edges" in capsys.readouterr().out


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


@pytest.mark.usefixtures("few_guards")
def test_only_the_groups_that_are_named_are_tried(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reach", "--scenarios", str(library), "--reports", str(tmp_path), "--guards", "--on", "others/*"]) == 0

    assert "0 groups of 1 to try" in capsys.readouterr().out
    assert not (tmp_path / FOLDER).exists()
