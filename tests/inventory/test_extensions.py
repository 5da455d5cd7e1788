"""Whether an Envoy has an extension: asked of its binary, remembered by its checksum."""

import json
from pathlib import Path

import msgspec
import pytest

from takeover.envoy.releases import resolve
from takeover.inventory import extensions
from takeover.model.release import Release

V8, LUA = "envoy.wasm.runtime.v8", "envoy.filters.http.lua"


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    extensions._extensions.cache_clear()
    return tmp_path / "envoy-takeover/envoy/extensions.json"


@pytest.fixture(scope="module")
def pinned() -> Release:
    return resolve(None)[0]


def test_the_binary_says_what_it_lacks(pinned: Release) -> None:
    assert extensions.lacking(pinned, [LUA, "envoy.nothing", V8, "lua"]) == ["envoy.nothing", "lua"]


def test_it_is_asked_once_for_each_checksum(pinned: Release, memory: Path) -> None:
    extensions.lacking(pinned, [LUA])
    remembered = json.loads(memory.read_bytes())
    assert LUA in remembered[str(pinned.path)]["extensions"]
    memory.write_text(json.dumps({str(pinned.path): {"sha256": pinned.sha256, "extensions": ["a.b"]}}))
    extensions._extensions.cache_clear()
    assert extensions.lacking(pinned, [LUA, "a.b"]) == [LUA]

    another = msgspec.structs.replace(pinned, sha256="0")
    assert extensions.lacking(another, [LUA, "a.b"]) == ["a.b"]


@pytest.mark.parametrize("broken", ["", "[]", '{"a": 1}', "\0"])
def test_a_broken_memory_is_made_anew(pinned: Release, memory: Path, broken: str) -> None:
    memory.parent.mkdir(parents=True)
    memory.write_text(broken)
    assert extensions.lacking(pinned, [LUA, V8]) == []
    assert str(pinned.path) in json.loads(memory.read_bytes())


def test_of_one_that_does_not_tell_nothing_is_known_to_be_missing(tmp_path: Path, memory: Path) -> None:
    binary = tmp_path / "envoy"
    binary.write_text("#!/bin/sh\nexit 1\n")
    binary.chmod(0o755)
    release = Release("mine", "1.40.0", binary, "", "0f", "", False)
    assert extensions.lacking(release, [LUA]) == []
    assert not memory.exists()
