"""Several runs of one Envoy as one: what a later one made again takes the place of what an earlier one found."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

import msgspec

from takeover.base.errors import BadInputError
from takeover.model.document import Document

Part = TypeVar("Part")


def as_one(documents: Sequence[Document]) -> Document:
    """The documents of one Envoy, the last run's last, as one.

    Raises: BadInputError where they are of different binaries: what a scenario shows of one may be another's.
    """
    last = documents[-1]
    for each in documents:
        if each.envoy.sha256 != last.envoy.sha256:
            raise BadInputError(f"runs of two binaries that say that they are Envoy {last.envoy.version}: name one's")
    if len(documents) == 1:
        return last
    return msgspec.structs.replace(
        last,
        complete=all(each.complete for each in documents),
        tests=_latest((part for each in documents for part in each.tests), lambda part: part.id),
        probes=_latest((part for each in documents for part in each.probes), lambda part: (part.scenario, part.probe)),
        configs=_latest(
            (part for each in documents for part in each.configs), lambda part: (part.source, part.scenario)
        ),
        binary=next((each.binary for each in reversed(documents) if each.binary is not None), None),
        repeated=msgspec.UNSET,
        removed=msgspec.UNSET,
    )


def _latest(parts: Iterable[Part], key: Callable[[Part], Hashable]) -> list[Part]:
    return list({key(each): each for each in parts}.values())
