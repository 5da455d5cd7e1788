"""What trees of matchers ask for, of requests and of connections: one that has it, and those that just do not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from takeover.check.derive import strings
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.messages import objects
from takeover.model.json import JsonObject

S = TypeVar("S")
"""What is looked at: a request, or a client's connection."""


class Condition(Protocol[S]):
    """One thing that is asked for; as that of a route, of whatever it is."""

    @property
    def words(self) -> str:
        """What it is, such as `header x-tenant`."""

    def fits(self, of: S) -> bool:
        """Whether it is so. Raises: UnsureError."""

    def made(self, of: S) -> S:
        """The same, changed so that it is. Raises: CannotMakeError, UnsureError."""

    def missed(self, of: S) -> Iterator[tuple[str, S]]:
        """Those of which it just is not so, the most telling one first, each with what is other."""


class Predicate(Condition[S], Protocol[S]):
    """One thing that is asked for, or several ones."""

    def others(self, of: S) -> Iterator[tuple[str, S]]:
        """Those of which it is so for another reason."""


class Input(Protocol[S]):
    """What a predicate looks at."""

    @property
    def words(self) -> str:
        """What it is."""

    @property
    def usual(self) -> tuple[str, ...]:
        """Some values that it may well have."""

    def value(self, of: S) -> str | None:
        """What it is there; None: it has none. Raises: UnsureError."""

    def put(self, of: S, value: str | None) -> S:
        """With that value, or with none. Raises: CannotMakeError."""


class Texts(Protocol):
    """Which values fit."""

    def matches(self, text: str) -> bool:
        """Whether one does. Raises: CannotMakeError."""

    def good(self) -> Iterator[str]:
        """Some that do."""

    def bad(self) -> Iterator[str]:
        """Some that just do not."""


@dataclass(frozen=True)
class Strings:
    """`xds.type.matcher.v3.StringMatcher`."""

    data: JsonObject

    def matches(self, text: str) -> bool:
        """Whether it does."""
        return strings.matches(self.data, text)

    def good(self) -> Iterator[str]:
        """As it stands there, then with a slash before it, as paths have, or with a word, as names."""
        text = strings.matching(self.data)
        yield from (each for each in (text or "any", f"/{text}", f"probe{text}", f"{text}a") if self.matches(each))

    def bad(self) -> Iterator[str]:
        """Shorter, longer, another."""
        try:
            text = strings.not_matching(self.data)
        except CannotMakeError:
            return
        yield from (each for each in (text, f"/{text}") if not self.matches(each))


@dataclass(frozen=True)
class Single(Generic[S]):
    """That one input has one of some values."""

    input: Input[S]
    texts: Texts

    @property
    def words(self) -> str:
        """What it looks at."""
        return self.input.words

    def fits(self, of: S) -> bool:
        """Whether it has; what is not there fits nothing."""
        value = self.input.value(of)
        return value is not None and self.texts.matches(value)

    def made(self, of: S) -> S:
        """The same with such a value."""
        if self.fits(of):
            return of
        if (made := next(self.every(of), None)) is not None:
            return made
        raise CannotMakeError(f"{self.words}: no value")

    def every(self, of: S) -> Iterator[S]:
        """The same with each such value that is known; the last ones begin as it does now."""
        good, now = [*self.texts.good()], self.input.value(of)
        longer = [f"{now}{each}" for each in good] if now else []
        yield from (made for made in self._put(of, (*good, *self.input.usual, *longer)) if self.fits(made))

    def missed(self, of: S) -> Iterator[tuple[str, S]]:
        """With another value, and with none."""
        for value in (*self.texts.bad(), *self.input.usual, None):
            for made in self._put(of, [value]):
                if not self.fits(made):
                    yield f"{self.words}: {'none' if value is None else 'another'}", made

    def others(self, of: S) -> Iterator[tuple[str, S]]:
        """None."""
        del of
        yield from ()

    def _put(self, of: S, values: Sequence[str | None]) -> Iterator[S]:
        for value in values:
            try:
                yield self.input.put(of, value)
            except CannotMakeError:
                continue


