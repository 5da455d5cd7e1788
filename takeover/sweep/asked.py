"""One Envoy of a sweep: what it says of variants, and what it does with those that it takes."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from takeover.envoy.answers import Answer
from takeover.envoy.updated import UpdatedEnvoy, updated_envoy
from takeover.model.document import SweptProbe, Variant
from takeover.model.release import Release
from takeover.sweep.bases import Bases
from takeover.sweep.offered import Offered
from takeover.sweep.probing import PATIENT, Target, probed
from takeover.sweep.upstream import PORT, Upstream

_BROKEN = ("ended", "hangs")


@dataclass(frozen=True)
class Found:
    """What one Envoy did with a variant. `probes`: None where nothing was asked of it."""

    result: Variant
    probes: list[SweptProbe] | None = None


class AskedEnvoy:
    """See `asked_envoy`."""

    def __init__(self, release: Release, envoy: UpdatedEnvoy) -> None:
        self.release = release
        self._envoy = envoy

    def ask(self, offered: Sequence[Offered]) -> list[Found]:
        """What it does with each, all of them beside each other. Raises: TakeoverError when it does not start."""
        starts = self._envoy.starts
        answers = self._envoy.answers([each.resource for each in offered], keep=True)
        if self._envoy.starts != starts:  # those that it has taken before it ended are to be there again
            again = [each for each, answer in zip(offered, answers, strict=True) if answer.state == "taken"]
            starts = self._envoy.starts
            self._envoy.answers([each.resource for each in again], keep=True)
        targets = [
            target
            for each, answer in zip(offered, answers, strict=True)
            if answer.state == "taken" and (target := target_of(each)) is not None
        ]
        probes: Mapping[int, list[SweptProbe]] = {}
        if targets and self._envoy.starts == starts:
            probes = probed(self._envoy.node, targets, *([PATIENT] if len(offered) == 1 else []))
            if self._envoy.has_ended():
                return self._one_by_one(offered, answers)
        self._envoy.remove([each.resource for each in offered])
        self._envoy.tidy()
        return [
            Found(each.result(answer), probes.get(each.number)) for each, answer in zip(offered, answers, strict=True)
        ]

    def ask_alone(self, offered: Offered) -> Found:
        """What a new Envoy does with it."""
        answer = self._envoy.alone(offered.resource)
        target = target_of(offered) if answer.state == "taken" else None
        if target is None:
            return Found(offered.result(answer))
        again = self._envoy.answers([offered.resource], keep=True)[0]
        probes = probed(self._envoy.node, [target], PATIENT).get(target.key)
        if self._envoy.has_ended():
            code = self._envoy.exit_code()
            self._envoy.start()
            return Found(offered.result(Answer("ended", f"exit code {code}, under its probes", again.log)))
        self._envoy.remove([offered.resource])
        self._envoy.tidy()
        return Found(offered.result(answer), probes)

    def state(self, offered: Offered) -> str:
        """Whether it takes it."""
        return self._envoy.answers([offered.resource])[0].state

    def _one_by_one(self, offered: Sequence[Offered], answers: Sequence[Answer]) -> list[Found]:
        """Where it ended under the probes of many: under those of which."""
        self._envoy.start()
        return [
            self.ask_alone(each) if answer.state == "taken" and target_of(each) else Found(each.result(answer))
            for each, answer in zip(offered, answers, strict=True)
        ]


@contextlib.contextmanager
def asked_envoy(release: Release, bases: Bases) -> Iterator[AskedEnvoy]:
    """An Envoy with clusters of all names that the bases know, behind which one upstream answers.

    Raises: TakeoverError when it does not start.
    """
    static = dict(bases.static_resources)
    static["clusters"] = [_cluster(name) for name in bases.cluster_names]
    bootstrap = {"static_resources": static}
    with _with_upstream(release, bases, bootstrap) as envoy:
        yield AskedEnvoy(release, envoy)


@contextlib.contextmanager
def _with_upstream(release: Release, bases: Bases, bootstrap: Mapping[str, Any]) -> Iterator[UpdatedEnvoy]:
    with updated_envoy(release.path, *bases.files, bootstrap=bootstrap) as envoy:
        upstream = Upstream(envoy.node)
        try:
            yield envoy
        finally:
            upstream.close()


def target_of(offered: Offered) -> Target | None:
    """Where it is probed; None for what has no port of its own."""
    if not offered.is_listener or not offered.has_own_port:
        return None
    return Target(offered.number, offered.port, offered.variant.base.host)


def _cluster(name: str) -> dict[str, Any]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": PORT}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": name,
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }


def same(found: Sequence[Found]) -> bool:
    """Whether Envoys do not differ in it."""
    first, *others = found
    return all(
        each.result == first.result and (None in (each.probes, first.probes) or each.probes == first.probes)
        for each in others
    )


def with_shown(found: Found, config: str) -> Found:
    """It, with all that a document has of one that Envoys differ in."""
    result = msgspec.structs.replace(found.result, config=config, probes=found.probes or [])
    return Found(result, found.probes)
