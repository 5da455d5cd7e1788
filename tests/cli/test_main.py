"""The console command by itself: its version, what it tells of its subcommands, and pictures that are none of ours."""

import importlib
import importlib.metadata
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import takeover.cli
from takeover.cli.main import main


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"envoy-takeover {importlib.metadata.version('envoy-takeover')}\n"


def test_each_subcommand_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    modules = [
        importlib.import_module(f"takeover.cli.{each.name}") for each in pkgutil.iter_modules(takeover.cli.__path__)
    ]
    commands = [each for each in modules if hasattr(each, "DESCRIPTION")]
    assert len(commands) > 10
    for each in commands:
        name = each.__name__.rpartition(".")[2].replace("_", "-")
        assert f" {name} {each.DESCRIPTION}" in told


@pytest.mark.parametrize("arguments", [["compare", "--help"], ["-p", "json", "compare", "--help"], ["unknown"], []])
def test_only_the_subcommand_that_is_run_is_imported(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom takeover.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(*(name for name in sys.modules if name.startswith('takeover.cli.')), sep='\\n')"
    )
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    imported = {line for line in ended.stdout.splitlines() if line.startswith("takeover.cli.")}
    assert imported - {"takeover.cli.results"} == {
        "takeover.cli.main",
        *(["takeover.cli.compare"] if "compare" in arguments else []),
    }


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
