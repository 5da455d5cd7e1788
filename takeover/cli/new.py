"""`takeover new NAME`: writes a scenario to begin with, and its suite, where pytest looks for them."""

import argparse
import configparser
import tomllib
from contextlib import suppress
from pathlib import Path

from takeover.base import console
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.scenario import names

DESCRIPTION = "Writes a scenario to begin with: a Pod, its Envoy's configuration, probes, a suite. It passes as it is."

_TEMPLATES = Path(__file__).with_name("new_scenario")
_SUITE = "suite.txt"
_NAME = "NAME"
_INI_FILES = {"pytest.ini": "pytest", ".pytest.ini": "pytest", "tox.ini": "pytest", "setup.cfg": "tool:pytest"}
_MOST_LETTERS = 50
"""Of a name: it is a part of others, which have 63 at most."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.description = DESCRIPTION
    parser.add_argument("name", metavar="NAME", help="what it is called: its folder, its Pod")
    parser.add_argument(
        "--scenarios",
        type=Path,
        metavar="DIR",
        help="the folder of the scenarios (default: what `scenarios` in pytest's ini file says, else scenarios)",
    )
    parser.add_argument(
        "--suites", type=Path, metavar="DIR", help="the folder of the suites (default: suites, beside the scenarios)"
    )


def run(options: argparse.Namespace) -> int:
    """Writes the files, and says how they are run. Returns 0. Raises: BadInputError."""
    name = options.name
    if (wrong := names.wrong_label(name)) or len(name) > _MOST_LETTERS:
        raise BadInputError(f"a scenario {wrong or f'has a name of {_MOST_LETTERS} letters at most: {name}'}")
    scenarios = options.scenarios or _of_ini_file(Path.cwd()) or Path("scenarios")
    suites = options.suites or scenarios.parent / "suites"
    folder, suite = scenarios / name, suites / f"test_{name.replace('-', '_')}.py"
    for path in (folder, suite):
        if path.exists() or path.is_symlink():
            raise BadInputError(f"{display_path(path)} is there already: nothing was written; choose another name")
    texts = {path.name: path.read_text().replace(_NAME, name) for path in sorted(_TEMPLATES.iterdir())}
    written = [(folder / each, text) for each, text in texts.items() if each != _SUITE]
    _write([*written, (suite, texts[_SUITE])])
    shown = [display_path(path) for path in (folder, suite, scenarios)]
    console.write(f"wrote {shown[0]} and {shown[1]}. Now:")
    for more in ("", " --sabotage", " --probes", " --envoy 1.36.4,1.40.0"):
        console.write(f"  pytest --scenarios {shown[2]} {shown[1]}{more}")
    return 0


def _write(files: list[tuple[Path, str]]) -> None:
    """Writes all of them, or none. Raises: BadInputError."""
    made: list[Path] = []
    try:
        for path, text in files:
            for folder in reversed([each for each in path.parents if not each.exists()]):
                folder.mkdir()
                made.append(folder)
            with path.open("x") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        for each in reversed(made):
            with suppress(OSError):
                each.rmdir() if each.is_dir() else each.unlink()
        raise BadInputError(f"cannot write {display_path(path)}: {error.strerror}") from error


def _of_ini_file(here: Path) -> Path | None:
    """The folder that pytest's ini file names, in this folder or the nearest one above that has one."""
    for folder in (here, *here.parents):
        for file in ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"):
            if (path := folder / file).is_file() and (said := _scenarios_in(path)):
                return _from(here, folder / said)
    return None


def _scenarios_in(path: Path) -> str:
    try:
        if path.name == "pyproject.toml":
            options = tomllib.loads(path.read_text()).get("tool", {}).get("pytest", {}).get("ini_options", {})
            return str(options.get("scenarios", ""))
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(path.read_text())
        return parser.get(_INI_FILES[path.name], "scenarios", fallback="")
    except (OSError, UnicodeDecodeError, AttributeError, tomllib.TOMLDecodeError, configparser.Error) as error:
        raise BadInputError(f"{display_path(path)} cannot be read: {error}") from error


def _from(here: Path, path: Path) -> Path:
    """The path as it is seen from a folder, where it lies in it."""
    return path.relative_to(here) if path.is_relative_to(here) else path
