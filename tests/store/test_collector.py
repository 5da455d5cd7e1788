"""What is collected of one Envoy, test by test."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from takeover.model.document import Document, Envoy, Outcome
from takeover.model.release import Release, ServerInfo
from takeover.store.collector import Collected

RELEASE = Release("1.40.0", "1.40.0", Path("/envoy"), "abc", "0f", "Clean", is_post_release=False)


def test_it_is_complete_when_all_that_was_expected_has_ended() -> None:
    collected = Collected(RELEASE, "local")
    outcomes = [Outcome(f"test_{name}", "inbound-interception", f"test_{name}", "pass") for name in "ab"]
    collected.expect(msgspec.structs.replace(each, state="not-run") for each in outcomes)
    told = []
    for each in outcomes:
        collected.add(each)
        document = msgspec.json.decode(collected.document(datetime.now(UTC)), type=Document)
        told.append((collected.is_complete, document.complete, [test.state for test in document.tests]))

    assert told == [(False, False, ["pass", "not-run"]), (True, True, ["pass", "pass"])]


def test_nothing_is_complete_before_a_test_has_ended() -> None:
    assert not Collected(RELEASE, "local").is_complete


def test_of_an_image_only_what_the_deployed_envoy_says_is_known_and_two_that_say_otherwise_are_told() -> None:
    collected, info = Collected(RELEASE, "kubernetes", runs_binary=False), ServerInfo("1.40.0", "abc", "Clean/RELEASE")
    said = [collected.runs(info), collected.runs(info), collected.runs(ServerInfo("1.40.0", "def", "Clean/RELEASE"))]
    document = msgspec.json.decode(collected.document(datetime.now(UTC)), type=Document)

    assert said == [None, None, info]
    assert document.envoy == Envoy("1.40.0", "1.40.0", "abc", "Clean/RELEASE", "")
