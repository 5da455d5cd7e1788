"""Documents on disk: whole or not at all, one clear line for what is no document."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from takeover.base import atomic
from takeover.base.errors import BadInputError
from takeover.model.document import Document, Envoy
from takeover.store import documents as store

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
DOCUMENT = Document(1, NOW.isoformat(), True, "local", Envoy("1.40.0", "1.40.0", "abc", "Clean", "0f"))
WRITTEN = msgspec.json.encode(DOCUMENT)


def test_what_is_written_is_found_and_read(tmp_path: Path) -> None:
    run = store.new_run(tmp_path, NOW)
    path = store.write(run, "1.40.0", WRITTEN)

    assert path == tmp_path / "2026-11-25T100000Z/results/1.40.0.json"
    assert store.find("1.40.0", tmp_path) == tmp_path / "latest/results/1.40.0.json"
    assert store.read(store.find("1.40.0", tmp_path)) == DOCUMENT
    assert [each.name for each in path.parent.iterdir()] == ["1.40.0.json"]


def test_runs_of_the_same_second_are_apart(tmp_path: Path) -> None:
    made = [store.new_run(tmp_path, NOW) for _ in range(12)]
    assert (tmp_path / "latest").resolve() == made[-1]
    assert store.runs(tmp_path) == made  # the oldest first, also of more than ten


def test_the_nearest_reports_are_the_projects(tmp_path: Path) -> None:
    inside = tmp_path / "suites/gateway"
    inside.mkdir(parents=True)
    (tmp_path / "suites/reports").mkdir()  # holds no results
    assert store.nearest(inside) == inside / "reports"
    store.new_run(tmp_path / "reports", NOW)
    assert store.nearest(inside) == store.nearest(tmp_path) == tmp_path / "reports"


def test_a_folder_that_may_not_be_entered_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.new_run(tmp_path / "reports", NOW)
    (tmp_path / "mine").mkdir()
    is_dir = Path.is_dir

    def refuse(self: Path, **more: bool) -> bool:  # root may enter all
        if self.is_relative_to(tmp_path / "mine/reports"):
            raise PermissionError(13, "Permission denied", str(self))
        return is_dir(self, **more)

    monkeypatch.setattr(Path, "is_dir", refuse)
    assert store.nearest(tmp_path / "mine") == tmp_path / "reports"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is no whole JSON document"),
        (WRITTEN[:-20], "is no whole JSON document"),
        (b"\xff", "is no whole JSON document"),
        (WRITTEN.replace(b"abc", b"caf\xe9"), "utf-8"),
        (b'{"more": ' + b"[" * 100_000, "is no whole JSON document"),
        (b"[]", "holds no results of a run"),
        (b'{"schema": 7}', "is of schema 7, and this reads 1; run the suites again"),
        (WRITTEN.replace(b"complete", b"finished"), "complete|finished"),
    ],
)
def test_what_is_no_document_is_one_line(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text)
    with pytest.raises(BadInputError, match=rf"x\.json: .*{message}") as caught:
        store.read(path)
    assert "\n" not in str(caught.value)


def test_what_is_not_there_is_told_with_what_is(tmp_path: Path) -> None:
    store.write(store.new_run(tmp_path, NOW), "1.40.0", WRITTEN)
    with pytest.raises(BadInputError, match=r"no results of 1\.2\.3 .*there are 1\.40\.0; or name"):
        store.find("1.2.3", tmp_path)
    with pytest.raises(BadInputError, match=r"cannot be read: No such file"):
        store.read(store.find("./1.2.3.json", tmp_path))


@pytest.mark.parametrize("use", [store.check, lambda reports: store.new_run(reports, NOW)], ids=["before", "then"])
def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path, use: Callable[[Path], object]) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere/else")
    for name in ("file", "file/reports", "link"):
        with pytest.raises(BadInputError, match=r"^--reports: cannot write to .*: give --reports DIR$"):
            use(tmp_path / name)
    (tmp_path / "latest").mkdir()
    with pytest.raises(BadInputError, match=r"latest is a folder, where a link .*: move it"):
        use(tmp_path)


def test_to_look_whether_a_place_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    store.check(tmp_path)
    store.check(tmp_path / "a/b")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        atomic.write(path, b"new")
    assert list(tmp_path.iterdir()) == [path]
