"""probes.yaml is read strictly: what does not fit is one line with its place."""

import re
from pathlib import Path

import msgspec
import pytest

from takeover.base.errors import BadInputError
from takeover.probes.probe import Group
from takeover.probes.probe_file import FILE, read_probes
from takeover.probes.protocols.written import Await, End, Send
from takeover.scenario.library import Library
from tests.net.scripted import ScriptedStream
from tests.probes.reading import GROUP, read, read_one


@pytest.fixture(scope="module")
def of_the_project() -> list[Group]:
    """All groups, read once: it takes long."""
    library = Library.bundled()
    return [group for name in library.names() for group in read_probes(library.scenario(name))]


def test_the_project_has_at_least_300_probes(of_the_project: list[Group]) -> None:
    ids = {(group.scenario, group.name, probe.name) for group in of_the_project for probe in group.probes}

    assert {group.scenario for group in of_the_project} == set(Library.bundled().names())
    assert len(ids) == sum(len(group.probes) for group in of_the_project) >= 300


def test_no_request_of_the_project_is_long_as_data(of_the_project: list[Group]) -> None:
    probes = [probe for group in of_the_project for probe in group.probes]
    # A hundred requests at once have 170 bytes each.
    assert max(len(msgspec.json.encode(probe.request_in_parts)) for probe in probes) < 20_000
    assert max(len(msgspec.json.encode(probe.request)) for probe in probes) > 1_000_000


