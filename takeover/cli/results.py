"""How commands name stored results, and a difference between them."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.version import Version

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.compare.comparison import Comparison, Difference
from takeover.model.versions import version_of
from takeover.scenario.library import Library
from takeover.store import documents as store


def add_reports(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says where results are."""
    parser.add_argument(
        "--reports",
        type=Path,
        default=Path("reports"),
        metavar="DIR",
        help="where runs leave results (default: reports)",
    )


def add_scenarios(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says where scenarios are."""
    parser.add_argument(
        "--scenarios",
        type=Path,
        metavar="DIR",
        help="the folder of the scenarios that the results are of (default: the project's own)",
    )


def library_of(options: argparse.Namespace) -> Library:
    """The scenarios that the option names. Raises: BadInputError."""
    return Library(options.scenarios) if options.scenarios is not None else Library.bundled()


def paths_of(names: Sequence[str], reports: Path) -> dict[str, Path]:
    """The files, each under what it is called: an Envoy's name, or the whole path where names would be the same.

    Raises: BadInputError.
    """
    files = [store.find(each, reports) for each in names]
    stems = [each.stem for each in files]
    labels = [str(file) if stems.count(file.stem) > 1 else file.stem for file in files]
    for label in labels:
        if labels.count(label) > 1:
            raise BadInputError(f"{label} is named twice")
    return dict(zip(labels, files, strict=True))


def latest(reports: Path) -> list[Path]:
    """The files of the latest run: releases by age, then what has names. Raises: BadInputError unless there are any."""
    found = sorted((reports / store.LATEST / store.RESULTS).glob("*.json"), key=_by_age)
    if not found:
        raise BadInputError(f"no results in {display_path(reports / store.LATEST)}: ./run makes them")
    return found


def _by_age(path: Path) -> tuple[bool, Version, str]:
    number = version_of(path.stem)
    return number is None, number or Version("0"), path.stem


def published(paths: Mapping[str, Path], reports: Path) -> list[str]:
    """A line for each of the files that is of the published results and not of the latest run."""
    folder = reports / store.PUBLISHED
    return [
        f"{label}: published results, {display_path(path)}" for label, path in paths.items() if path.parent == folder
    ]


def chosen(comparison: Comparison, name: str) -> Difference:
    """The difference whose id begins so. Raises: BadInputError unless there is exactly one."""
    found = [each for each in comparison.differences if each.id.startswith(name)]
    if len(found) != 1:
        several = f"stands for {len(found)} differences" if found else "is no difference of these results"
        raise BadInputError(f"{name!r} {several}; takeover compare lists their ids")
    return found[0]
