"""What a reader of a comparison must know to trust it: what was not compared, and what was not made alike."""

from collections.abc import Sequence
from typing import TypeAlias

from msgspec import UNSET

from takeover.compare.documents import (
    Reach,
    both_failed,
    broken_again,
    config_keys,
    have_like_statistics,
    neither_supports,
    other_requests,
)
from takeover.model.document import Document

_Named: TypeAlias = tuple[str, Document]
_NAMED = 3


def of_one(label: str, document: Document) -> list[str]:
    """Of a document by itself. Args: label: what it is called."""
    left_out = document.sweep.left_out if document.sweep else 0
    swept = [f"{label}: the sweep left out {left_out:,} variants"] if left_out else []
    return swept + _stopped(label, document)


def of_two(old: _Named, new: _Named, was: Reach, now: Reach) -> list[str]:
    """Of the first document and another one, each with what it is called. Args: was, now: how much each tells."""
    left_out = _left_out((old[0], was), (new[0], now))
    return made_otherwise(old, new) + left_out + _of_binaries(old, new) + _not_judged(old, new)


def _stopped(label: str, document: Document) -> list[str]:
    if document.complete:
        return []
    ended = sum(each.state != "not-run" for each in document.tests)
    return [f"{label}: the run was stopped: {ended} of {len(document.tests)} tests ended"]


def _not_judged(old: _Named, new: _Named) -> list[str]:
    """What both have, and what says nothing of a difference between them."""
    (first, baseline), (label, other) = old, new
    both = f"{first} and {label}"
    told = []
    if found := other_requests(baseline, other):
        told.append(f"not compared: {_some(found, 'probe')} for which {both} were sent other requests")
    if unsupported := neither_supports(baseline, other):
        told.append(f"not compared: {_some(unsupported, 'test')} that neither {first} nor {label} supports")
    if failed := both_failed(baseline, other):
        told.append(f"alike, for whatever reason: {_some(failed, 'test')} that failed on {both}")
    if broken := broken_again(baseline, other):
        told.append(f"as before: {_some(broken, 'probe')} under which Envoy {other.envoy.name} breaks down")
    return told


def _some(keys: Sequence[tuple[str, str]], what: str) -> str:
    """How many there are, and the first ones by name."""
    names = [" ".join(filter(None, each)) for each in keys]
    more = "" if len(names) <= _NAMED else " …"
    return f"{len(names)} {what}{'s' * (len(names) > 1)} ({', '.join(names[:_NAMED])}{more})"


def made_otherwise(old: _Named, new: _Named) -> list[str]:
    """In what both were made otherwise, each with what it is called: of that differences may come, too."""
    (first, baseline), (label, other) = old, new
    engines = [f"run on the engine {other.engine}: {label}; on {baseline.engine}: {first}"]
    told = engines if baseline.engine != other.engine else []
    if baseline.delivery == other.delivery:
        return told
    return [*told, f"configured by {configured_by(other)}: {label}; by {configured_by(baseline)}: {first}"]


def configured_by(document: Document) -> str:
    """How its Envoy got its configuration, in words."""
    return "the file as it is written" if document.delivery is UNSET else f"--delivery {document.delivery}"


def _of_binaries(old: _Named, new: _Named) -> list[str]:
    (first, baseline), (label, other) = old, new
    told = [
        f"not compared: configs that {name} has and {lacking} has not: {count}"
        for (name, has), (lacking, lacks) in ((old, new), (new, old))
        if (count := len(config_keys(has) - config_keys(lacks)))
    ]
    if bool(baseline.binary) is not bool(other.binary):
        lacking = label if baseline.binary else first
        return [*told, f"not compared: extensions, flags, guards and statistics: {lacking} was not asked for them"]
    if not (baseline.binary and other.binary) or have_like_statistics(baseline, other):
        return told
    return [*told, f"not compared: which statistics {first} and {label} have, as they were asked with other scenarios"]


def _left_out(old: tuple[str, Reach], new: tuple[str, Reach]) -> list[str]:
    return [
        f"not compared: {count} tests or probes that {name} has and {other} has not"
        for (name, has), (other, lacks) in ((old, new), (new, old))
        if (count := len(has.observed - lacks.observed))
    ]
