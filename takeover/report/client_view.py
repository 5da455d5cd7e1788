"""The clients of a block as they are drawn: what they dialled and what they got, by their own account."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence

from takeover.model.dialled import Dialled
from takeover.model.logs import Entry
from takeover.model.trace import ClientHop, DestinationHop, Hop
from takeover.report.hop_view import SHOWN, HopView
from takeover.report.words import counted, listed

FACT_FITS = 48
"""Characters of a line below a hop's name."""

_HEADERS_FIT = 45  # their letters are wide
_PORT = re.compile(r"--to-ports (\d+)")


def dialled(block: Iterable[Hop]) -> tuple[Dialled, ...]:
    """The connections of all clients of a block."""
    return tuple(each for hop in block if isinstance(hop, ClientHop) for each in hop.dialled)


def client_view(block: Sequence[Hop], log: Sequence[Entry]) -> HopView:
    """Who asked, what was dialled and what came of it. In results of old only Envoy or the destination tell of them."""
    clients = [each for each in block if isinstance(each, ClientHop)]
    if not clients:
        return _seen_by_others(block, log)
    found = dialled(block)
    left_out = sum(each.dialled_left_out for each in clients)
    name = clients[0].name + (f" and {counted(len(clients) - 1, 'other')}" if len(clients) > 1 else "")
    facts = [f"dialled {found[0].to}"]
    if len(found) == 1:
        facts += [found[0].got, *_headers(found[0])]
    else:
        facts += [f"the first of {len(found) + left_out} connections", *_outcomes(found)]
    whole = [f"{each}{_with(each)}" for each in found]
    return HopView("client", name, tuple(facts), tuple(whole))


def refusal_view(block: Sequence[Hop], rules: Sequence[HopView]) -> HopView | None:
    """The kernel, where it refused a client's connection: that is where it ended, whatever a rule had done to it."""
    found = dialled(block)
    refused = [each for each in found if each.end == "refused"]
    if not refused:
        return None
    how_many = [f"{len(refused)} of {counted(len(found), 'connection')}"] if len(found) > 1 else []
    ports = {port[1] for each in rules if each.state != "missing" and (port := _PORT.search(each.name))}
    to = f"port {ports.pop()}" if len(ports) == 1 else refused[0].to
    return HopView("kernel", "connection refused", (f"nobody took it at {to}", *how_many))


def what_differs(got: Sequence[Dialled], wanted: Sequence[Dialled]) -> str:
    """What a client got otherwise than where the test passed, as a sentence; empty if nothing is known."""
    if len(got) != len(wanted):
        return ""
    for one, other in zip(got, wanted, strict=True):
        if one.status != other.status:
            return f"The client got {_status(one)}, and where the test passed {_status(other)}."
        ours, theirs = ({name.lower() for name in each.headers} for each in (one, other))
        missed, more = listed(sorted(theirs - ours)), listed(sorted(ours - theirs))
        if missed or more:
            without = f"without {missed}, which came where the test passed" if missed else ""
            beside = f"with {more}, which did not come where the test passed" if more else ""
            return f"The client's answer came {', and '.join(filter(None, (without, beside)))}."
        if one.end != other.end:
            return f"The client {one}, and where the test passed, it {other}."
    return ""


def _status(one: Dialled) -> str:
    return str(one.status) if one.status is not None else "no status"


def _headers(one: Dialled) -> list[str]:
    """The names of the answer's headers, in two lines at most."""
    if not one.headers:
        return []
    lines = textwrap.wrap(
        "with " + ", ".join(one.headers), FACT_FITS - 2, break_long_words=False, break_on_hyphens=False
    )
    return lines if len(lines) <= 2 else [lines[0], f"{lines[1][: FACT_FITS - 4].rpartition(',')[0]}, …"]


def _with(one: Dialled) -> str:
    return f", with {', '.join(one.headers)}" if one.headers else ""


def _outcomes(found: Sequence[Dialled]) -> list[str]:
    """What came of several connections: how many of them ended how."""
    lines = [f"{number} × {each}" for each, number in Counter(each.outcome for each in found).items()]
    return lines if len(lines) <= SHOWN else [*lines[: SHOWN - 1], f"and {len(lines) - SHOWN + 1} outcomes more"]


def _seen_by_others(block: Sequence[Hop], log: Sequence[Entry]) -> HopView:
    if log:
        return HopView("client", log[0].downstream_remote, ("as Envoy saw it",))
    arrived = [entry for each in block if isinstance(each, DestinationHop) for entry in each.entries]
    if not arrived:
        return HopView("client", "client")
    return HopView("client", arrived[0].client, ("as the destination saw it",))
