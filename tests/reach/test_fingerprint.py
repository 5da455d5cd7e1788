"""A proof holds as long as what is deployed, asked and observed is the same, wherever that is written."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from takeover.model.release import Release
from takeover.probes.probe_file import read_probes
from takeover.reach.fingerprint import fingerprint
from takeover.scenario.library import Library

RELEASE = Release("1.40.0", "1.40.0", Path("envoy"), "c", "5", "b", False)
TLS = {"server_name": "a.example", "client_certificate": "../bases/certificates/client.pem"}
Changed = Callable[[Path, list[dict[str, Any]]], None]


def of(library: Path) -> str:
    opened = Library(library)
    [group] = read_probes(opened.scenario("paths"))
    return fingerprint(opened, group, RELEASE)


@pytest.fixture
def written(library: Path) -> Path:
    """The library, whose scenario has a probe with all that a probe can have."""
    _change(library, lambda _, probes: probes[0].update(tls=TLS, answers=2))
    with (library / "paths/kustomization.yaml").open("a") as file:
        file.write("- name: more\n  files: [bytes.bin]\n")
    (library / "paths/bytes.bin").write_bytes(b"\xff\x00")
    return library


def _change(library: Path, change: Changed) -> None:
    file = library / "paths/probes.yaml"
    groups = yaml.safe_load(file.read_text())
    change(library, groups[0]["probes"])
    file.write_text(yaml.safe_dump(groups, sort_keys=False))


def _bound(library: Path, _: object) -> None:
    edit = {"in": "envoy.yaml", "replace": "$.node.id", "with": "other"}
    with (library / "paths/scenario.yaml").open("a") as file:
        file.write(yaml.safe_dump({"bind": [edit]}))


def _beside(library: Path, _: object) -> None:
    file = library / "paths/scenario.yaml"
    file.write_text(file.read_text().replace("envoyproxy}", "envoyproxy, beside: [upstream]}"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _, probes: probes[0].update(answers=1), id="answers"),
        pytest.param(lambda _, probes: probes[1].update(until="x"), id="until"),
        pytest.param(lambda _, probes: probes[0].update(within=3), id="within"),
        pytest.param(lambda _, probes: probes[0].update(name="x"), id="name"),
        pytest.param(lambda _, probes: probes[0].update(path="/b"), id="what is sent"),
        pytest.param(lambda _, probes: probes[0].update(connections=2), id="connections"),
        pytest.param(lambda _, probes: probes[0].update(source_address="127.0.0.2"), id="where it comes from"),
        pytest.param(lambda _, probes: probes[0].update(tls={**TLS, "alpn": ["h2"]}), id="what TLS offers"),
        pytest.param(lambda _, probes: probes[0].update(proxy={"version": 1}), id="what comes before"),
        pytest.param(
            lambda library, _: shutil.copy(
                library / "bases/certificates/client-expired.pem", library / "bases/certificates/client.pem"
            ),
            id="a certificate",
        ),
        pytest.param(lambda library, _: (library / "paths/bytes.bin").write_bytes(b"\xff\x01"), id="a file of bytes"),
        pytest.param(_bound, id="what a run puts in"),
        pytest.param(_beside, id="what is left out of account"),
    ],
)
def test_whatever_changes_what_is_deployed_asked_or_observed_changes_it(written: Path, change: Changed) -> None:
    before = of(written)
    _change(written, change)
    assert of(written) != before


def test_where_it_is_written_changes_nothing(written: Path, tmp_path: Path) -> None:
    before = of(written)
    for name in ("probes.yaml", "scenario.yaml"):
        file = written / "paths" / name
        file.write_text(f"# a line more\n{file.read_text()}")
    assert of(written) == before
    assert of(Path(shutil.copytree(written, tmp_path / "elsewhere"))) == before
