"""Whether pytest looked for its ini file where it should: it does so before it knows of our options.

What stands behind one then, as an argument of its own, it takes for a place of tests.
https://docs.pytest.org/en/stable/reference/customize.html#finding-the-rootdir
"""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest


def check(early: pytest.Config) -> None:
    """Checks that no value of an option led to the ini file of another project, whose scenarios would be run.

    Args:
        early: with the options that are known so far.

    Raises: pytest.UsageError, one line that says how to write that option.
    """
    known, found = early.known_args_namespace, early.inipath
    if found is None or known.inifilename or known.rootdir or known.pyargs:
        return
    here = early.invocation_params.dir

    def is_there(place: str) -> bool:  # as pytest sees it: links are not followed
        return Path(os.path.normpath(here / place)).is_relative_to(found.parent)

    if any(is_there(each.partition("::")[0]) for each in ("", *known.file_or_dir)):
        return
    for option, value in _apart(early):
        if is_there(value):
            raise pytest.UsageError(
                f"{option} {value}: pytest takes that path for a place of tests, and {found} for this run's "
                f"configuration; write {option}={value}, with the sign"
            )


def remedy(config: pytest.Config) -> str:
    """What to say besides where no ini file was found, and a folder behind an option may be why; else nothing."""
    for option, value in _apart(config):
        if Path(value).is_dir():
            return f". It was looked for from {value} on: write {option}={value}, with the sign"
    return ""


def _apart(config: pytest.Config) -> Iterator[tuple[str, str]]:
    """The options whose value is an argument of its own, each with it."""
    for option, value in itertools.pairwise(str(each) for each in config.invocation_params.args):
        if option.startswith("--") and "=" not in option and not value.startswith("-"):
            yield option, value
