"""What came of requests that asked an authentication service, as a table: read off the logs of all who were asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from takeover.model.trace import DestinationHop
from takeover.report.page import Block
from takeover.report.trace_view import log_of


@dataclass(frozen=True)
class Outcome:
    """One row: what the service was told and judged, what Envoy answered, and who the application saw.

    `authorization` is None where the service was not asked or not there, `user` where nothing arrived. `test` is the
    first in which it came so: the deployment, which its name tells, may decide it.
    """

    authorization: str | None
    verdict: int | None
    status: int | None
    flags: str
    details: str
    user: str | None
    test: str = field(compare=False)


def outcomes(blocks: Sequence[Block]) -> list[Outcome]:
    """The rows of the blocks in which one request was made; each different one once, in order of their appearance.

    A service is a destination whose log tells a verdict; without one there are no rows.
    """
    all_destinations = [each for block in blocks for each in block.hops if isinstance(each, DestinationHop)]
    services = {each.name for each in all_destinations if any(entry.verdict is not None for entry in each.entries)}
    if not services:
        return []
    found: dict[Outcome, Outcome] = {}
    for watched in blocks:
        log = log_of(watched.hops)
        if len(log) != 1:
            continue
        destinations = [each for each in watched.hops if isinstance(each, DestinationHop)]
        asked = [entry for each in destinations if each.name in services for entry in each.entries]
        arrived = [entry for each in destinations if each.name not in services for entry in each.entries]
        entry = log[0]
        outcome = Outcome(
            asked[0].authorization if asked else None,
            asked[0].verdict if asked else None,
            entry.status,
            entry.flags,
            entry.details or "",
            arrived[0].x_auth_user if arrived else None,
            watched.test,
        )
        found.setdefault(outcome, outcome)
    return list(found)
