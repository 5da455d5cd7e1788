"""Real probes on a real deployment: what is seen of them, and that it is the same each time."""

import re
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import UNSET

from takeover.evidence import ends
from takeover.model.document import Observation, ProbeResult
from takeover.probes import stretch
from takeover.probes.attendance import Attendance
from takeover.probes.observing import NotObservedError, Observer
from takeover.probes.probe import Group
from takeover.probes.probe_file import read_probes
from takeover.scenario import edits
from takeover.scenario.library import Library
from takeover.scene import Scene

PROBES = (
    "get", "head", "http2-get", "http2-post", "http2-early-hints", "http2-trailers-of-the-upstream",
    "http2-reset-upstream", "http2-upper-case-header", "host-missing", "trailers", "garbage", "answer-early-hints",
    "answer-trailers", "answer-reset-in-body", "answer-close-at-once", "a-port-that-nobody-listens-on",
    "frames-two-streams", "frames-reset-by-the-upstream", "frames-data-before-headers",
)  # fmt: skip


@pytest.fixture(scope="module")
def group() -> Group:
    """A few of those against the hostile upstream."""
    [hostile] = [
        each for each in read_probes(Library.bundled().scenario("inbound-interception")) if each.name == "hostile"
    ]
    return replace(hostile, probes=tuple(probe for probe in hostile.probes if probe.name in PROBES))


@pytest.fixture(scope="module")
def observations(group: Group, deploy: Callable[[Group], Scene]) -> list[list[ProbeResult]]:
    """Twice on one deployment, once on another."""
    scene = deploy(group)
    return [Observer(each, group).observe() for each in (scene, scene, deploy(group))]


def test_all_times_the_same_is_seen(group: Group, observations: list[list[ProbeResult]]) -> None:
    first, again, elsewhere = observations

    assert [each.probe for each in first] == [f"hostile/{probe.name}" for probe in group.probes]
    assert first == again
    assert first == elsewhere


def test_what_is_seen_over_http1(observations: list[list[ProbeResult]]) -> None:
    observed = _by_name(observations)

    assert observed["get"].status == observed["head"].status == 200
    assert observed["get"].body.startswith("GET / HTTP/1.1\r\nhost: probe.example\r\n")
    assert observed["head"].body == ""
    assert observed["get"].log[0]["flags"] == "-"
    assert observed["get"].stats["http.ingress_http.downstream_rq_2xx"] == 1
    assert (observed["host-missing"].status, observed["host-missing"].end) == (400, "closed")
    assert observed["garbage"].log[0]["flags"] == "DPE"
    assert observed["answer-close-at-once"].status == 503
    assert (observed["answer-reset-in-body"].body, observed["answer-reset-in-body"].end) == ("only this\n", "closed")
    refused = observed["a-port-that-nobody-listens-on"]
    assert (refused.status, refused.end, refused.log, refused.stats) == (None, "refused", [], {})


def test_what_is_seen_over_http2(observations: list[list[ProbeResult]]) -> None:
    observed = _by_name(observations)

    assert (observed["http2-get"].status, observed["http2-get"].protocol) == (200, "HTTP/2")
    assert observed["http2-post"].body.startswith("POST / HTTP/1.1\r\n")
    assert observed["http2-post"].body.endswith("\r\n\r\nhello\n")
    assert observed["http2-get"].stats["http.ingress_http.downstream_cx_http2_total"] == 1
    cut_off = observed["http2-reset-upstream"]
    assert (cut_off.body, cut_off.reason) == ("only this\n", "RST_STREAM INTERNAL_ERROR")
    refused = observed["http2-upper-case-header"]
    assert (refused.status, refused.end, refused.log[0]["flags"]) == (None, "closed", "DPE")


def test_what_is_seen_frame_by_frame(observations: list[list[ProbeResult]]) -> None:
    observed = _by_name(observations)

    two = observed["frames-two-streams"]
    assert (two.status, two.stream_end, two.end) == (200, "closed", "open")
    assert [(each.stream, each.status, each.body, each.end) for each in two.streams or ()] == [(3, 200, "", "closed")]
    assert (two.frames or [])[-3:] == ["HEADERS 1 :status 200", "DATA 1 END_STREAM", "HEADERS 3 :status 200 END_STREAM"]
    cut_off = observed["frames-reset-by-the-upstream"]
    assert (cut_off.body, cut_off.stream_end, cut_off.end) == ("only this\n", "reset INTERNAL_ERROR", "open")
    assert (cut_off.frames or [])[-1] == "RST_STREAM 1 INTERNAL_ERROR"
    refused = observed["frames-data-before-headers"]
    assert (refused.status, refused.stream_end, refused.end) == (None, UNSET, "closed")
    assert [each for each in refused.frames or () if each.startswith("GOAWAY PROTOCOL_ERROR last 0")]
    assert observed["http2-get"].frames is observed["http2-get"].stream_end is UNSET


