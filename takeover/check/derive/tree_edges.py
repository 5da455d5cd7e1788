"""Requests for the ends of trees of matchers that filters have: of rules, of what is done for some requests alone."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from takeover.check.derive.adapting import Edge
from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.draft import slug
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.nearby import Nearby
from takeover.check.derive.predicates import All
from takeover.check.derive.request_inputs import asked
from takeover.check.trees import ROUTE, ROUTES, End, ends
from takeover.model.json import JsonObject

TREES: Final = ("xds.type.matcher.v3.Matcher", "envoy.config.common.matcher.v3.Matcher")
_MOST_ENDS = 12
_MOST_MISSES = 8
_TRIES = 30


def edges(data: Mapping[str, Any], ask: Ask) -> Iterator[Edge]:
    """For each end a request that comes to it, and those that just miss what is asked for there."""
    read = list(_read(data))
    for number, (_, asks, _) in enumerate(itertools.islice(read, _MOST_ENDS)):
        if asks is None:
            continue
        try:
            made = _reaching(read, number, ask)
            yield _edge(slug("tree", number), made)
            misses = dict[str, Ask]()
            for words, near in asks.missed(made):
                misses.setdefault(words, near)
            for words, near in itertools.islice(misses.items(), _MOST_MISSES):
                yield _edge(slug("tree", number, "no", words), near)
        except (CannotMakeError, UnsureError):
            continue


def _edge(name: str, made: Ask) -> Edge:
    """The edge that makes the request, and has its upstream answer so."""
    behaviour = f"answers-{made.answered}" if made.answered else ""
    return Edge(name=name, entry={}, ask=made, behaviour=behaviour, is_of_upstream=bool(behaviour))


def unread(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each end that is not known how to come to, by its path in the tree, with the reason."""
    yield from ((end.path, why) for end, asks, why in _read(data) if asks is None)


def end_of(data: Mapping[str, Any], ask: Ask) -> JsonObject | None:
    """The config of the action to which a request comes; None: to none. Raises: UnsureError, CannotMakeError."""
    for end, asks, why in _read(data):
        if asks is None:
            raise UnsureError(why)
        if asks.fits(ask):
            return end.config
    return None


def coming_to(data: Mapping[str, Any], ask: Ask, is_wanted: Callable[[JsonObject], bool]) -> Iterator[Ask]:
    """For each action that is wanted a request that comes to it, by its config."""
    read = list(_read(data))
    for number, (end, asks, _) in enumerate(read):
        if asks is not None and is_wanted(end.config):
            try:
                yield _reaching(read, number, ask)
            except (CannotMakeError, UnsureError):
                continue


def entry_of(made: Ask, ask: Ask) -> JsonObject:
    """What is other in a request than in the one that it was made of, as an entry of probes.yaml has it."""
    entry: JsonObject = {}
    if made.path != ask.path:
        entry["path"] = made.path
    if made.method != ask.method:
        entry["method"] = made.method
    if made.host != ask.host:
        entry["host"] = made.host
    if headers := [f"{name}: {value}" for name, value in made.headers if (name, value) not in ask.headers]:
        entry["headers"] = headers
    return {key: value for key, value in entry.items() if value}


_Read = tuple[End, All[Ask] | None, str]


def _read(data: Mapping[str, Any]) -> Iterator[_Read]:
    """The ends of a tree in order, with what is asked for on the way to each; or why that is not known."""
    for each in ends(dict(data)):
        if each.message in (ROUTE, ROUTES):
            return  # what they are asked for is a table's
        try:
            if each.unread:
                raise CannotMakeError(each.unread)
            yield each, All(tuple(asked(one, {}) for one in each.asked)), ""
        except CannotMakeError as error:
            yield each, None, str(error)


def _reaching(read: list[_Read], number: int, ask: Ask) -> Ask:
    """A request that comes to that end, and to none before it. Raises: CannotMakeError, UnsureError."""
    wanted = read[number][1]
    assert wanted is not None
    for made in (nearby := Nearby(wanted.made(ask), _TRIES)):
        before = next((asks for _, asks, _ in read[:number] if asks is not None and asks.fits(made)), None)
        if before is None:
            return made
        nearby.add(near for _, near in before.missed(made) if wanted.fits(near))
    raise CannotMakeError("no request was found that comes to it")


def edge_of(name: str, made: Ask, ask: Ask) -> Iterator[Edge]:
    """The edge that sends another request; none where that is the same."""
    if entry := entry_of(made, ask):
        yield Edge(name=name, entry=entry)
