"""What came of requests that asked an authentication service, as a table: read off the logs of all who were asked."""

from collections.abc import Iterable
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


def outcomes(blocks: Iterable[Block], service: str = "auth") -> list[Outcome]:
    """The rows of the blocks in which one request was made; each different one once, in order of their appearance."""
    found: dict[Outcome, Outcome] = {}
    for watched in blocks:
        log = log_of(watched.hops)
        if len(log) != 1:
            continue
        destinations = [each for each in watched.hops if isinstance(each, DestinationHop)]
        asked = [entry for each in destinations if each.name.endswith(f"/{service}") for entry in each.entries]
        arrived = [entry for each in destinations if not each.name.endswith(f"/{service}") for entry in each.entries]
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
