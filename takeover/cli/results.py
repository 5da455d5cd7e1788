"""How commands name stored results, and a difference between them."""

import argparse
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from packaging.version import Version

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.base.runner import runner
from takeover.compare.comparison import Comparison, Difference, compare
from takeover.model.document import Document
from takeover.model.versions import version_of
from takeover.scenario.bundled import manifests
from takeover.scenario.delivery import Delivery
from takeover.scenario.library import Library
from takeover.store import documents as store
from takeover.store.choosing import Choice, choose
from takeover.store.distinct import Distinct


def add_reports(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says where results are."""
    parser.add_argument(
        "--reports",
        type=Path,
        default=store.nearest(Path.cwd()),
        metavar="DIR",
        help="where runs leave results (default: reports, here or in the nearest folder above that has them)",
    )


def add_scenarios(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says where scenarios are."""
    parser.add_argument(
        "--scenarios",
        type=Path,
        metavar="DIR",
        help="the folder of the scenarios that the results are of (default: the project's own)",
    )


def library_of(options: argparse.Namespace, delivery: Delivery = "static") -> Library:
    """The scenarios that the option names, their configuration delivered so. Raises: BadInputError."""
    if options.scenarios is None and delivery == "static":
        return Library.bundled()
    return Library(options.scenarios or manifests(), delivery)


def paths_of(names: Sequence[str], reports: Path) -> dict[str, Path]:
    """The files, each under what it is called: an Envoy's name, or the whole path where names would be the same.

    Raises: BadInputError.
    """
    return _labelled([store.find(each, reports) for each in names])


def to_compare(names: Sequence[str], reports: Path) -> dict[str, Choice]:
    """Likewise, of those that a name may mean the one of which most can be compared. Raises: BadInputError."""
    chosen = choose([store.candidates(name, reports) for name in names])
    return dict(zip(_labelled([each.path for each in chosen]), chosen, strict=True))


def _labelled(files: Sequence[Path]) -> dict[str, Path]:
    stems = [each.stem for each in files]
    labels = [str(file) if stems.count(file.stem) > 1 else file.stem for file in files]
    for label in labels:
        if labels.count(label) > 1:
            raise BadInputError(f"{label} is named twice")
    return dict(zip(labels, files, strict=True))


def latest(reports: Path) -> list[Path]:
    """The files of the latest run: releases by age, then what has names. Raises: BadInputError unless there are any."""
    found = sorted((reports / store.LATEST / store.RESULTS).glob("*.json"), key=by_age)
    if not found:
        raise BadInputError(f"no results in {display_path(reports / store.LATEST)}: {runner(Path.cwd())} makes them")
    return found


def by_age(path: Path) -> tuple[bool, Version, str]:
    """To sort files of results: releases from the oldest on, then what has a name of its own."""
    number = version_of(path.stem)
    return number is None, number or Version("0"), path.stem


def compared(
    places: Mapping[str, Path], read: Mapping[str, Callable[[], Document]], known: Sequence[str]
) -> Comparison:
    """Compares them.

    Args:
        places: where each is.
        read: what reads each.
        known: Envoys of which there are results, too.

    Raises: BadInputError where two are the same results, and where nothing of one can be compared; what reading one
        raises.
    """
    distinct = Distinct()

    def checked(label: str) -> Document:
        document = read[label]()
        distinct.check(document, places[label])
        return document

    comparison = compare({label: functools.partial(checked, label) for label in read}, known)
    for label, count in comparison.compared.items():
        if not count:
            first, other = (display_path(places[each]) for each in (comparison.baseline, label))
            raise BadInputError(
                f"nothing was compared: no test and no probe ended in both {first} and {other}; "
                "run the same suites for both, with --probes"
            )
    return comparison


def taken(chosen: Mapping[str, Choice], reports: Path) -> list[str]:
    """A line for each of the files that is of the published results and not of the latest run, with the reason."""
    folder = reports / store.PUBLISHED
    return [
        f"{label}: published results, {display_path(each.path)}"
        + (
            f": more of them can be compared than of {display_path(each.instead_of)}, which {each.because} "
            "(name it by its path to take it)"
            if each.instead_of
            else ""
        )
        for label, each in chosen.items()
        if each.path.parent == folder
    ]


def chosen(comparison: Comparison, name: str) -> Difference:
    """The difference whose id begins so, one of those that are unstable if there is no other.

    Raises: BadInputError unless there is exactly one.
    """
    unstable = [each.difference for each in comparison.unstable]
    listed = [[each for each in among if each.id.startswith(name)] for among in (comparison.differences, unstable)]
    found = listed[0] or listed[1]
    if len(found) != 1:
        several = f"stands for {len(found)} differences" if found else "is no difference of these results"
        raise BadInputError(f"{name!r} {several}; takeover compare lists their ids")
    return found[0]