@dataclass(frozen=True)
class All(Generic[S]):
    """That all of it is so."""

    parts: tuple[Predicate[S], ...]

    @property
    def words(self) -> str:
        """All of them."""
        return " and ".join(each.words for each in self.parts)

    def fits(self, of: S) -> bool:
        """Whether it is; what surely is not decides."""
        return _decided(self.parts, of, by=False)

    def made(self, of: S) -> S:
        """With one after the other."""
        for each in self.parts:
            of = each.made(of)
        if not self.fits(of):
            raise CannotMakeError(f"{self.words}: not all at once")
        return of

    def missed(self, of: S) -> Iterator[tuple[str, S]]:
        """Without one of it."""
        for each in self.parts:
            yield from ((words, near) for words, near in each.missed(of) if not self.fits(near))

    def others(self, of: S) -> Iterator[tuple[str, S]]:
        """With another one of those of which one does."""
        for each in self.parts:
            yield from ((words, near) for words, near in each.others(of) if self.fits(near))


@dataclass(frozen=True)
class Any(Generic[S]):
    """That some of it is so."""

    parts: tuple[Predicate[S], ...]

    @property
    def words(self) -> str:
        """All of them."""
        return " or ".join(each.words for each in self.parts)

    def fits(self, of: S) -> bool:
        """Whether it is; what surely is decides."""
        return _decided(self.parts, of, by=True)

    def made(self, of: S) -> S:
        """With the first that can be made."""
        if self.fits(of):
            return of
        for each in self.parts:
            try:
                return each.made(of)
            except (CannotMakeError, UnsureError):
                continue
        raise CannotMakeError(f"{self.words}: none of it")

    def missed(self, of: S) -> Iterator[tuple[str, S]]:
        """With none of it: one after the other just is not so."""
        said = []
        for each in self.parts:
            if each.fits(of) and (near := next(each.missed(of), None)) is not None:
                said.append(near[0])
                of = near[1]
        if not self.fits(of):
            yield ", ".join(said), of

    def others(self, of: S) -> Iterator[tuple[str, S]]:
        """By each of it alone."""
        for number, each in enumerate(self.parts):
            apart = of
            for other in (*self.parts[:number], *self.parts[number + 1 :]):
                if other.fits(apart):
                    apart = next((near for _, near in other.missed(apart)), apart)
            try:
                near = each.made(apart)
            except (CannotMakeError, UnsureError):
                continue
            if self.fits(near):
                yield each.words, near


@dataclass(frozen=True)
class Not(Generic[S]):
    """That it is not so."""

    part: Predicate[S]

    @property
    def words(self) -> str:
        """What is not."""
        return f"not {self.part.words}"

    def fits(self, of: S) -> bool:
        """Whether it is not."""
        return not self.part.fits(of)

    def made(self, of: S) -> S:
        """The first that just does not have it."""
        if self.fits(of):
            return of
        for _, near in self.part.missed(of):
            return near
        raise CannotMakeError(f"{self.words}: all have it")

    def missed(self, of: S) -> Iterator[tuple[str, S]]:
        """One that has it."""
        yield f"{self.words}: it", self.part.made(of)

    def others(self, of: S) -> Iterator[tuple[str, S]]:
        """All that just do not have it."""
        near = self.part.made(of)
        yield from ((words, each) for words, each in self.part.missed(near) if self.fits(each))


def _decided(parts: Sequence[Predicate[S]], of: S, *, by: bool) -> bool:
    """Whether one of the parts is what decides, whatever is unsure of the others. Raises: UnsureError."""
    unsure: UnsureError | None = None
    for each in parts:
        try:
            if each.fits(of) is by:
                return by
        except UnsureError as error:
            unsure = error
    if unsure is not None:
        raise unsure
    return not by


def predicate(data: JsonObject, single: Callable[[JsonObject], Predicate[S]]) -> Predicate[S]:
    """What a `Matcher.MatcherList.Predicate` asks for.

    Args:
        single: reads a `SinglePredicate`.

    Raises: CannotMakeError for one that is not known.
    """
    if isinstance(found := data.get("single_predicate"), dict):
        return single(found)
    if isinstance(found := data.get("and_matcher"), dict):
        return All(tuple(predicate(each, single) for each in objects(found.get("predicate"))))
    if isinstance(found := data.get("or_matcher"), dict):
        return Any(tuple(predicate(each, single) for each in objects(found.get("predicate"))))
    if isinstance(found := data.get("not_matcher"), dict):
        return Not(predicate(found, single))
    raise CannotMakeError("a predicate that is none")
