"""Which Envoys a run tests: what `--envoy` selects."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from takeover.base.errors import BadInputError
from takeover.envoy import sources
from takeover.envoy.github import Github
from takeover.envoy.image import Images
from takeover.envoy.kept import remove_leftovers
from takeover.envoy.pypi import Pypi, installed
from takeover.envoy.sources import Files, Source, Tell, path_of
from takeover.model.release import Release
from takeover.model.versions import version_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_NAME_IS = "letters, digits and . _ + -"
_PYPI = Pypi()
_FILES = Files()
_WITH_PREFIX: dict[str, Source] = {"github": Github(), "image": Images()}
"""Our own sources that are asked by a prefix; who registers one of that name means that."""
_WITH_PREFIX_FORMS = ("github:VERSION", "image:REFERENCE")
"""How their items are written."""


def resolve(selection: str | None, tell: Tell = lambda _: None) -> list[Release]:
    """The releases that `VERSION|latest|all|PATH[,…]` selects, in that order; None: the installed version.

    In the place of a PATH there may be `github:VERSION`, `image:REFERENCE` and `PREFIX:ITEM` of whatever source is
    registered, see `takeover.envoy.sources`. What selects one is given a name by `NAME=` before it. `all`: the oldest
    first. Fetches what is not in the user's cache yet. `tell` gets one line for each thing that takes a while.

    Raises: BadInputError for what cannot be selected, TakeoverError when a version cannot be fetched.
    """
    remove_leftovers()
    if selection is None:
        return [msgspec.structs.replace(each, chosen_by="") for each in resolve(installed()[0], tell)]
    items = [item.strip() for item in selection.split(",")]
    wanted = [each for item in items for each in _wanted(item)]
    _check_names(each.name for each in wanted if each.name)  # before anything is fetched
    found = [release for each in wanted for release in each.releases(tell)]
    _check_names(each.name for each in found)
    return found


def resolve_one(selection: str | None, tell: Tell = lambda _: None) -> Release:
    """The release that such a selection selects alone. Raises: as `resolve`, and BadInputError for several."""
    releases = resolve(selection, tell)
    if len(releases) != 1:
        raise BadInputError(f"--envoy {selection}: name one Envoy: it selects {len(releases)}")
    return releases[0]


@dataclass(frozen=True)
class _Wanted:
    """One thing that a source is asked for.

    Args:
        name: of the release; empty where the source gives it.
        written: the item that chooses it, as it was given; of several versions by one word, its own.
    """

    name: str
    source: Source
    item: str
    written: str

    def releases(self, tell: Tell) -> list[Release]:
        found = [
            msgspec.structs.replace(each, chosen_by=self.written) for each in self.source.releases(self.item, tell)
        ]
        if self.name:
            if len(found) != 1:
                raise BadInputError(f"--envoy {self.written}: a NAME is for one Envoy, not {len(found)}")
            return [msgspec.structs.replace(found[0], name=self.name)]
        if not found:
            raise BadInputError(f"--envoy: {self.written} selects no Envoy")
        for each in found:
            if not _NAME.fullmatch(each.name):
                raise BadInputError(
                    f"--envoy: {self.written} is named {each.name!r}, and a name is {_NAME_IS}: "
                    f"give it one, NAME={self.written}"
                )
        return found


def _wanted(item: str) -> list[_Wanted]:
    if asked := _by_prefix(item):
        return [_Wanted("", *asked, item)]
    if versions := _PYPI.versions(item):
        return [_Wanted(version, _PYPI, version, version) for version in versions]
    name, separator, rest = item.partition("=")
    if separator and "/" not in name:
        if not _NAME.fullmatch(name):
            raise BadInputError(f"--envoy {item}: a NAME is {_NAME_IS}, not {name!r}")
        return [_named(name, rest, item)]
    if "/" in item or path_of(item).is_file():
        return [_Wanted(path_of(item).name, _FILES, item, item)]
    forms = _forms("version", "latest", "all", *_WITH_PREFIX_FORMS)
    raise BadInputError(
        f"--envoy: {item!r} is no {forms} or PATH (each but all may have a name, NAME=…), nor a file here"
    )


def _named(name: str, rest: str, item: str) -> _Wanted:
    if asked := _by_prefix(rest):
        return _Wanted(name, *asked, item)
    if versions := _PYPI.versions(rest):
        if len(versions) != 1:
            raise BadInputError(f"--envoy {item}: a NAME is for one Envoy, not {len(versions)}")
        if version_of(name) not in (None, version_of(versions[0])):
            raise BadInputError(
                f"--envoy {item}: {name} would be taken for a version that it is not: give another name"
            )
        return _Wanted(name, _PYPI, versions[0], f"{name}={versions[0]}")
    if "/" not in rest and not path_of(rest).is_file():
        forms = _forms("version", "latest", *_WITH_PREFIX_FORMS)
        raise BadInputError(f"--envoy {item}: {rest!r} is no {forms}, nor a file here")
    return _Wanted(name, _FILES, rest, item)


def _forms(*own: str) -> str:
    return ", ".join([*own, *sources.forms()])


def _by_prefix(item: str) -> tuple[Source, str] | None:
    prefix, separator, rest = item.partition(":")
    own = (_WITH_PREFIX[prefix], rest) if separator and prefix in _WITH_PREFIX else None
    return sources.registered(item) or own


def _check_names(names: Iterable[str]) -> None:
    listed = list(names)
    for name in listed:
        if listed.count(name) > 1:
            raise BadInputError(f"--envoy selects {name} twice: give one of them a name of its own, NAME=…")
