"""Long runs of one character are told in few bytes, and nothing is lost of them."""

import msgspec
import pytest

from takeover.model.repeats import Repeat, Text, parts, whole
from takeover.model.request import ProbeRequest, ProbeStep, ProbeTarget

LONG, RUN = "a" * 200, Repeat("a", 200)
TO = ProbeTarget(pod="p", port=80)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ""),
        ("a" * 199, "a" * 199),
        (LONG, [RUN]),
        (f"x{LONG}y{LONG}z", ["x", RUN, "y", RUN, "z"]),
    ],
)
def test_there_and_back(text: str, told: Text) -> None:
    assert parts(text) == told
    assert whole(told) == text


def test_a_request_in_parts_is_small_json_and_told_once() -> None:
    request = ProbeRequest(
        source="a/b", to=TO, protocol="http1", method=LONG, path=LONG, version="1.1", host=LONG,
        headers=["A: 1", f"B: {LONG}"], body=LONG, chunks=[LONG], trailers=[f"C: {LONG}"], end=True,
    )  # fmt: skip
    told = request.in_parts()
    run = {"repeat": "a", "times": 200}
    assert msgspec.to_builtins(told) == {
        "from": "a/b", "to": {"pod": "p", "port": 80}, "protocol": "http1", "method": [run], "path": [run],
        "version": "1.1", "host": [run], "headers": ["A: 1", ["B: ", run]], "body": [run], "chunks": [[run]],
        "trailers": [["C: ", run]], "end": True,
    }  # fmt: skip
    assert told.in_parts() == told
    assert msgspec.json.decode(msgspec.json.encode(told), type=ProbeRequest) == told


def test_so_is_one_of_steps() -> None:
    steps = [ProbeStep(send=LONG), ProbeStep(await_=True), ProbeStep(end=True)]
    request = ProbeRequest(source="a", to=TO, protocol="tcp", steps=steps)
    assert msgspec.to_builtins(request.in_parts()) == {
        "from": "a",
        "to": {"pod": "p", "port": 80},
        "protocol": "tcp",
        "steps": [{"send": [{"repeat": "a", "times": 200}]}, {"await": True}, {"end": True}],
    }
