"""What trees of matchers look at of a request: tables of routes at headers alone, filters at expressions, too."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import xxhash

from takeover.check.derive.ask import Ask
from takeover.check.derive.cel_conditions import condition
from takeover.check.derive.claims import claim_of_tree
from takeover.check.derive.client_address import DIRECT, REMOTE
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.fixed import Fixed
from takeover.check.derive.nets import Nets
from takeover.check.derive.predicates import Input, Predicate, Single, Strings, predicate
from takeover.check.derive.request_headers import HeaderInput
from takeover.check.derive.response_inputs import of_answer
from takeover.check.messages import config_of, inner, message_of
from takeover.check.shares import PER
from takeover.check.trees import FRACTION, NETS
from takeover.model.json import JsonObject

_HEADER = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
_ATTRIBUTES, _CEL = "xds.type.matcher.v3.HttpAttributesCelMatchInput", "xds.type.matcher.v3.CelMatcher"
_OF_NETWORK = "envoy.extensions.matching.common_inputs.network.v3."
_FILTER_STATE = f"{_OF_NETWORK}FilterStateInput"
_ADDRESSES: Final = {f"{_OF_NETWORK}SourceIPInput": REMOTE, f"{_OF_NETWORK}DirectSourceIPInput": DIRECT}
_TRIED = 1000


@dataclass(frozen=True)
class Unread(Fixed):
    """What is not known here.

    Args:
        words: why.
    """

    words: str

    def fits(self, of: Ask) -> bool:
        """Raises: UnsureError."""
        del of
        raise UnsureError(f"is not known: {self.words}")


@dataclass(frozen=True)
class Share:
    """A share of all values: those whose hash says so, the same every time.

    Args:
        numerator: so many of `denominator`.
    """

    numerator: int
    denominator: int
    seed: int

    def matches(self, text: str) -> bool:
        """Whether it is one."""
        return xxhash.xxh64_intdigest(text.encode("latin-1", "replace"), self.seed) % self.denominator < self.numerator

    def good(self) -> Iterator[str]:
        """The first of some words that is one."""
        yield from self._first(True)

    def bad(self) -> Iterator[str]:
        """The first that is none."""
        yield from self._first(False)

    def _first(self, is_one: bool) -> Iterator[str]:
        words = (f"probe-{number}" for number in range(_TRIED))
        if (found := next((each for each in words if self.matches(each) is is_one), None)) is not None:
            yield found


def asked(data: JsonObject, runtime: Mapping[str, object]) -> Predicate[Ask]:
    """What a predicate asks of a request. Raises: CannotMakeError for one that is not known.

    Args:
        runtime: values of runtime keys that are certain.
    """
    return predicate(data, functools.partial(_single, runtime))


def _single(runtime: Mapping[str, object], data: JsonObject) -> Predicate[Ask]:
    config, custom = config_of(data.get("input")), config_of(data.get("custom_match"))
    message, kind = message_of(config), message_of(custom)
    if message == _ATTRIBUTES and kind == _CEL:
        return condition(inner(custom, "expr_match"))
    if (of_token := claim_of_tree(data)) is not None:
        return of_token
    if message == _FILTER_STATE:
        raise CannotMakeError(f"the state {config.get('key')} of filters, which no request sets by itself")
    source: Input[Ask] | None = _ADDRESSES.get(message) or of_answer(message)
    if message == _HEADER:
        source = HeaderInput(str(config.get("header_name", "")).lower())
    if source is None:
        raise CannotMakeError(f"a match by {message.rpartition('.')[2] or 'an input that is not named'}")
    if isinstance(data.get("value_match"), dict):
        return Single(source, Strings(data["value_match"]))
    if kind == NETS:
        return Single(source, Nets(custom))
    if kind == FRACTION:
        return Single(source, _share(custom, runtime))
    raise CannotMakeError(f"a match of {source.words} by {kind.rpartition('.')[2] or 'nothing'}")


def _share(config: JsonObject, runtime: Mapping[str, object]) -> Share:
    percent = inner(config, "runtime_fraction")
    fraction: object = runtime.get(str(percent.get("runtime_key", "")), inner(percent, "default_value"))
    if isinstance(fraction, int) and not isinstance(fraction, bool):
        fraction = {"numerator": fraction}
    data = fraction if isinstance(fraction, dict) else inner(percent, "default_value")
    numerator, denominator = int(data.get("numerator", 0)), PER.get(str(data.get("denominator", "HUNDRED")), 100)
    return Share(numerator, denominator, int(config.get("seed", 0)))
