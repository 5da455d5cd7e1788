"""The kinds of differences, from what hurts most to what hurts least, and the headers on which security rests."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from takeover.base.errors import BadInputError
from takeover.model.document import Document


@dataclass(frozen=True)
class Change:
    """One change from an Envoy to another: its kind, where, of what, what it was and what it is (None: nothing).

    Args:
        probe: the probe's name, a test's name, or which config; empty for what is about the binary.
        detail: why, in one line; it says nothing that tells two changes apart.
    """

    kind: str
    scenario: str
    probe: str
    what: str
    was: str | None
    now: str | None
    detail: str = ""


Find = Callable[[Document, Document], Iterable[Change]]


@dataclass(frozen=True)
class Kind:
    """A kind of difference.

    Args:
        about: what it means, for people.
        fails_by_default: whether it fails a run that does not say otherwise.
        merges_probes: whether the same change in several probes is one difference. Where it can hurt, every probe
            stands alone: who accepts it for one has not accepted it for another.
        only_counted: whether a listing only counts it, unless all is asked for.
        find: finds the changes of this kind between two Envoys' documents; None for ours, which are found together.
    """

    name: str
    about: str
    fails_by_default: bool = False
    merges_probes: bool = True
    only_counted: bool = False
    find: Find | None = None


_OURS = (
    Kind("verdict", "a test that passed does not any more", fails_by_default=True, merges_probes=False),
    Kind("crash", "Envoy ends, hangs or does not start under a probe", fails_by_default=True, merges_probes=False),
    Kind("config-rejected", "Envoy no longer takes the config", fails_by_default=True, merges_probes=False),
    Kind("security-header", "a header on which security rests", fails_by_default=True, merges_probes=False),
    Kind("status", "another status, or another answer before it (1xx)", fails_by_default=True, merges_probes=False),
    Kind(
        "connection",
        "the connection ends otherwise, or no answer comes",
        fails_by_default=True,
        merges_probes=False,
    ),
    Kind(
        "tls",
        "TLS goes otherwise: its handshake, an alert, the version, cipher, protocol or certificate",
        fails_by_default=True,
        merges_probes=False,
    ),
    Kind("route", "Envoy sends it elsewhere: another route, cluster or host"),
    Kind("upstream", "the upstream sees it otherwise: how a connection begins and ends, and how many there are"),
    Kind("extension-gone", "the binary no longer has the extension"),
    Kind("flag-gone", "the binary no longer knows the command line flag"),
    Kind("body", "another body"),
    Kind("header", "another header, another order, another reason phrase"),
    Kind("frame", "other frames, or in another order"),
    Kind("deprecation", "Envoy warns that something will go"),
    Kind("warning", "Envoy logs another warning or error"),
    Kind("log-field", "the access log says otherwise"),
    Kind("statistic", "a counter moves otherwise"),
    Kind("gauge", "at rest after the probe, a gauge is otherwise"),
    Kind("statistic-gone", "a statistic is no longer there"),
    Kind("verdict-better", "a test passes that did not", merges_probes=False),
    Kind("config-accepted", "Envoy takes a config that it did not", merges_probes=False),
    Kind("guard-gone", "a runtime guard is no longer there: its old behaviour cannot be had back", only_counted=True),
    Kind("guard-added", "a new runtime guard: behaviour that can be turned back", only_counted=True),
    Kind("extension-added", "the binary has another extension", only_counted=True),
    Kind("flag-added", "the binary knows another command line flag", only_counted=True),
    Kind("statistic-added", "a new statistic", only_counted=True),
)
BY_NAME: Final = {each.name: each for each in _OURS}
"""Every kind there is, in the order of how much it hurts; `register` adds to it."""


def register(kind: Kind, after: str) -> None:
    """Adds a kind of one's own.

    Args:
        kind: with a `find`, as none of ours looks for it.
        after: the kind that hurts a little more.

    Raises: BadInputError for a name that is taken, or a kind `after` that is not there.
    """
    if kind.name in BY_NAME or after not in BY_NAME:
        raise BadInputError(f"kind {kind.name}: the name is taken, or there is no kind {after!r} to come after")
    behind = list(BY_NAME.values())
    behind.insert(rank(after) + 1, kind)
    BY_NAME.clear()
    BY_NAME.update({each.name: each for each in behind})


def rank(name: str) -> int:
    """How many kinds hurt more."""
    return list(BY_NAME).index(name)


SECURITY_HEADERS: Final = {
    "access-control-allow-credentials": "lets other origins act with the user's cookies",
    "access-control-allow-headers": "what other origins may send",
    "access-control-allow-methods": "what other origins may do",
    "access-control-allow-origin": "which origins may read the answer",
    "authorization": "the caller's credentials, as they go upstream",
    "cache-control": "keeps an answer meant for one user out of shared caches",
    "clear-site-data": "ends a session in the browser",
    "content-security-policy": "what a page may load and run",
    "content-type": "text that becomes HTML is run by browsers",
    "cookie": "the caller's session, as it goes upstream",
    "cross-origin-embedder-policy": "keeps other origins' data out of a page's process",
    "cross-origin-opener-policy": "keeps other windows away from a page",
    "cross-origin-resource-policy": "who may embed the answer",
    "location": "where a client is sent, with what it carries",
    "permissions-policy": "what a page may use of the device",
    "proxy-authenticate": "that and how a proxy asks for credentials",
    "referrer-policy": "what other sites learn of the address",
    "retry-after": "tells a limited client when to come back",
    "set-cookie": "the session, and whether scripts and plain text may have it",
    "strict-transport-security": "keeps browsers on TLS",
    "transfer-encoding": "two who disagree on where a request ends can be made to mix up users",
    "vary": "keeps caches from giving one user's answer to another",
    "www-authenticate": "that and how a client is asked for credentials",
    "x-auth-by": "which filter refused (the scenarios of authentication)",
    "x-auth-user": "who the caller is, for the application behind (the scenarios of authentication)",
    "x-content-type-options": "forbids browsers to guess a type",
    "x-envoy-auth-failure-mode-allowed": "authentication was open because its service failed",
    "x-envoy-external-address": "the address that the application takes for the client's",
    "x-envoy-internal": "whether the application takes the client for one of its own",
    "x-envoy-ratelimited": "that a limit refused",
    "x-forwarded-client-cert": "who the client is by its certificate",
    "x-forwarded-for": "the address that the application takes for the client's",
    "x-forwarded-host": "the host that the application builds its links from",
    "x-forwarded-proto": "whether the application believes that the client uses TLS",
    "x-frame-options": "who may frame a page",
    "x-local-rate-limit": "that the local limit refused (the scenario of the HTTP limit)",
    "x-ratelimit-limit": "the limit, for clients that keep to it",
    "x-ratelimit-remaining": "what is left of the limit",
}
"""Name in lower case → what rests on it."""


def failing(selection: str | None) -> frozenset[str]:
    """The kinds that `--fail-on` names, the usual ones for None; "none" and "all" stand for themselves.

    Raises: BadInputError that lists the kinds.
    """
    if selection is None:
        return frozenset(each.name for each in BY_NAME.values() if each.fails_by_default)
    if selection in ("none", "all"):
        return frozenset(BY_NAME if selection == "all" else ())
    names = frozenset(each.strip().lower().replace(" ", "-") for each in selection.split(","))
    for name in sorted(names - BY_NAME.keys()):
        raise BadInputError(f"--fail-on: no kind {name!r}; there are {', '.join(BY_NAME)}, all and none")
    return names
