"""Reads what somebody gives: a bootstrap, or what runs in production as a config dump."""

import re
from collections.abc import Mapping
from pathlib import Path

from takeover.check.given.canonical import Canonical
from takeover.check.given.documents import read_documents
from takeover.check.given.dumps import read_dump
from takeover.check.given.from_files import read_files
from takeover.check.given.local_files import files_of
from takeover.check.given.shapes import BOOTSTRAP, Sections, recognised
from takeover.check.given.taken import WANTED, Taken, not_looked_into, place
from takeover.check.records import Given


def read(path: Path, files: Mapping[str, Path]) -> Given:
    """What is in the file: a bootstrap as YAML, JSON or text proto, or a config dump, also as others' tools wrap it.

    Args:
        path: the file; its ending says nothing.
        files: path by which the configuration names it → a file or folder of this machine.

    Raises: BadInputError, in one line with the place, for what is neither, and for Envoy's v2 API.
    """
    document, found = recognised(read_documents(path))
    given = files_of(files)
    if isinstance(found, Sections):
        bootstrap, resources, different = read_dump(document, found)
        return Given(
            name=_name(path),
            kind="config dump",
            source=path,
            bootstrap=bootstrap,
            resources=resources,
            files=given,
            different=different,
        )
    value = document.value
    for key in found:
        value = value[key]
    canonical = Canonical(document, WANTED, keeps_unknown=True)
    bootstrap = canonical.message(BOOTSTRAP, {key: each for key, each in value.items() if key != "@type"}, found)
    delivered, told, unknown = read_files(bootstrap, given)
    return Given(
        name=_name(path),
        kind="bootstrap",
        source=path,
        bootstrap=bootstrap,
        resources=(*Taken(canonical, found).resources(), *delivered),
        files=given,
        different=(*not_looked_into(canonical), *told),
        unknown_fields=(*(place(document, each) for each in canonical.unknown_fields), *unknown),
    )


def _name(path: Path) -> str:
    """For ids: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", path.name.partition(".")[0].lower()).strip("-")[:40].strip("-") or "given"
