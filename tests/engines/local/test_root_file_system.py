"""The containers' root file system: built once, renewed by age, removed when nobody uses it."""

import fcntl
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from takeover.base.errors import TakeoverError
from takeover.engines.local import root_file_system
from takeover.model.root_file_system import RootFileSystem
from takeover.node.bare_node import BareNode

NOW = datetime.now(UTC).replace(microsecond=0)
OLD = NOW - root_file_system.RENEWED_AFTER - timedelta(days=2)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "envoy-takeover/lab"


def make(lab: Path, built: datetime, name: str = "") -> Path:
    folder = lab / f"{name or root_file_system._name()}-{built:%Y%m%dT%H%M%S}"
    (folder / "root/etc").mkdir(parents=True)
    (folder / "about.json").write_bytes(msgspec.json.encode(RootFileSystem("bookworm", built, {"nginx-light": "1.22"})))
    (folder / "in-use").touch()
    return folder


@pytest.fixture
def builds(lab: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often one was built; what is built takes no time."""
    done: list[str] = []

    def build(_node: BareNode, suite: str, folder: Path, _name: str) -> None:
        assert folder == lab
        done.append(suite)
        make(lab, NOW)

    monkeypatch.setattr(root_file_system, "_build", build)
    return done


def test_it_is_built_once(lab: Path, builds: list[str]) -> None:
    assert root_file_system.told() is None
    for _ in range(2):
        root_file_system.take().close()
    assert len(builds) == 1
    told = root_file_system.told()
    assert told is not None
    assert (told.built, told.packages, told.age_days(NOW + timedelta(days=3.5))) == (NOW, {"nginx-light": "1.22"}, 3)
    assert {each.name for each in lab.iterdir()} == {"lock", f"{root_file_system._name()}-{NOW:%Y%m%dT%H%M%S}"}


@pytest.mark.parametrize("is_used", [False, True])
def test_an_old_one_is_renewed_and_removed_unless_somebody_uses_it(
    lab: Path, builds: list[str], monkeypatch: pytest.MonkeyPatch, is_used: bool
) -> None:
    old = make(lab, OLD)
    used = None
    if is_used:
        with monkeypatch.context() as patch:
            patch.setattr(root_file_system, "RENEWED_AFTER", timedelta(days=1000))
            used = root_file_system.take()
            assert used.path == old / "root"
    taken = root_file_system.take()
    assert (taken.about.built, len(builds)) == (NOW, 1)
    assert old.exists() == is_used
    if used is not None:
        used.close()
    taken.close()


def test_an_old_one_is_taken_where_it_cannot_be_renewed_and_that_is_tried_once_a_day(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: list[str] = []

    def fails(_node: BareNode, suite: str, *_: object) -> None:
        tried.append(suite)
        raise TakeoverError("mmdebstrap failed (1): no network")

    monkeypatch.setattr(root_file_system, "_build", fails)
    old = make(lab, OLD)
    for _ in range(2):
        taken = root_file_system.take()
        assert taken.path == old / "root"
        taken.close()
    assert len(tried) == 1
    line = f"stays the one of {(NOW - OLD).days} days ago: mmdebstrap failed (1): no network\n"
    assert capsys.readouterr().err.endswith(line)

    yesterday = NOW.timestamp() - 100_000
    [failed] = lab.glob("*.not-renewed")
    os.utime(failed, (yesterday, yesterday))
    root_file_system.take().close()
    assert len(tried) == 2


OF_OTHER_PACKAGES = "0123456789ab"


def test_one_of_other_packages_is_not_taken_and_removed_when_it_is_old(lab: Path, builds: list[str]) -> None:
    recent, old = (make(lab, built, OF_OTHER_PACKAGES) for built in (NOW - timedelta(days=1), OLD))
    with (old / "in-use").open() as in_use:
        fcntl.flock(in_use, fcntl.LOCK_SH)
        taken = root_file_system.take()
    assert (taken.about.built, len(builds)) == (NOW, 1)
    assert (recent.exists(), old.exists()) == (True, True)  # one that is used, too
    taken.close()

    for each in lab.glob(f"{root_file_system._name()}-*"):
        each.rename(lab / f"{each.name}.partial")
    root_file_system.take().close()
    assert (recent.exists(), old.exists()) == (True, False)


def test_that_one_of_other_packages_cannot_be_taken_is_told(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise TakeoverError("mmdebstrap failed (1): no network")

    monkeypatch.setattr(root_file_system, "_build", fails)
    make(lab, NOW - timedelta(days=3), OF_OTHER_PACKAGES)
    lacking = ", ".join(each for each in root_file_system._PACKAGES if each != "nginx-light")
    with pytest.raises(TakeoverError) as raised:
        root_file_system.take()
    line = f"mmdebstrap failed (1): no network; the root file system of 3 days ago lacks {lacking}"
    assert str(raised.value) == line


@pytest.mark.parametrize("text", ["{", None, '{"suite": "bookworm"}'])
def test_one_that_is_not_whole_is_not_taken(lab: Path, builds: list[str], text: str | None) -> None:
    about = make(lab, NOW - timedelta(days=1)) / "about.json"
    about.unlink()
    if text is not None:
        about.write_text(text)
    taken = root_file_system.take()
    assert (taken.about.built, len(builds)) == (NOW, 1)
    taken.close()
