"""What rules of normalisation take out is told, each rule's by itself, and whether it is the same in every probe."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from takeover.model.document import End, Observation
from takeover.model.removed import Removed, together
from takeover.probes.normal_form import Normaliser
from takeover.probes.normal_rules import BODY_STEPS, FIELD_RULES, HEADER_RULES, HeaderRule
from takeover.probes.own_words import OWN_WORDS_STEPS
from takeover.probes.probe import Group
from takeover.probes.races import RACES, Race
from takeover.probes.removals import Change, Removals, Step, applied, changes
from takeover.scene import Scene
from tests.unhurried import UNHURRIED

END: tuple[End, ...] = ("closed", "reset")
LINE = "[2026-01-02 03:04:05.678][{}][warning] [source/common/{}.cc:{}] it fails: {}"


@pytest.fixture(scope="module")
def inbound(deploy: Callable[[Group], Scene]) -> Scene:
    return deploy(Group("inbound-interception", "none", (), (), (), ""))


def removed(scene: Scene, *observed: Observation) -> dict[tuple[str, str], Removed]:
    removals = Removals()
    for number, each in enumerate(observed):
        Normaliser(scene.deployment, removals).observation(each)
        removals.end("scenario", f"group/{number}")
    return {(each.rule, each.text): each for each in removals.found}


def test_what_a_rule_alone_takes_out_of_a_line_is_told_whatever_others_do_to_it(inbound: Scene) -> None:
    lines = [LINE.format(thread, "a", 12, "why") for thread in (7, 8)]
    found = removed(inbound, *(Observation(None, warnings=[each]) for each in lines))
    text = "[warning] it fails: why"
    assert found["source-line", text].was == "[warning] [source/common/a.cc:12] it fails: why"
    assert found["source-line", text].times == 1  # a deployment
    assert found["log-time", text].was is UNSET  # two threads: of chance
    assert (found["log-time", text].scenario, found["log-time", text].probe) == ("scenario", "group/0")


def test_what_stays_as_it_is_is_not_told(inbound: Scene) -> None:
    assert removed(inbound, Observation(200, headers=[("a", "b")], body="c\n", warnings=["d"], log=[{"e": "f"}])) == {}
    assert removed(inbound, Observation(200, body="a" * 300)) == {}  # how many there are is still said


def test_of_a_body_the_line_is_told(inbound: Scene) -> None:
    id_ = "01234567-89ab-cdef-0123-456789abcdef"
    [found] = removed(inbound, Observation(200, body=f"a: b\nx-request-id: {id_}\n")).values()
    assert (found.rule, found.text, found.was) == ("request-id", "x-request-id: <uuid>", f"x-request-id: {id_}")


@pytest.mark.parametrize("rule", HEADER_RULES, ids=lambda rule: rule.name)
def test_a_time_is_of_chance_though_it_were_the_same(rule: HeaderRule, inbound: Scene) -> None:
    value = {"date": "Thu, 26 Nov 2026 15:21:42 GMT", "service-time": "3"}[rule.name]
    name = rule.header
    for observed in (Observation(200, headers=[(name, value)]), Observation(200, body=f"{name}: {value}\r\n")):
        [found] = removed(inbound, observed, observed).values()
        assert (found.rule, found.was) == (rule.name, UNSET)


def test_another_order_is_told_of_the_whole_text() -> None:
    in_order = Step("in-order", lambda text: "\n".join(sorted(text.split("\n"))))
    assert changes([in_order], "b\na") == ("a\nb", [Change("in-order", "a\nb", "b\na")])
    no_digits = Step("no-digits", lambda text: text.replace("1", "N"))
    assert changes([no_digits], "b\na 1") == ("b\na N", [Change("no-digits", "a N", "a 1")])


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
def test_what_a_race_leaves_out_is_told_of_its_probe(race: Race, inbound: Scene) -> None:
    marks = {
        "client-left": ("DC", "downstream_remote_disconnect"),
        "blocked": ("UH", "None"),
        "upstream-refused": ("UF,URX", "None"),
        "head-too-large": ("DPE", "http1.headers_too_large"),
    }
    name = race.name
    flags, details = marks[name]
    entry = {"flags": flags, "details": details, "upstream_host": "192.0.2.1:80"}
    ends = {end: removed(inbound, Observation(None, end=end, log=[entry], stats={"cluster.a.b": 2})) for end in END}
    what = "scenario group/0: "
    if name == "client-left":
        assert ends["closed"][name, f"{what}cluster.a.b"].was == "2"
        assert ends["closed"][name, f"{what}upstream_host"].was == "192.0.2.1:80"
    else:
        assert [ends[end][name, f"{what}end"].was for end in END] == list(END)


def test_rounds_are_told_without_their_number_which_is_of_time_alone(inbound: Scene) -> None:
    found = removed(inbound, Observation(None, log=[{"details": "again"}] * 33, stats={"http.a.rounds": 33}))
    assert found["rounds", "scenario group/0: entries of the log"].was is UNSET


def test_the_field_of_a_log_and_frames_are_told(inbound: Scene) -> None:
    rule = next(each for each in FIELD_RULES if each.name == "translated-port")
    found = removed(inbound, Observation(None, log=[{rule.field: "192.0.2.1:1024"}]))
    assert found[rule.name, "192.0.2.1:<port>"].was == "192.0.2.1:1024"
    found = removed(inbound, Observation(None, frames=["DATA 1 5 bytes", "DATA 1 2 bytes END_STREAM"]))
    told = found["data-frames", "scenario group/0: frames"].was
    assert told == "DATA 1 5 bytes\nDATA 1 2 bytes END_STREAM"


def test_groups_are_put_together_and_of_a_rule_so_many_texts_are_kept() -> None:
    once, again, other = (Removed("a", "t", 1, was) for was in ("x", "x", "y"))
    assert together([once, again]) == [Removed("a", "t", 2, "x")]
    for order in itertools.permutations([once, again, other]):
        assert together(order) == [Removed("a", "t", 3)]
    many = [Removed("a", str(number), 1, "x") for number in range(1000)]
    kept = together([*many, many[-1]])
    assert (len(kept), kept[0]) == (300, Removed("a", "999", 2, "x"))


PIECES = (
    "01234567-89ab-cdef-0123-456789abcdef",
    "x-b3-traceid: 0123456789abcdef0123456789abcdef",
    "10.0.0.1:54321",
    "date: Thu, 26 Nov 2026 15:21:42 GMT",
    "x-envoy-upstream-service-time: 7",
    "[2026-01-02 03:04:05.678][7][warning] [source/common/a.cc:12]",
    "[C12] ",
    '{"b": 1, "a": 2}',
    "aaaaaaaaaaaa" * 20,
    "word",
    "\n",
)


@UNHURRIED
@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), st.sampled_from([BODY_STEPS, OWN_WORDS_STEPS]))
def test_a_rule_is_told_by_what_all_others_would_leave(text: str, steps: tuple[Step, ...]) -> None:
    normal, found = changes(steps, text)
    said = {each.rule for each in found}

    assert normal == applied(steps, text)
    without = {step.rule: applied([each for each in steps if each is not step], text) for step in steps if step.loses}
    assert said == {rule for rule, left in without.items() if left != normal}
