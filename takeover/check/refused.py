"""What Envoys refuse of what is served to them besides listeners and clusters, such as routes and secrets.

A validation knows nothing of these. So before the run each Envoy starts in the world that was made, but without them,
and then gets all at once. Where it refuses a response, its message does not say of which resource it is, and it may not
have looked at those after that one: then it gets them one after the other, from a new start on.

Of listeners and clusters it says which it refuses, and takes the others: that is only looked at where a validation had
nothing to say of these, as one that ends by a crash.
"""

import contextlib
import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec

from takeover.base.errors import DeploymentError
from takeover.check.own_words import OwnWords
from takeover.check.records import Given
from takeover.check.served import served_files
from takeover.check.without import LISTS, served_besides
from takeover.check.world.configuration import inner, objects, set_field
from takeover.engines import choose
from takeover.engines.contract import Engine
from takeover.envoy.rejection import rejection
from takeover.evidence.control_plane_record import XdsEntry
from takeover.evidence.quiescence import waited_for
from takeover.model.json import JsonObject
from takeover.model.release import Release
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
from takeover.scene import Scene
from takeover.suite.control_plane import ControlPlane

Key = tuple[str, str]
"""Of a resource: its type's URL, and its name."""
Refusals = Mapping[Key, str]
"""Why an Envoy refuses each, in its own words."""
_AWAITED = ("lds_config", "ldsConfig", "cds_config", "cdsConfig")
_DEADLINE = 10.0
"""Seconds in which an Envoy says what it makes of a response; it takes milliseconds."""


def refusals(
    library: Library,
    given: Given,
    releases: Sequence[Release],
    unasked: Container[str],
    tell: Callable[[str], None],
) -> dict[str, Refusals]:
    """What each Envoy, by its name, refuses.

    One that does not come up without them has no say: the run tells why.

    Args:
        library: has the world around what is given alone; it must be made anew afterwards.
        given: of which no Envoy refuses a listener or a cluster, as far as that is known.
        unasked: the names of those that were not asked about listeners and clusters before.
    """
    besides = served_besides(given)
    able = [each for each in releases if besides or each.name in unasked]
    if not able:
        return {}
    contents = _taken_out(library.folder / given.name, besides)
    scenario = library.scenario(given.name)
    words = OwnWords(given)
    with _engine(releases, tell) as engine:
        return {
            each.name: _of_one(engine, each, scenario, contents, words, of_lists=each.name in unasked) for each in able
        }


def not_coming_up(
    library: Library, given: Given, releases: Sequence[Release], tell: Callable[[str], None]
) -> frozenset[str]:
    """The names of those that do not come up in the world: what a validation refuses, it may lack where that runs.

    Args:
        library: has the world around what is given alone.
    """
    if not releases:
        return frozenset()
    scenario = library.scenario(given.name)
    with _engine(releases, tell) as engine:
        return frozenset(each.name for each in releases if not _comes_up(engine, each, scenario))


@contextlib.contextmanager
def _engine(releases: Sequence[Release], tell: Callable[[str], None]) -> Iterator[Engine]:
    """The local one, as a check runs on it: without a root file system of its own."""
    from takeover.engines.local import trees

    trees.build_none()
    with contextlib.closing(choose.engine(choose.EngineOptions("local", {}), releases, tell)) as engine:
        yield engine


def _comes_up(engine: Engine, release: Release, scenario: Scenario) -> bool:
    try:
        Scene.deploy(engine, release, scenario).close()
    except DeploymentError:
        return False
    return True


def _taken_out(folder: Path, besides: Container[Key]) -> dict[Key, Any]:
    """Takes out of a world's folder what is to be asked about, and returns it: it is not always as it was given.

    Envoy does not wait for any of it then. It gets all by state of the world: by delta it would be told what is absent,
    and go on waiting for some.
    """
    found: dict[Key, Any] = {}
    for file in served_files(folder):
        written = msgspec.json.decode(file.read_bytes())
        for each in written["resources"]:
            found[each["@type"], str(each.get("cluster_name") or each.get("name"))] = each
        written["resources"] = [each for each in written["resources"] if each["@type"] in LISTS.values()]
        _wait_for_none(written)
        file.write_bytes(msgspec.json.encode(written))
    config = folder / "envoy.yaml"
    written = msgspec.json.decode(config.read_bytes())
    _wait_for_none(written)
    ads = inner(written, "dynamic_resources", "ads_config")
    set_field(ads, "api_type", "GRPC")
    config.write_bytes(msgspec.json.encode(written))
    return {key: each for key, each in found.items() if key in besides}


