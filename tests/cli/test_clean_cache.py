"""`takeover clean --cache`: the place, the size, and nothing is left but what a run uses."""

import fcntl
import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from takeover.cli.main import main
from takeover.engines.local import root_file_system
from tests.engines.local.test_root_file_system import make


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "envoy-takeover"
    (folder / "envoy/1.36.4").mkdir(parents=True)
    (folder / "envoy/1.36.4/envoy").write_bytes(b"x" * 3_000_000)
    (folder / "envoy/identities.json").write_text("{}")
    make(folder / "lab", datetime.now(UTC))
    (folder / "lab/0123456789ab/etc").mkdir(parents=True)  # as they were called before
    return folder


def test_it_is_emptied(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean", "--cache"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"cache: {cache}, 3 MB",
        "nothing deleted (--yes deletes without asking)",
    ]
    assert main(["clean", "--cache", "--yes"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"cache: {cache}, 3 MB", "now 0 MB"]
    assert {each.name for each in cache.rglob("*") if each.is_file()} == {"lock"}
    assert [each.name for each in (cache / "lab").iterdir()] == ["lock"]


class Terminal(io.StringIO):
    """At which somebody has typed that."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(("typed", "code"), [("", 1), ("\n", 1), ("no\n", 1), ("Y\n", 0)])
def test_whoever_sits_at_a_terminal_is_asked(
    typed: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))  # of "" Ctrl-D is the end
    assert main(["clean", "--cache"]) == code
    told = capsys.readouterr().out
    assert "empty it? [y/N] " in told
    assert told.endswith("now 0 MB\n" if code == 0 else "nothing deleted (--yes deletes without asking)\n")


def test_what_a_run_uses_stays(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = root_file_system.take()
    with (cache / "envoy/lock").open("w") as fetching:
        fcntl.flock(fetching, fcntl.LOCK_EX)
        assert main(["clean", "--cache", "--yes"]) == 1
    assert taken.path.exists()
    assert (cache / "envoy/1.36.4/envoy").exists()
    told = capsys.readouterr().out.splitlines()
    assert told[1:3] == ["left the Envoys: a run is fetching one", f"left {taken.path.parent}: a run uses it"]
    taken.close()
    assert main(["clean", "--cache", "--yes"]) == 0
    assert not taken.path.exists()


def test_there_need_be_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["clean", "--cache"]) == 0
