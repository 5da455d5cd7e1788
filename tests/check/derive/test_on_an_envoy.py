"""The probes that are worked out, made on a real Envoy: what they meet is what our reading of the routes expects."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from takeover.check.derive import Bounds, probes
from takeover.check.derive.chain_match import NO_CHAIN
from takeover.check.records import Derived
from takeover.check.world import choices
from takeover.check.world.configuration import Configuration
from takeover.scenario import bundled
from tests.check.derive import sanitized, scopes, trees
from tests.check.derive.by_hand import given_of, world_of, write_scenario
from tests.check.derive.twenty import MATCHES, doors, gateway


def made_on_an_envoy(folder: Path, config: dict[str, Any], derived: Derived) -> dict[str, Mapping[str, Any]]:
    """What was observed of each probe, by its id."""
    choices.certain(as_in_a_world := Configuration.of(given_of(config)))
    write_scenario(folder, as_in_a_world.bootstrap, derived.text, bundled.manifests() / "bases")
    command = [sys.executable, "-m", "pytest", "--rootdir=.", "-c", "/dev/null", "-p", "no:cacheprovider", "-n0",
               "--scenarios=scenarios", "--probes", "-m", "probes", "--reports=reports"]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    [results] = (folder / "reports/latest/results").glob("*.json")
    return {each["probe"]: each["seen"] for each in json.loads(results.read_bytes())["probes"]}


def met(seen: Mapping[str, Any]) -> str:
    """What became of a request, in the words of `Target.expects`."""
    logged: Sequence[Mapping[str, Any]] = seen.get("log") or [{}]
    entry, status = logged[0], seen.get("status")
    if entry.get("upstream_cluster"):
        return str(entry["upstream_cluster"])
    if entry.get("details") == "route_not_found":
        return "no route"
    if status in {301, 302}:
        return f"redirect {status}"
    return f"direct response {status}" if entry.get("details") == "direct_response" else str(entry.get("details"))


def test_each_request_meets_what_our_reading_of_the_routes_expects(tmp_path: Path) -> None:
    given = given_of(config := gateway())
    derived = probes(given, world_of(given), Bounds(most=110))

    observed = made_on_an_envoy(tmp_path, config, derived)

    same = {"no virtual host": "no route", "redirect to https": "redirect 301"}
    asked = [each for each in derived.targets if each.expects and not each.probe.startswith("chains/")]
    assert {each.probe: met(observed[each.probe]) for each in asked} == {
        each.probe: same.get(each.expects, each.expects) for each in asked
    }
    matched = {each.expects for each in asked if each.condition == "matches"}
    unmatched = {"none-of-it", "some-of-it", "shadowed"}
    assert matched >= set(MATCHES) - unmatched
    assert len(asked) > 80


def test_headers_that_envoy_sets_itself_lead_where_our_reading_expects(tmp_path: Path) -> None:
    given = given_of(config := sanitized.gateway())
    derived = probes(given, world_of(given), Bounds(probes_per_route=3, most=200))

    observed = made_on_an_envoy(tmp_path, config, derived)

    same = {"redirect to https": "redirect 301"}
    asked = [each for each in derived.targets if each.expects and each.probe.startswith("routes/")]
    assert {each.probe: met(observed[each.probe]) for each in asked} == {
        each.probe: same.get(each.expects, each.expects) for each in asked
    }
    everywhere = {"proto", "scheme", "own-id", "not-internal", "for", "app", "id"}
    matched = {name: {each.expects for each in asked if each.listener == name} for name in sanitized.MANAGERS}
    assert matched == {
        "behind": everywhere | {"redirect 301"},
        "edge": {"id", "for", "redirect 301", "redirect to https"},
        "second": everywhere - {"own-id", "not-internal"} | {"redirect 301"},
        "https": everywhere,
        "forwards": everywhere | {"no-id", "certificate", "redirect 301"},
    }


def test_each_connection_is_taken_by_the_filter_chain_that_our_reading_names(tmp_path: Path) -> None:
    given = given_of(config := doors())
    world = world_of(given, client_certificate="../bases/certificates/client.pem")
    derived = probes(given, world, Bounds(most=120))

    observed = made_on_an_envoy(tmp_path, config, derived)

    asked = [each for each in derived.targets if each.probe.startswith("chains/")]
    taken = {each.probe: _chain_of(observed[each.probe]) for each in asked}
    assert {each.probe: taken[each.probe] for each in asked if each.condition == "matches"} == {
        each.probe: each.chain for each in asked if each.condition == "matches"
    }
    missed = [each for each in asked if each.expects == NO_CHAIN]
    assert {each.probe: taken[each.probe] for each in missed} == {each.probe: "" for each in missed}
    assert len(missed) >= 10
    assert {each.chain for each in asked} == {
        "exact", "below", "over-2", "demands", "either", "plain", "any", "rest", "from-10-1", "from-others", "bytes",
    }  # fmt: skip
    matching = [each for each in derived.targets if each.condition == "matches"]
    by_bytes = [each for each in matching if each.probe.startswith("tcp/")]
    assert [met(observed[each.probe]) for each in by_bytes] == ["one", "one", "one"]
    [shown] = [
        each for each in derived.targets if each.condition == "matches" and each.expects == "direct response 201"
    ]
    assert met(observed[shown.probe]) == shown.expects
    assert _refused(observed["chains/secure-chain-demands-client-certificate-none"])
    assert not _refused(observed["chains/secure-chain-demands-client-certificate"])


def test_each_end_of_a_tree_of_matchers_is_reached_and_just_missed(tmp_path: Path) -> None:
    given = given_of(config := trees.gateway())
    derived = probes(given, world_of(given), Bounds(most=60))

    observed = made_on_an_envoy(tmp_path, config, derived)

    asked = [each for each in derived.targets if each.probe.startswith("routes/")]
    assert {each.probe: met(observed[each.probe]) for each in asked} == {each.probe: each.expects for each in asked}
    assert {each.expects for each in asked if each.condition == "matches"} == {
        "one", "two", "three", "four", "lists/five", "lists/six", "seven", "eight", "nine", "ten",
    }  # fmt: skip
    assert not derived.unasked
    assert len([each for each in asked if each.condition != "matches"]) > 20


def test_the_routes_of_each_scope_are_reached_by_its_key_and_just_missed(tmp_path: Path) -> None:
    given = given_of(config := scopes.gateway())
    derived = probes(given, world_of(given), Bounds(most=80))

    observed = made_on_an_envoy(tmp_path, config, derived)

    asked = [each for each in derived.targets if each.probe.startswith("routes/")]
    expected = {each.probe: each.expects.replace("no scope", "no route") for each in asked}
    assert {each.probe: met(observed[each.probe]) for each in asked} == expected
    assert {(each.scope, each.expects) for each in asked if each.condition == "matches"} == {
        (name, name) for name in ("one", "two", "three", "four")
    }
    assert len([each for each in asked if each.expects == "no scope"]) > 10
    assert not derived.unasked


def test_each_connection_is_taken_by_the_chain_that_our_reading_of_the_tree_names(tmp_path: Path) -> None:
    given = given_of(config := trees.doors())
    derived = probes(given, world_of(given), Bounds(most=110))

    observed = made_on_an_envoy(tmp_path, config, derived)

    asked = [each for each in derived.targets if each.probe.startswith("chains/")]
    taken = {each.probe: _chain_of(observed[each.probe]) for each in asked}
    expected = {each.probe: each.expects.removeprefix("chain ").replace(NO_CHAIN, "") for each in asked}
    # Who begins TLS where there is none, or none where there is, or with a wrong header, is logged by nobody.
    logged = [each.probe for each in asked if not each.condition.startswith(("TLS: ", "transport ", "PROXY: "))]
    assert {each: taken[each] for each in logged} == {each: expected[each] for each in logged}
    assert {each: taken[each] for each in taken if taken[each] not in {"", expected[each]}} == {}
    assert len([each for each in logged if not expected[each]]) >= 6
    assert {each.chain for each in asked if each.condition == "matches" and taken[each.probe]} == {
        "name", "below", "h2", "any-tls", "http1", "rest", "ten-secure", "ten", "ten-one", "documented", "eighty",
    }  # fmt: skip
    place = "static_resources.listeners[0].filter_chains[5]"
    unasked = {at: why for at, why in derived.unasked.items() if "alone has" not in at}
    assert unasked == {place: "no end of the tree of matchers names it"}


def _chain_of(seen: Mapping[str, Any]) -> str:
    logged: Sequence[Mapping[str, Any]] = seen.get("log") or [{}]
    return str(logged[0].get("filter_chain") or "")


def _refused(seen: Mapping[str, Any]) -> bool:
    return "status" not in seen or not seen["status"]
