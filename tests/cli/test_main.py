"""The console command by itself: its version, and pictures that are no pictures of ours."""

import importlib.metadata
from pathlib import Path

import pytest

from takeover.cli.main import main


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"envoy-takeover {importlib.metadata.version('envoy-takeover')}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["matrix", "x.png"], "takeover matrix: x.png: the picture is SVG, and nothing else: call it NAME.svg\n"),
        (["matrix", "matrix"], "takeover matrix: matrix: the picture is SVG, and nothing else: call it NAME.svg\n"),
        (["paths", "x.png"], "takeover paths: x.png: a folder is needed, in which each scenario gets its own picture, "
                             "as SVG\n"),
    ],
)  # fmt: skip
def test_a_picture_of_another_kind_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert capsys.readouterr().err == message
    assert list(tmp_path.iterdir()) == []
