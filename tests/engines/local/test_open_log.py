"""A log that is read while it grows, is emptied, or becomes another one."""

import os
from pathlib import Path

import pytest

from takeover.engines.local.open_log import OpenLog


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "log").touch()
    return tmp_path / "log"


def test_all_of_it_is_told_and_what_was_read_is_not_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, read = OpenLog(os.open(path, os.O_RDONLY)), list[int]()
    pread = os.pread

    def noted(file: int, number: int, place: int) -> bytes:
        data = pread(file, number, place)
        read.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", noted)
    with path.open("ab", buffering=0) as file:
        assert log.text() == ""
        for written in (b"one\n", b"two\n"):
            file.write(written)
            assert log.text().endswith(written.decode())
        assert log.text() == "one\ntwo\n"
    assert read == [4, 4]
    log.close()


def test_a_character_that_comes_in_two_parts_is_one(path: Path) -> None:
    log = OpenLog(os.open(path, os.O_RDONLY))
    with path.open("ab", buffering=0) as file:
        file.write("aé".encode()[:2])
        assert log.text() == "a\N{REPLACEMENT CHARACTER}"
        file.write("é".encode()[1:] + b"\xff")
        assert log.text() == "aé\N{REPLACEMENT CHARACTER}"
    log.close()


def test_one_that_was_emptied_begins_anew_and_one_that_is_gone_is_not_current(path: Path) -> None:
    log = OpenLog(os.open(path, os.O_RDONLY))
    path.write_text("a long line\n")
    assert log.text() == "a long line\n"
    path.write_text("short\n")
    assert log.text() == "short\n"
    told = [log.is_current]
    path.unlink()
    assert [*told, log.is_current] == [True, False]
    log.close()
