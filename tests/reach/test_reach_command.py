"""`takeover reach` on a real Envoy."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from takeover.cli.main import main
from takeover.reach.reach import Reach


def _reach(capsys: pytest.CaptureFixture[str], *arguments: str) -> Reach:
    assert main(["reach", "--json", *arguments]) == 0
    return msgspec.json.decode(capsys.readouterr().out, type=Reach)


def test_it_tells_what_a_library_configures(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reach = _reach(capsys, "--scenarios", str(library))
    extensions = {each.extension: each for each in reach.extensions}
    messages = {each.short: each for each in reach.messages}

    assert (reach.groups, reach.envoy) == (1, "1.40.0")
    router = extensions["envoy.filters.http/envoy.filters.http.router"]
    assert (router.state, router.groups, router.is_implied) == ("configured", ["paths/edges"], False)
    static = extensions["envoy.clusters/envoy.cluster.static"]
    assert (static.state, static.is_implied) == ("configured", True)
    assert extensions["envoy.filters.http/envoy.filters.http.lua"].state == "absent"
    assert extensions["envoy.tracers/envoy.tracers.xray"].state == "left-out"
    assert {"normalize_path", "merge_slashes"} <= set(messages["HttpConnectionManager"].set)
    assert "proxy_100_continue" in messages["HttpConnectionManager"].missing
    met = {each.message: each for each in reach.all_messages}
    assert met[messages["HttpConnectionManager"].message] == messages["HttpConnectionManager"]
    assert "suppress_envoy_headers" in met["envoy.extensions.filters.http.router.v3.Router"].missing  # none of the main
    assert messages["TlsParameters"].message not in met  # it stands nowhere
    assert all(each.startswith(("envoy.", "xds.")) for each in met)


def test_an_edit_of_a_group_is_configured_too(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    probes = library / "paths" / "probes.yaml"
    manager = "$.static_resources.listeners[0].filter_chains[0].filters[0].typed_config"
    edit = f"""\
  edits:
  - in: envoy.yaml
    add: {manager}
    key: proxy_100_continue
    with: true
"""
    probes.write_text(probes.read_text().replace("  from: edge\n", f"{edit}  from: edge\n", 1))
    assert edit in probes.read_text()

    messages = {each.short: each for each in _reach(capsys, "--scenarios", str(library)).messages}

    assert "proxy_100_continue" in messages["HttpConnectionManager"].set


def test_groups_that_do_not_support_the_envoy_do_not_count(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario = library / "paths" / "scenario.yaml"
    scenario.write_text(scenario.read_text() + 'supports: {envoy: "<1.40", reason: a test}\n')

    reach = _reach(capsys, "--scenarios", str(library))

    assert (reach.groups, reach.probes) == (0, 0)
    assert {each.state for each in reach.extensions} == {"absent", "left-out"}


def test_what_is_missing_is_named(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reach", "--missing", "--scenarios", str(library)]) == 0
    told = capsys.readouterr().out

    assert "  - envoy.filters.http.lua\n" in told
    assert "  - proxy_100_continue\n" in told
    assert re.search(
        r"^of all \d+ messages that stand in some probed configuration: \d+ of \d+ fields \(\d+\.\d %\)$",
        told,
        re.MULTILINE,
    )
    assert re.search(
        r"^  - envoy\.extensions\.filters\.http\.router\.v3\.Router: .*suppress_envoy_headers", told, re.MULTILINE
    )
    assert "  - envoy.filters.http.router\n" not in told
    assert "left out:" in told
    assert "an old name of another extension" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--envoy", "1.37.0,1.40.0"], "name one Envoy"),
        (["--envoy", "no-such"], "'no-such' is no version"),
        (["--scenarios", "nowhere"], "nowhere: no such folder"),
        (["--within", "0"], "'0' is no number of minutes"),
        (["--workers", "none"], "'none' is no number from 1 to 64"),
        (
            ["--on", "*", "--anew", "--within", "5", "--workers", "1"],
            "without --prove or --guards: give one of them, or leave out --on, --anew, --within, --workers",
        ),
    ],
)
def test_bad_input_is_told_with_the_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[Any]
) -> None:
    try:
        code = main(["reach", *arguments])
    except SystemExit as ended:  # argparse's own
        code = int(ended.code or 0)
    error = capsys.readouterr().err
    assert code == 2
    assert said in error.splitlines()[-1]
