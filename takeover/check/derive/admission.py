"""What filters ask of a request itself, or let it through no further: rules of RBAC, what OAuth2 lets pass."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from takeover.check.derive import oauth, rbac
from takeover.check.derive.as_it_goes import config_for
from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.normal_form import alternatives, met
from takeover.check.derive.predicates import Predicate
from takeover.check.messages import config_of, inner, message_of, objects
from takeover.model.json import JsonObject

_RBAC: Final = "envoy.extensions.filters.http.rbac.v3.RBAC"
_MOST_WAYS = 60


class Admission:
    """What a request must have, where filters refuse others.

    Args:
        filters: the connection manager's `http_filters`.
    """

    def __init__(self, filters: object) -> None:
        self._filters = [each for each in objects(filters) if message_of(config_of(each)) in (_RBAC, oauth.OAUTH)]
        self._read: dict[int, Predicate[Ask] | None] = {}

    def admitted(
        self, ask: Ask, settings: Sequence[JsonObject], is_as_good: Callable[[Ask], bool]
    ) -> tuple[Ask, list[str]]:
        """The request, changed so that they let it through, as far as that can be; and the names of those that do not.

        Args:
            settings: what may have a `typed_per_filter_config`: a table, its virtual host, its route.
            is_as_good: whether a request that was changed is of as much use.
        """
        refusing, before = list[str](), list[Predicate[Ask]]()
        for each in self._filters:
            wanted = self._wanted(each, settings)
            if wanted is None:
                continue
            try:
                if wanted.fits(ask):
                    before.append(wanted)
                    continue
            except (CannotMakeError, UnsureError):
                pass  # a way that is sure may be found
            found = next((made for made in _made(wanted, ask) if _all_fit(before, made) and is_as_good(made)), None)
            if found is None:
                refusing += [str(each.get("name"))] if _surely_refuses(wanted, ask) else []
                continue
            ask = found
            before.append(wanted)
        return ask, refusing

    def _wanted(self, http_filter: JsonObject, settings: Sequence[JsonObject]) -> Predicate[Ask] | None:
        if (found := config_for(http_filter, settings)) is None:
            return None
        config = found[1] or found[0]
        if id(config) not in self._read:
            self._read[id(config)] = _let_through(config)
        return self._read[id(config)]


def _let_through(config: JsonObject) -> Predicate[Ask] | None:
    """What a filter, or a route for it, lets through; None: all, or nobody knows."""
    if message_of(config) == oauth.OAUTH:
        return oauth.passed(inner(config, "config"))
    rules = inner(config, "rbac").get("rules") if "rbac" in config else config.get("rules")
    return rbac.allowed(rules) if isinstance(rules, dict) else None


def _made(wanted: Predicate[Ask], ask: Ask) -> Iterator[Ask]:
    for way in itertools.islice(alternatives(wanted), _MOST_WAYS):
        try:
            made = met(way, ask)
            if wanted.fits(made):
                yield made
        except (CannotMakeError, UnsureError):
            continue


def _all_fit(wanted: Sequence[Predicate[Ask]], ask: Ask) -> bool:
    try:
        return all(each.fits(ask) for each in wanted)
    except (CannotMakeError, UnsureError):
        return False


def _surely_refuses(wanted: Predicate[Ask], ask: Ask) -> bool:
    try:
        return not wanted.fits(ask)
    except (CannotMakeError, UnsureError):
        return False
