"""What a check says of an extension that no tested Envoy has, or that a newer one has no more."""

import re
import shutil
from pathlib import Path
from typing import Any

import msgspec

from takeover.envoy.pypi import installed
from takeover.model.checked import Checked
from takeover.store import documents as store
from tests.check.whole import checked, listener, typed, written

HOME = {"match": {"path": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "home\n"}}}
CDN_LOOP = "envoy.extensions.filters.http.cdn_loop.v3.CdnLoopConfig"
MINE = "mine.v1.Filter"


def with_filter(name: str, **fields: Any) -> list[dict[str, Any]]:
    """Two listeners, one of which has a filter of that type."""
    its = {"name": "its", "typed_config": typed(f"type.googleapis.com/{name}", **fields)}
    return [listener("odd", 8000, HOME, filters=(its,)), listener("web", 8001, HOME)]


def found(folder: Path, name: str = "new") -> Checked:
    """What the check knows of that Envoy."""
    told = store.read(folder / f"reports/latest/results/{name}.json").checked
    assert told is not msgspec.UNSET
    return told


def reached(folder: Path, name: str = "new") -> list[str]:
    """The listeners that probes reached on that Envoy."""
    return [each.name for each in found(folder, name).parts if each.kind == "listener" and each.probes]


def line_of(file: Path, text: str) -> int:
    """The line of the only one that has that text."""
    [number] = [number for number, line in enumerate(file.read_text().splitlines(), 1) if text in line]
    return number


def test_an_extension_that_no_envoy_has_is_named_with_its_line_and_left_out_and_the_rest_is_compared(
    tmp_path: Path,
) -> None:
    file = written(tmp_path, *with_filter(MINE, a=1), clusters=())
    line = line_of(file, MINE)

    ended = checked(file, "--probes-per-route", "3")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    [hint] = [each for each in ended.stdout.splitlines() if "not looked into" in each]
    assert hint.startswith(f"not as in production: not looked into: {MINE}: the API that is installed here")
    at = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config"
    assert hint.endswith(f"(gateway.yaml:{line - 1}: {at})")  # where the field's name stands
    assert f"the extension {MINE} is left out of odd: no Envoy that is tested has it" in ended.stdout
    assert found(tmp_path).left_out == []
    assert reached(tmp_path) == ["odd", "web"]


def test_one_that_a_newer_envoy_has_no_more_is_a_difference_with_its_line_and_left_out_on_both(tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    shutil.copy(installed()[1], newer)
    # The message is of another name in it, so the extension is of another type.
    newer.write_bytes(newer.read_bytes().replace(b"CdnLoopConfig", b"CdnGoneConfig"))
    file = written(tmp_path, *with_filter(CDN_LOOP, cdn_id="here"), clusters=())
    line = line_of(file, CDN_LOOP)

    ended = checked(file, "--probes-per-route", "3", new=newer)

    assert ended.returncode == 1, ended.stdout + ended.stderr
    said = f"could not find @type 'type.googleapis.com/{CDN_LOOP}' (line {line})"
    assert f"Envoy new does not take listener odd: {said} (gateway.yaml:{line})" in ended.stdout
    assert re.search(r"^! config-rejected +\w+ +gateway manifest: config: loads → rejected", ended.stdout, re.MULTILINE)
    assert [(each.envoys, each.names, each.where) for each in found(tmp_path).left_out] == [
        (["new"], ["listener odd"], f"gateway.yaml:{line}")
    ]
    for name in ("old", "new"):
        assert reached(tmp_path, name) == ["web"]


def test_no_probe_is_made_on_an_envoy_that_takes_nothing_and_that_is_told_once(tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    version, path = installed()
    binary = path.read_bytes()
    # One of another version, to which the extension is of another type.
    other = binary.replace(b"CdnLoopConfig", b"CdnGoneConfig").replace(f"\0{version}\0".encode(), b"\x001.99.9\0")
    assert len(other) == len(binary)
    shutil.copy(path, newer)
    newer.write_bytes(other)
    file = written(tmp_path, with_filter(CDN_LOOP, cdn_id="here")[0], clusters=())
    line = line_of(file, CDN_LOOP)

    ended = checked(file, "--probes-per-route", "3", new=newer)

    assert ended.returncode == 1, ended.stdout + ended.stderr
    said = f"could not find @type 'type.googleapis.com/{CDN_LOOP}' (line {line})"
    assert f"Envoy new takes nothing of it: {said}" in ended.stdout
    assert f"not compared: Envoy new takes nothing of the configuration: {said}" in ended.stdout
    assert re.search(r"^! config-rejected +\w+ +gateway manifest: config: loads → rejected", ended.stdout, re.MULTILINE)
    assert " crash " not in ended.stdout
    assert "Envoy rejects" not in ended.stdout
    assert reached(tmp_path, "old") == ["odd"]
    assert not store.read(tmp_path / "reports/latest/results/new.json").probes
    assert {each.why for each in found(tmp_path).parts} == {"this Envoy takes nothing of the configuration"}

    ended = checked(file, "--probes-per-route", "3", "--fail-on", "none", new=newer)
    assert ended.returncode == 1  # where nothing is compared, nothing is well