def _wait_for_none(document: JsonObject) -> None:
    for path, found in objects(document):
        if "ads" in found and path[-1] not in _AWAITED:
            set_field(found, "initial_fetch_timeout", "0.1s")


def _of_one(
    engine: Engine,
    release: Release,
    scenario: Scenario,
    contents: Mapping[Key, Any],
    words: OwnWords,
    *,
    of_lists: bool,
) -> Refusals:
    """Args: of_lists: whether listeners and clusters are asked about, too."""
    with _served(engine, release, scenario) as plane:
        if plane is None:
            return {}
        doubtful = _doubtful(plane, contents)
        of_all = _refused_of_lists(plane.record()) if of_lists else ()
        found = {key: words.of(error) for key, error in of_all}
    if not doubtful:
        return found
    with _served(engine, release, scenario) as plane:
        asking = _Asking(plane) if plane is not None else None
        for key in doubtful:
            if asking is not None and (error := asking.of(key, contents[key])):
                found[key] = words.of(_without_resource(key, error))
    return found


def _refused_of_lists(entries: Sequence[XdsEntry]) -> Iterator[tuple[Key, str]]:
    """The listeners and clusters that were refused, each with the line that is said of it."""
    responses = {each.nonce: each for each in entries if each.event == "response"}
    for each in entries:
        if each.event == "nack" and each.type in LISTS.values():
            for name in responses[each.nonce].names:
                if said := re.search(rf"(?:^|[\s,)]){re.escape(name)}: (.+)", each.error):
                    yield (each.type, name), said[1]


def _without_resource(key: Key, error: str) -> str:
    """What it says without the whole resource, which it may repeat: as in its log."""
    told = rejection(f"gRPC config for {key[0]} rejected: {error}", "")
    return error if told is None else told.what


def _doubtful(plane: ControlPlane, contents: Mapping[Key, Any]) -> list[Key]:
    """What was in responses that are refused when all comes at once."""
    plane.change(set=contents.values())
    entries = _settled(plane)
    responses = {each.nonce: each for each in entries if each.event == "response"}
    refused = [each.nonce for each in entries if each.event == "nack" and each.type not in LISTS.values()]
    found = ((responses[nonce].type, name) for nonce in refused for name in responses[nonce].names)
    return [key for key in dict.fromkeys(found) if key in contents]


class _Asking:
    """Serves one resource after the other."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._number = _settled(plane)[-1].number
        self._before: list[Key] = []

    def of(self, key: Key, content: Any) -> str:
        """Why it is refused; empty: it is taken, or there is no answer."""
        gone, self._before = self._before, [key]
        kind, name = key
        try:
            self._plane.change(set=[content], remove=gone)
            sent = self._wait(lambda each: each.event == "response" and each.type == kind and name in each.names)
            return self._wait(lambda each: each.event in ("ack", "nack") and each.nonce == sent.nonce).error
        except (AssertionError, httpx.HTTPError, OSError):
            return ""

    def _wait(self, fits: Callable[[XdsEntry], bool]) -> XdsEntry:
        found = self._plane.wait_for(fits, self._number, _DEADLINE)
        self._number = found.number
        return found


@contextlib.contextmanager
def _served(engine: Engine, release: Release, scenario: Scenario) -> Iterator[ControlPlane | None]:
    """The control plane of an Envoy that serves; None: it does not come up."""
    try:
        scene = Scene.deploy(engine, release, scenario)
    except DeploymentError:
        yield None
        return
    with contextlib.closing(scene), ControlPlane(scene) as plane:
        yield plane


def _settled(plane: ControlPlane) -> list[XdsEntry]:
    """The record, once there is an answer to all that was sent; after a while as far as it goes."""

    def open_ones() -> str:
        types = [of for stream in plane.streams() for of in stream.types.values()]
        return "" if types and all(each.is_settled for each in types) else "there are responses without an answer"

    waited_for(open_ones, _DEADLINE)
    return plane.record()
