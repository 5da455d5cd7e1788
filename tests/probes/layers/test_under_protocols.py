"""TLS, PROXY headers and a reset, as probes of every protocol have them."""

from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.model.request import ProbeTls
from takeover.probes.layers.connection import PLAIN
from takeover.probes.protocols.written import Reset, Send
from tests.net.scripted import ScriptedStream
from tests.probes.reading import GROUP, read

TLS = GROUP.replace("  probes:", "  tls: {server_name: a.example}\n  proxy: {version: 1}\n  probes:")
STEPS = {
    "tcp": "[{send: a}, {reset: true}]",
    "http1": "[{send: a}, {reset: true}]",
    "http2": "[{ping: abcdefgh}, {reset: true}]",
    "grpc": "[{message: a}, {reset: true}]",
    "websocket": "[{text: a}, {reset: true}]",
    "connect": "[{send: a}, {reset: true}]",
}
MORE = {"grpc": "path: /a/b, ", "connect": 'target: "a:1", '}


def test_what_a_group_says_holds_unless_a_probe_says_otherwise(tmp_path: Path) -> None:
    probes = """\
  - {name: as-the-group}
  - {name: another, tls: {alpn: [h2]}, proxy: {raw: abc}}
  - {name: none, tls: null, proxy: null}
"""
    [group] = read(tmp_path, TLS + probes)
    offers = [each.layers.tls and each.layers.tls.offer for each in group.probes]
    versions = {"min_version": "TLSv1.2", "max_version": "TLSv1.3"}
    assert [offer and (offer.server_name, offer.alpn) for offer in offers] == [("a.example", []), ("", ["h2"]), None]
    assert [each.layers.proxy for each in group.probes] == [b"PROXY UNKNOWN\r\n", b"abc", b""]
    assert group.probes[2].layers == PLAIN
    assert isinstance(offers[0], ProbeTls)
    assert {name: getattr(offers[0], name) for name in versions} == versions
    assert [(each.request.tls, each.request.proxy) for each in group.probes] == [
        (offers[0], "PROXY UNKNOWN\r\n"), (offers[1], "abc"), (None, None),
    ]  # fmt: skip


def test_several_connections_are_bounded(tmp_path: Path) -> None:
    [group] = read(tmp_path, GROUP + "  - {name: a, connections: 3}\n  - {name: b}\n")
    assert [each.connections for each in group.probes] == [each.request.connections for each in group.probes] == [3, 1]
    for text, message in (
        ("connections: 0", "must be a whole number at least 1 and at most 100, not 0"),
        ("connections: 40, within: 1", "connections times within must be at most 30 s"),
        ("connections: 100, within: 0.1, body: {repeat: x, times: 1000000}", "sends more than 67108864 characters"),
    ):
        with pytest.raises(BadInputError, match=message):
            read(tmp_path, GROUP + f"  - {{name: a, {text}}}\n")


@pytest.mark.parametrize("protocol", STEPS)
def test_a_reset_ends_every_protocol(tmp_path: Path, protocol: str) -> None:
    probe = f"  - {{name: a, protocol: {protocol}, within: 0.1, {MORE.get(protocol, '')}steps: %s}}\n"
    [group] = read(tmp_path, GROUP + probe % STEPS[protocol])
    [one] = group.probes
    assert one.request.steps is not None
    assert one.request.steps[-1].reset
    steps = one.sends if isinstance(one.sends, tuple) else one.sends.steps
    assert steps[-1] == Reset()
    if protocol not in ("websocket", "connect"):  # those wait for a tunnel first
        stream = ScriptedStream(TimeoutError())
        exchange = one.protocol.exchange(one, stream)
        exchange.run()
        exchange.look_for_the_end()
        assert (stream.is_reset, exchange.end) == (True, "reset")
        assert stream.sent

    with pytest.raises(BadInputError, match=r"probes\.yaml:6: reset must be the last step: nothing comes after it"):
        read(tmp_path, GROUP + probe % "[{reset: true}, {end: true}]")


@pytest.mark.parametrize("over_tls", [True, False])
@pytest.mark.parametrize("protocol", ["grpc", "websocket", "http2"])
def test_a_request_says_what_its_connection_is(tmp_path: Path, protocol: str, over_tls: bool) -> None:
    more = "over: http2, steps: [], " if protocol == "websocket" else MORE.get(protocol, "")
    [group] = read(tmp_path, (TLS if over_tls else GROUP) + f"  - {{name: a, {more}protocol: {protocol}}}\n")
    [one] = group.probes
    if protocol == "http2":
        stream = ScriptedStream()
        one.protocol.exchange(one, stream).run()
        sent = stream.sent
    else:
        steps = one.sends if isinstance(one.sends, tuple) else one.sends.steps
        sent = b"".join(each.data for each in steps if isinstance(each, Send))
    # HPACK's static table: ":scheme: https", ":scheme: http".
    assert (b"\x87" in sent, b"\x86" in sent) == (over_tls, not over_tls)
