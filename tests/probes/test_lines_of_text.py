"""A group whose access logs write text: on a real Envoy."""

from collections.abc import Callable
from dataclasses import replace

from takeover.probes.observing import Observer
from takeover.probes.probe import Group
from takeover.probes.probe_file import read_probes
from takeover.scenario.library import Library
from takeover.scene import Scene

GROUP = next(each for each in read_probes(Library.bundled().scenario("access-log-operators")) if each.name == "as-text")


def test_two_loggers_of_text_are_two_entries_of_each_request(deploy: Callable[[Group], Scene]) -> None:
    group = replace(GROUP, probes=tuple(each for each in GROUP.probes if each.name in ("get", "direct-answer", "head")))
    scene = deploy(group)

    observed = Observer(scene, group).observe()

    first = ["GET /a?q=value&q=other HTTP/1.1 200", "HEAD / HTTP/1.1 200", "GET /direct HTTP/1.1 418"]
    for result, begin in zip(observed, first, strict=True):
        assert [set(each) for each in result.observation.log] == [{"text"}, {"text"}]
        assert all(each["text"].startswith(begin) for each in result.observation.log)
    with_empty, without = observed[-1].observation.log
    assert " first=- " in with_empty["text"]
    assert " first= " in without["text"]