def test_a_request_becomes_bytes(tmp_path: Path) -> None:
    [group] = read(
        tmp_path,
        GROUP
        + r"""
  - {name: plain, host: a.example, path: /x, headers: ["A: 1"], body: "\xc3"}
  - {name: chunked, method: POST, chunks: [ab], trailers: ["T: 1"], end: true}
  - {name: later, method: POST, body: ab, body_after_answer: true}
  - {name: long, steps: [{send: [{repeat: ab, times: 3}, "\n"]}, {await: true}, {end: true}]}
""",
    )
    head = b"POST / HTTP/1.1\r\nHost: probe.example\r\n"

    assert [probe.sends.steps for probe in group.probes] == [
        (Send(b"GET /x HTTP/1.1\r\nHost: a.example\r\nA: 1\r\nContent-Length: 1\r\n\r\n\xc3"),),
        (Send(head + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nT: 1\r\n\r\n"), End()),
        (Send(head + b"Content-Length: 2\r\n\r\n"), Await(), Send(b"ab")),
        (Send(b"ababab\n"), Await(), End()),
    ]


def test_the_groups_container_is_one_of_the_groups_pod(tmp_path: Path) -> None:
    [group] = read(
        tmp_path,
        GROUP.replace("from: client/client", "from: envoy-traffic-mock\n  container: nginx")
        + """
  - {name: as-the-group}
  - {name: the-same-pod, from: envoy-traffic-mock}
  - {name: another-pod, from: client/client}
  - {name: another-container, container: envoyproxy}
""",
    )
    assert [(each.pod, each.container) for each in group.probes] == [
        ("envoy-traffic-mock", "nginx"),
        ("envoy-traffic-mock", "nginx"),
        ("client/client", ""),
        ("envoy-traffic-mock", "envoyproxy"),
    ]
    assert group.probes[2].request.source == "client/client"


TLV = "{type: 5, value: {repeat: a, times: 65535}}"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("group: x", None, "must be a list, not a mapping"),
        (GROUP.replace("why", "because"), 2, r"\[0\]\.because is not supported"),
        (GROUP + "  - {name: a, verb: GET}", 6, r"\[0\]\.probes\[0\]\.verb is not supported"),
        (GROUP + "  - {name: a}\n  - {name: a}", 7, r"a second probe a in edges; the first is at .*:6"),
        ((GROUP + "  - {name: a}\n") * 2, 7, r"a second group edges; the first is at .*:1"),
        (GROUP.replace("probes:", "probes: []"), 1, "group edges has no probes"),
        (GROUP + "  - {name: A B}", 6, "a name is of small letters"),
        (
            GROUP + "  - {name: a, path: 3}",
            6,
            r"\[0\]\.probes\[0\]\.path must be a string, a list or a mapping, not a number",
        ),
        (GROUP + '  - {name: a, path: "/€"}', 6, "each character stands for a byte"),
        (GROUP + '  - {name: a, version: "é€"}', 6, "each character stands for a byte"),
        (GROUP + "  - {name: a, answers: -1}", 6, "answers"),
        (GROUP + "  - {name: a, answers: 1000000000000}", 6, "answers"),
        (GROUP + "  - {name: a, answers: 0}", 6, "over HTTP/1 answers must be at least 1$"),
        (GROUP + "  - {name: a, answers: 2, until: x}", 6, "answers has no effect beside until, which ends it$"),
        (GROUP + "  - {name: a, protocol: tcp, answers: 2}", 6, "answers has no effect over TCP: it ends with what"),
        (GROUP + "  - {name: a, protocol: http2, answers: 2}", 6, "answers has no effect on a request over HTTP/2"),
        (GROUP + "  - {name: a, protocol: http2, until: x}", 6, "until has no effect on a request over HTTP/2: it"),
        (GROUP + "  - {name: a, protocol: websocket, answers: 2}", 6, "answers has no effect on a WebSocket: it ends"),
        (GROUP + "  - {name: a, protocol: websocket, until: x}", 6, "until has no effect on a WebSocket: it ends"),
        (GROUP + '  - {name: a, protocol: connect, target: "a:1", answers: 2}', 6, "answers has no effect on a tunnel"),
        (GROUP + "  - {name: a, body: b, chunks: [c]}", 6, "a request has either body or chunks$"),
        (GROUP + "  - {name: a, protocol: http2, body: b, chunks: [c]}", 6, "a request has either body or chunks$"),
        (
            GROUP + '  - {name: a, body: b, trailers: ["a: b"]}',
            6,
            "trailers come after chunks: write the body as `chunks`",
        ),
        (GROUP + "  - {name: a, body_after_answer: true}", 6, "there is no body to come after an answer$"),
        (GROUP.replace("- group:", "- host: 例え\n  group:") + "  - {name: a}", 1, "each character stands for"),
        (GROUP.replace("- group:", "- prefix: /€\n  group:") + "  - {name: a}", 1, "each character stands for"),
        (GROUP + '  - {name: a, proxy: {version: 1, family: "€"}}', 6, "each character stands for a byte"),
        (
            GROUP + "  - {name: a, proxy: {tlvs: [" + f"{TLV}, {TLV}, {TLV}" + "]}}",
            6,
            "addresses and tlvs have at most",
        ),
        (GROUP + "  - {name: a, body: {repeat: a, times: 0}}", 6, "times must make 1 to"),
        (
            GROUP + "  - {name: a, protocol: http3}",
            6,
            "protocol is one of http1, http2, tcp, grpc, websocket, connect, not http3",
        ),
        (GROUP + "  - {name: a, path: /, steps: [{end: true}]}", 6, "a probe has either steps or path"),
        (
            GROUP + "  - {name: a, protocol: http2, end: true}",
            6,
            r"\[0\]\.probes\[0\]\.end is not supported; supported: name, ",
        ),
        (GROUP + "  - {name: a, steps: [{await: false}]}", 6, "a step is one of"),
        (GROUP + "  - {name: a, within: 60}", 6, "within must be a number above 0 and at most 10, not 60"),
        (GROUP + "  - {name: a, from: nobody}", 6, "no Pod nobody; there are .*client/client"),
        (
            GROUP + "  - {name: a, from: envoy-traffic-mock, container: none}",
            6,
            "Pod envoy-traffic-mock has no container none; it has nginx, envoyproxy",
        ),
        (
            GROUP.replace("  to:", "  container: none\n  to:") + "  - {name: a}",
            4,
            "Pod client/client has no container none; it has ",
        ),
        (GROUP + "  - {name: a, source_address: somebody}", 6, "source_address is an address, such as 127.0.0.2, not"),
        (
            GROUP + '  - {name: a, to: {host: "::1", port: 80}, source_address: 127.0.0.2}',
            6,
            "127.0.0.2 and ::1 are one of IPv4 and one of IPv6: have both alike",
        ),
        (GROUP + "  - {name: a, to: {service: none, port: 80}}", 6, "no Service none; there are"),
        (GROUP + "  - {name: a, to: {port: 80}}", 6, "name one of service, pod and host, not none"),
        (GROUP + "  - {name: a}\n  sets: [none]", 7, "there is no set none; there are .*basics"),
        (GROUP + "  - {name: a}\n  bases: [none]", 7, "there is no base none; there are auth, backends/v1"),
        (GROUP + "  - {name: a}\n  upstream: true", 7, "nobody tells what the upstream saw: no base"),
        (GROUP + "  - {name: a}\n  parts: [none]", 7, r"\[0\]\.parts is now called bases$"),
    ],
)
def test_bad_input_is_told_with_its_place(tmp_path: Path, text: str, line: int | None, message: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read(tmp_path, text)

    place = rf"\S*{re.escape(FILE)}" + (f":{line}" if line else "")
    assert re.match(f"{place}: .*{message}", str(refused.value)), str(refused.value)


@pytest.mark.parametrize(
    ("probes", "told"),
    [
        ("  - {name: a, headers: [" + "{repeat: x, times: 4194304}, " * 900 + "]}", "a probe sends at most 8388608"),
        ("  - {name: a, steps: [" + "{send: {repeat: x, times: 4194304}}, " * 900 + "]}", "a probe sends at most"),
        (
            "".join(f"  - {{name: a{n}, body: {{repeat: x, times: 4194304}}}}\n" for n in range(40)),
            "sends more than 67108864 characters",
        ),
    ],
    ids=["headers", "steps", "group"],
)
def test_what_a_probe_sends_is_bounded_before_it_is_written_out(tmp_path: Path, probes: str, told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        read(tmp_path, f"{GROUP}\n{probes}\n")


@pytest.mark.parametrize(
    ("written", "line"), [("null", b"\r\n\r\n"), ('""', b"\r\nHost: \r\n"), ("a.test", b"\r\nHost: a.test\r\n")]
)
def test_an_empty_host_is_sent_and_none_is_not(tmp_path: Path, written: str, line: bytes) -> None:
    probe = read_one(tmp_path, f"host: {written}")
    assert probe.sends.steps[0].data.startswith(b"GET / HTTP/1.1" + line)


def test_as_many_answers_as_are_asked_for_end_a_probe_over_http1(tmp_path: Path) -> None:
    probe = read_one(tmp_path, "answers: 150\nwithin: 10\nsteps: [{send: {repeat: x, times: 150}}]")
    answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    stream = ScriptedStream(answer * 149, answer, AssertionError("more was waited for"))

    exchange = probe.protocol.exchange(probe, stream)
    exchange.run()

    assert exchange.answer.status == 204
    assert exchange.answer.body.count(b"204") == 149
