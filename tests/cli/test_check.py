"""The options of `takeover check`."""

import argparse
from pathlib import Path
from types import SimpleNamespace

import pytest

from takeover.base import console
from takeover.base.errors import TakeoverError
from takeover.check.derive import Bounds
from takeover.cli import check
from takeover.cli.main import main


def test_the_help_tells_the_bound_that_is_there_without_one() -> None:
    parser = argparse.ArgumentParser()
    check.configure(parser)

    # The command does not import what knows it until it runs: that takes long.
    assert f"at most so many probes of a route (default: {Bounds().probes_per_route})" in " ".join(
        parser.format_help().split()
    )


@pytest.mark.parametrize(("ended", "code"), [(0, 2), (1, 1)])
def test_what_cannot_be_explained_takes_nothing_from_what_the_run_found(
    ended: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def explain(options: argparse.Namespace, redacted: object) -> int:
        raise TakeoverError(f"{options.id} is unstable; {redacted}")

    def redacted(text: str) -> str:
        return text.replace("hidden", "(removed)")

    releases = [SimpleNamespace(name=each, path=Path(f"/{each}")) for each in ("old", "new")]
    monkeypatch.setattr("takeover.envoy.releases.resolve", lambda *_: releases)
    monkeypatch.setattr("takeover.check.preparing.prepare", lambda *_: SimpleNamespace(redacted=redacted, told=list))
    monkeypatch.setattr("takeover.check.running.run", lambda *_: ended)
    monkeypatch.setattr("takeover.cli.explain.explain", explain)
    monkeypatch.setattr("takeover.cli.compare.run", lambda options: console.write(f"shown: {options.show}"))
    assert main(["check", "envoy.yaml", "--explain", "0123abcd", "--show", "4567cdef", "--keep"]) == code
    told = capsys.readouterr()
    assert told.err == f"takeover check: --explain 0123abcd: 0123abcd is unstable; {redacted}\n"
    kept, shown = told.out.splitlines()
    folder = Path(kept.removeprefix("kept in ").partition(",")[0])
    assert folder.is_dir()
    folder.rmdir()
    assert shown == "shown: 4567cdef"