TO_ITSELF = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
ONE_REQUEST = {
    "@type": f"type.googleapis.com/{TO_ITSELF}",
    "common_http_protocol_options": {"max_requests_per_connection": 1},
    "explicit_http_config": {"http_protocol_options": {}},
}


def test_what_does_not_come_to_rest_is_told_by_what_is_still_open(
    deploy: Callable[[Group], Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind Envoy is nginx, which keeps its connections and takes no orders; the group goes on all the same."""
    [hostile] = read_probes(Library.bundled().scenario("gateway-header-match"))
    get = hostile.probes[0]
    group = replace(hostile, edits=(), probes=(get, replace(get, name="again")))
    scene = deploy(group)
    patience = 40.0
    monkeypatch.setattr(stretch, "DEADLINE", patience)
    began = time.monotonic()
    first, again = (each.observation for each in Observer(scene, group).observe())
    assert time.monotonic() - began < 2 * patience  # for each a while, which is far shorter

    assert first == again  # the second one found no connection that the first one had left
    assert first.status == 200
    [left] = {name: moved for name, moved in first.stats.items() if name.endswith("_active")}.items()
    assert re.fullmatch(r"cluster\.\w+\.upstream_cx_active", left[0])
    assert left[1] == 1

    mended = replace(
        group,
        probes=(get,),
        edits=(
            edits.add(
                "envoy.yaml",
                f"$.static_resources.clusters[?@.name=='{left[0].split('.')[1]}']",
                "typed_extension_protocol_options",
                {TO_ITSELF: ONE_REQUEST},
            ),
        ),
    )
    [result] = Observer(deploy(mended), mended).observe()
    assert result.observation.status == 200
    assert not any(name.endswith("_active") for name in result.observation.stats)


def test_what_is_not_at_rest_before_the_first_probe_is_one_line_with_the_remedy(
    deploy: Callable[[Group], Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretch, "DEADLINE", 3.0)
    [hostile] = read_probes(Library.bundled().scenario("gateway-header-match"))
    group = replace(hostile, edits=(), probes=hostile.probes[:1])
    scene = deploy(group)
    place = hostile.probes[0].to
    address = f"http://{scene.service_ip(place.name)}:{place.port}/"
    assert scene.ask("client/client", address, headers={"host": "app.shadow.com"}).status_code == 200
    with pytest.raises(NotObservedError) as caught:
        Observer(scene, group).observe()

    assert re.fullmatch(
        r"before the first probe of gateway-header-match hostile: not at rest after 3 s; last seen: "
        r"Envoy has connections with upstreams \(\w+: 1\); only what a base.yaml names as control ends .* "
        r"or let the cluster end its own by max_requests_per_connection: 1",
        str(caught.value),
    )


def _by_name(observations: list[list[ProbeResult]]) -> dict[str, Observation]:
    return {each.probe.removeprefix("hostile/"): each.observation for each in observations[0]}


def test_what_the_upstream_saw_is_observed_where_the_group_asks_for_it(
    group: Group, deploy: Callable[[Group], Scene]
) -> None:
    wanted = ("get", "answer-close-at-once", "garbage")
    asking = replace(group, asks_upstream=True, probes=tuple(each for each in group.probes if each.name in wanted))
    assert len(asking.probes) == len(wanted)
    scene = deploy(group)
    first, again = (
        {each.probe.partition("/")[2]: each.observation.upstream for each in Observer(scene, asking).observe()}
        for _ in range(2)
    )

    assert first == again
    [answered] = first["get"] or []
    assert (answered["requests"], answered["end"]) == ("1", "asked")
    assert answered["server"].endswith(":80")
    assert "number" not in answered
    assert [each["end"] for each in first["answer-close-at-once"] or []] == ["ours"]
    assert first["garbage"] == []
    assert Observer(scene, group).observe()[0].observation.upstream is UNSET


@pytest.mark.parametrize("scenario", ["outbound-allow-all", "gateway-weights"])
def test_a_running_envoy_tells_what_its_ends_leave(deploy: Callable[..., Scene], scenario: str) -> None:
    [first, *_] = read_probes(Library.bundled().scenario(scenario))
    scene = deploy(first)
    left = ends.left(Attendance(scene).config(scene.envoys[0]))
    assert left
    assert set(left.values()) == {1}
    assert all(re.fullmatch(r"(tcp|http)\..+\.downstream_(cx_total|rq_completed)", each) for each in left)
