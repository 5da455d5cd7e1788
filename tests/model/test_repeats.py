"""Long runs of one character are told in few bytes, and nothing is lost of them."""

import json
from typing import Any

import pytest

from takeover.model import repeats as runs
from takeover.probes.probe_file import read_probes
from takeover.scenario.loader import Scenario, names

RUN = {"repeat": "a", "times": 200}


@pytest.mark.parametrize(
    ("whole", "told"),
    [
        ("", ""),
        ("a" * 199, "a" * 199),
        ("a" * 200, [RUN]),
        (f"x{'a' * 200}y{'a' * 200}z", ["x", RUN, "y", RUN, "z"]),
        ({"headers": ["A: 1", f"B: {'a' * 200}"], "end": True}, {"headers": ["A: 1", ["B: ", RUN]], "end": True}),
        ({"to": {"pod": "p", "port": 80}, "steps": [{"send": "a" * 200}]},
         {"to": {"pod": "p", "port": 80}, "steps": [{"send": [RUN]}]}),
    ],
)  # fmt: skip
def test_there_and_back(whole: Any, told: Any) -> None:
    assert runs.told(whole) == told
    assert runs.whole(told) == whole


def test_no_request_of_the_project_is_long_as_data() -> None:
    probes = [probe for name in names() for group in read_probes(Scenario.named(name)) for probe in group.probes]
    assert max(len(json.dumps(probe.told)) for probe in probes) < 10_000
    assert max(len(json.dumps(probe.request)) for probe in probes) > 1_000_000
