"""Each rule puts into one form what differs by chance, and leaves alone what only looks like it."""

import base64
import re
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from takeover.model.document import Interim, LogEntry, Observation, StreamAnswer
from takeover.model.tls import PeerCertificate, TlsObserved
from takeover.net.raw import End
from takeover.probes.admin_form import ADMIN_RULES, ADMIN_STEPS
from takeover.probes.fixed_ports import fixed_ports
from takeover.probes.normal_form import Normaliser
from takeover.probes.normal_rules import FIELD_RULES, HEADER_RULES, RULES, Rule, body_without_chance, without_chance
from takeover.probes.own_words import OWN_WORDS_RULES, own_words_without_chance
from takeover.probes.removals import Removals, applied
from takeover.scenario.loader import Scenario
from takeover.scene import Scene
from tests.unhurried import UNHURRIED

SESSION = b"\n\x0f10.77.11.1:3000\x10\xf2\xe8\xae\xd8\x06"  # an address, and seconds since 1970
SESSIONS = [base64.b64encode(each).decode() for each in (SESSION, SESSION[:17], SESSION.replace(b"\x0f", b"\x0e", 1))]
STATE = base64.urlsafe_b64encode(
    b'{"url":"https://a.test/","csrf_token":"1f.a+b=","flow_id":"1f1f1f1f1f1f1f1f"}'
).decode().rstrip("=")  # fmt: skip
CAPTURED = """
"downstream_connection": {{
 "local_address": {{
  "socket_address": {{
   "port_value": 40001
  }}
 }},
 "remote_address": {{
  "socket_address": {{
   "port_value": {}
  }}
 }}
}}, "upstream_connection": {{
 "local_address": {{
  "socket_address": {{
   "port_value": {}
  }}
 }},
 "remote_address": {{
  "socket_address": {{
   "port_value": 40002
  }}
 }}
}}, "http_streamed_trace_segment": {{
 "trace_id": "{}"
}}, "headers_received_time": "{}", "key": "date",
 "value": "{} 03:04:05 GMT", "key": "date", "value": "Thu, 01 Jan 1970 00:00:00 GMT", "headers_received_time": null"""
# By the rule's name: a text, its normal form, and a text that must stay.
TEXTS = {
    "request-id": (
        "id 0f8fad5b-d9cb-469f-a165-70867728950e.",
        "id <uuid>.",
        "0f8fad5b-d9cb-469f-a165-70867728950 0F8FAD5B-D9CB-469F-A165-70867728950E",
    ),
    "client-port": ("10.0.0.1:40312", "10.0.0.1:<port>", "0.0.0.0:15006 10.0.0.1:32767 [x]:40312 at 12:40312"),
    "log-time": (
        "[2025-01-02 03:04:05.678][12][warning][misc] x",
        "[warning][misc] x",
        "x [2025-01-02 03:04:05.678][12] x",
    ),
    "source-line": (
        "[misc] [source/common/protobuf/utility.cc:12] x",
        "[misc] x",
        "[source/common/utility.cc] utility.cc:12",
    ),
    "connection-number": (
        '[C12][S345] [C1] "ConnectionId":"7" on connection 12',
        "<connection> <connection> <connection> on connection <connection>",
        "[Cx] [S1] connection 12",
    ),
    "protobuf-mark": ('goo.gle/debugonly    \npaths: "a"', 'goo.gle/debug paths: "a"', "goo.gle/other x"),
    "protobuf-place": ("near 1:23 (offset 22): x", "near <place>: x", "near 1:23, offset 22"),
    "protobuf-blanks": ("field:   1", "field: 1", "  indented, and a blank at the end  "),
    "oneof-field": (
        "'regex' has already been set (either directly or as part of a oneof) (in stats_tags[0].regex); "
        "'a_b' has already been set (either directly or as part of a oneof)",
        "a oneof has already been set (in stats_tags[0]); a oneof has already been set",
        "'regex' has already been set (in stats_tags[0].regex)",
    ),
    "key-order": (
        'cannot: {"b":{"d":1e5,"c":[2,1]},"a":"{"}: is {"b":"","a":1}',
        'cannot: {"a":"{","b":{"c":[2,1],"d":1e5}}: is {"a":1,"b":""}',
        '{"b": and no end, {b, a} ["b","a"]',
    ),
    "capture": (
        CAPTURED.format("40312", "40314", "11603937560199494479", "2026-01-02T03:04:05.678901Z", "Fri, 02 Jan 2026"),
        CAPTURED.format("<port>", "<port>", "<id>", "<time>", "<date>").replace("<date> 03:04:05 GMT", "<date>"),
        '"port_value": 40312, "trace_id": "11603937560199494479", "received": "2026-01-02T03:04:05.678901Z", '
        '"key": "expires", "value": "Fri, 02 Jan 2026 03:04:05 GMT"',
    ),
    "trace-id": (
        f"b3: {'0a' * 8}-{'0b' * 8}-1\ntraceparent: 00-{'0c' * 16}-{'0d' * 8}-01\nx-b3-traceid: {'0' * 16}{'0e' * 8}\n"
        f'"parentId": "{"1f" * 8}", "trace_id":"{"f0" * 16}"',
        f"b3: <id of 16>-<id of 16>-1\ntraceparent: 00-<id of 32>-<id of 16>-01\nx-b3-traceid: {'0' * 16}<id of 16>\n"
        '"parentId": "<id of 16>", "trace_id":"<id of 32>"',
        f"b3: {'0' * 8}{'0a' * 4}-{'0' * 16}-1 x-b3-spanid: {'0A' * 4}g x-other: {'0a' * 8} b3: 1 {'0a' * 8}",
    ),
    "datadog-id": (
        f"x-datadog-trace-id: 374026754657296908\r\nx-datadog-parent-id: 9\r\n"
        f"x-datadog-tags: _dd.p.tid=6b09bcb8{'0' * 8},a=b\ntracestate: dd=s:1;p:0530cf5a07d7220c;t.dm:-0",
        "x-datadog-trace-id: <id>\r\nx-datadog-parent-id: <id>\r\nx-datadog-tags: _dd.p.tid=<id>"
        ",a=b\ntracestate: dd=s:1;p:<id>;t.dm:-0",
        f"x-datadog-sampling-priority: 1 p:0530cf5a07d7220c x-my-datadog-trace-id: 5 dd=p:{'0' * 16}",
    ),
    "skywalking-id": (
        f"sw8: 1-{'Nm' * 24}-{'Z9' * 24}-1-YQ==-Yg==-Lw==-Yw==\r\nsw8: 0-{'N/' * 24}-{'Z+' * 24}-0-YQ==",
        "sw8: 1-<id>-<id>-1-YQ==-Yg==-Lw==-Yw==\r\nsw8: 0-<id>-<id>-0-YQ==",
        f"my-sw8: 1-{'Nm' * 24}-{'Z9' * 24}-1 sw8: 1-{'Nm' * 23}-{'Z9' * 24}-1 sw8: 2-{'Nm' * 24}-{'Z9' * 24}-1",
    ),
    "signing-in": (
        f"OauthNonce.{'1f' * 8}={'1f' * 8}.{'a+' * 21}b=;path=/;secure\nCodeVerifier={'a-' * 43};path=/app\n"
        f"https://a.test/in?code_challenge={'x' * 42}_&code_challenge_method=S256&state="
        f"{STATE}&scope=a",
        "OauthNonce.<id>=<nonce>;path=/;secure\nCodeVerifier=<nonce>;path=/app\n"
        "https://a.test/in?code_challenge=<challenge>&code_challenge_method=S256&state="
        '{"csrf_token":"<nonce>","flow_id":"<nonce>","url":"https://a.test/"}&scope=a',
        f"cookie: OauthNonce={'1f' * 8}.{'a+' * 21}b=; state=eyJ9 ?state=eyJ9 code_challenge={'x' * 43}",
    ),
    "session-end": (
        f'set-cookie: by="{SESSIONS[0]}"; Max-Age=10; HttpOnly',
        'set-cookie: by="<10.77.11.1:3000 until a time>"; Max-Age=10; HttpOnly',
        f'by="{SESSIONS[1]}" by="{SESSIONS[2]}" by={SESSIONS[0]} by="Cg==" by="CgAAAAAAAAAA"',
    ),
    "run-of-one-character": ("a" + "b" * 200, "ab<200 times>", "b" * 199),
}
# By the rule's name: a body of the admin API, its normal form, and a body that must stay.
ADMIN_BODIES = {
    "own-version": (
        f'{{"version": "{"0f" * 20}/1.40.0/Clean"}}',
        '{"version":"<version>/Clean"}',
        '{"version":"1.40.0","x":"0f/1.40.0/Clean"}',
    ),
    "own-time": (
        '{"last_updated": "2026-01-02T03:04:05.678Z", "days_until_expiration": "34002"}',
        '{"days_until_expiration":"<time>","last_updated":"<time>"}',
        '{"expiration_time":"2120-01-01T00:00:00Z"}',
    ),
    "own-memory": ('{"heap_size": "12582912"}', '{"heap_size":"<bytes>"}', '{"max_heap_size":"12582912"}'),
    "protobuf-mark": ('goo.gle/debugonly    \npaths: "a"', 'goo.gle/debug paths: "a"', "goo.gle/debug  x"),
}
# By the rule's name: a value, its normal form, and a value that must stay.
HEADERS = {
    "date": ("Tue, 02 Jan 2024 03:04:05 GMT", "<date>", "Thu, 01 Jan 1970 00:00:00 GMT"),
    "service-time": ("12", "<milliseconds>", "123456"),
}


@pytest.mark.parametrize("rule", [*RULES, *OWN_WORDS_RULES], ids=lambda rule: rule.name)
def test_texts(rule: Any) -> None:
    text, normal, other = TEXTS[rule.name]
    of_any_text = normal if rule in RULES else text

    assert own_words_without_chance(text) == normal
    assert own_words_without_chance(normal) == normal
    assert own_words_without_chance(other) == other
    assert without_chance(text) == body_without_chance(text) == of_any_text


@pytest.mark.parametrize("rule", ADMIN_RULES, ids=lambda rule: rule.name)
def test_bodies_of_the_admin_api(rule: Any, inbound: Scene) -> None:
    body, normal, other = ADMIN_BODIES[rule.name]
    normaliser = Normaliser(inbound.deployment)

    assert normaliser.observation(Observation(200, body=body), of_admin=True).body == normal
    assert applied(ADMIN_STEPS, normal) == normal
    assert applied(ADMIN_STEPS, other) == other
    assert normaliser.observation(Observation(200, body=body)).body == body


@pytest.mark.parametrize(
    ("body", "normal"),
    [
        ('{"b": 1, "a": {"d": [2, 1], "c": 1e5}}', '{"a":{"c":1e5,"d":[2,1]},"b":1}'),
        ('{"cluster_statuses": [{"name": "b"}, {"name": "a"}]}', '{"cluster_statuses":[{"name":"a"},{"name":"b"}]}'),
        (
            '{"configs": [{"last_updated": "2026-01-02T03:04:05.1Z", "name": "b"}, '
            '{"last_updated": "2026-01-02T03:04:05.2Z", "name": "a"}]}',
            '{"configs":[{"last_updated":"<time>","name":"a"},{"last_updated":"<time>","name":"b"}]}',
        ),
        ('{"node": {"id": "a", "extensions": [1]}}', '{"node":{"id":"a"}}'),
        ("b::x::1\na::z::1\na::y::1\n", "a::z::1\na::y::1\nb::x::1\n"),
        ("b: 1\na: 1\n", "b: 1\na: 1\n"),
        ("", ""),
    ],
)
def test_what_the_admin_api_tells_in_any_order_has_one(body: str, normal: str) -> None:
    assert applied(ADMIN_STEPS, body) == normal


@pytest.mark.parametrize("rule", HEADER_RULES, ids=lambda rule: rule.name)
def test_headers(rule: Any, inbound: Scene) -> None:
    value, normal, other = HEADERS[rule.name]
    name = rule.header.title()

    headers = [(name, value), (name, other), ("x-other", value)]
    observed = Observation(200, headers=headers, trailers=headers, interim=[Interim(103, "", headers)])
    found = Normaliser(inbound.deployment).observation(observed)
    assert found.headers == found.trailers == found.interim[0].headers
    assert found.headers == [(name, normal), (name, other), ("x-other", value)]
    # An answer that follows another stands in its body.
    assert body_without_chance(f"a\r\n{name}: {value}\r\nb") == f"a\r\n{name}: {normal}\r\nb"
    assert body_without_chance(f"a\r\nx-{name}: {value}\r\nb") == f"a\r\nx-{name}: {value}\r\nb"


# By the rule's name: a field's value, its normal form, and a value that must stay.
FIELDS = {
    "translated-port": ("192.0.2.1:1024", "192.0.2.1:<port>", "192.0.2.1"),
    "event-time": ("2030-01-31T23:59:59.123Z", "<time>", "1970"),
    "own-log-time": ("2030-01-31T23:59:59.123Z", "<time>", "1970"),
}


@pytest.mark.parametrize("rule", FIELD_RULES, ids=lambda rule: rule.name)
def test_fields_of_log_entries(rule: Any, inbound: Scene) -> None:
    value, normal, other = FIELDS[rule.name]
    normaliser = Normaliser(inbound.deployment)
    entries: list[LogEntry] = [{rule.field: value}, {rule.field: other}, {rule.field: None}]
    assert normaliser.observation(Observation(None, log=entries)).log == [{rule.field: normal}, *entries[1:]]
    another: list[LogEntry] = [{"other": value}]
    assert normaliser.observation(Observation(None, log=another)).log == another


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("from 192.0.2.1:1024 - default", "from 192.0.2.1:<port> - default"),
        ("from 192.0.2.1:10245 to 192.0.2.1:102", "from 192.0.2.1:10245 to 192.0.2.1:102"),
    ],
)
def test_a_port_that_was_translated_is_none_of_a_text_either(text: str, normal: str, inbound: Scene) -> None:
    """A log of text told it, where only the field beside it was known for one of chance: unstable, each time."""
    entries: list[LogEntry] = [{"downstream_remote": "192.0.2.1:1024"}, {"text": text, "number": 1024}]
    removals = Removals()

    found = Normaliser(inbound.deployment, removals).observation(Observation(200, log=entries))

    assert found.log == [{"downstream_remote": "192.0.2.1:<port>"}, {"text": normal, "number": 1024}]
    removals.end("scenario", "probe")
    rules = {each.rule for each in removals.found}
    assert rules == {"translated-port"}


PORTS = """
- address: {socket_address: {address: 127.0.0.1, port_value: 50051}}
- google_grpc: {target_uri: "app.example:50053"}
- {"portValue": 50052, "connect_timeout": "40000s", "max": 40001, "port_value": 65536, "port": 32767}
"""


def test_a_port_that_the_scenario_names_is_of_no_chance() -> None:
    """50051 is what gRPC's servers mostly have: an Envoy that asks another one does otherwise."""
    pod = {"kind": "Pod", "spec": {"containers": [{"ports": [{"containerPort": 50054}]}], "x": {"max": 40002}}}
    scenario: Any = SimpleNamespace(
        config_files=lambda: {"envoy.yaml": PORTS}, objects=lambda: [pod], unbound_services=list
    )
    pods = {"edge": SimpleNamespace(ip="10.244.0.9")}
    deployment: Any = SimpleNamespace(pods=pods, scenario=scenario, config_id="id-of-config")
    normaliser = Normaliser(deployment, removals := Removals())

    assert fixed_ports(scenario) == {50051, 50052, 50053, 50054}
    text, normal = "10.0.0.1:50051 10.0.0.1:50055 id-of-config>:50052", "10.0.0.1:50051 10.0.0.1:<port> <mark>>:50052"
    pairs, entry = [("x", text)], {"upstream_host": text, "downstream_remote": "10.0.0.1:50051"}
    found = normaliser.observation(Observation(200, headers=pairs, body=text, log=[entry], warnings=[text]))
    assert (found.headers, found.body, found.warnings) == ([("x", normal)], normal, [normal])
    assert found.log == [{"upstream_host": normal, "downstream_remote": "10.0.0.1:<port>"}]  # a client's is of chance
    removals.end("scenario", "probe")
    assert {each.text for each in removals.found if each.rule == "client-port"} == {normal}


def test_addresses_are_named(inbound: Scene) -> None:
    pod = inbound.pod("client/client").ip
    normaliser = Normaliser(inbound.deployment)

    assert normaliser.text(f"1{pod} {pod}1 1.{pod} {pod}.1") == f"1{pod} {pod}1 1.{pod} {pod}.1"
    assert normaliser.text(f"node {inbound.deployment.config_id}") == "node <mark>"
    text, normal = f"{pod}:80 {inbound.deployment.config_id}", "<client/client>:80 <mark>"
    pairs = [(text, text)]
    entry = {text: text, "nested": {text: [text, 200, None, True]}}
    observed = Observation(
        200, text, text, pairs, text, "reset", [Interim(103, text, pairs)], pairs, [entry], {text: 1}, [text]
    )
    normal_pairs, normal_entry = [(normal, normal)], {normal: normal, "nested": {normal: [normal, 200, None, True]}}
    assert normaliser.observation(observed) == Observation(
        200, normal, normal, normal_pairs, normal, "reset", [Interim(103, normal, normal_pairs)], normal_pairs,
        [normal_entry], {normal: 1}, [normal],
    )  # fmt: skip


def test_what_is_seen_of_tls_is_told_alike(inbound: Scene) -> None:
    """An engine gives addresses as it likes; and who refuses by an alert closes, or so the kernel resets."""
    pod = inbound.pod("client/client").ip
    certificate = PeerCertificate(f"CN={pod}", f"CN=by {pod}", [f"IP:{pod}"])
    normal = PeerCertificate("CN=<client/client>", "CN=by <client/client>", ["IP:<client/client>"])
    ends: list[tuple[str, End, End]] = [
        ("unknown_ca", "reset", "closed"),
        ("unknown_ca", "open", "open"),
        ("", "reset", "reset"),
        ("close_notify", "reset", "reset"),
    ]
    for alert, end, normal_end in ends:
        observed = Observation(None, end=end, tls=TlsObserved("alert", alert, "TLSv1.3", certificate=certificate))
        found = Normaliser(inbound.deployment).observation(observed)
        assert found == Observation(
            None, end=normal_end, tls=TlsObserved("alert", alert, "TLSv1.3", certificate=normal)
        )
    assert Normaliser(inbound.deployment).observation(Observation(None)).tls is UNSET


@pytest.mark.parametrize("rule", OWN_WORDS_RULES, ids=lambda rule: rule.name)
def test_what_envoy_writes_of_itself_has_forms_of_chance_that_no_answer_has(rule: Any, inbound: Scene) -> None:
    text, normal, _ = TEXTS[rule.name]
    pairs = [(text, text)]
    observed = Observation(
        200, text, text, pairs, text, interim=[Interim(103, text, pairs)], trailers=pairs, log=[{text: text}],
        stats={text: 1}, warnings=[text],
    )  # fmt: skip

    found = Normaliser(inbound.deployment).observation(observed)

    assert found.warnings == [normal]
    found.warnings = observed.warnings
    assert found == observed


def test_what_is_new_of_an_observation_has_the_same_forms(inbound: Scene) -> None:
    pod = inbound.pod("client/client").ip
    normaliser = Normaliser(inbound.deployment)
    date = ("date", "Thu, 26 Nov 2026 08:00:00 GMT")
    observed = Observation(
        None, end="open", stream_end="reset CANCEL", frames=["DATA 1 1 bytes", "DATA 1 1 bytes", f"text {pod}"],
        streams=[StreamAnswer(3, 200, [date, ("x", pod)], pod, [date], "closed")], messages=[pod],
    )  # fmt: skip
    found = normaliser.observation(observed)

    assert found == Observation(
        None, end="open", stream_end="reset CANCEL", frames=["DATA 1", "text <client/client>"],
        streams=[
            StreamAnswer(
                3, 200, [("date", "<date>"), ("x", "<client/client>")], "<client/client>", [("date", "<date>")],
                "closed",
            )
        ],
        messages=["<client/client>"],
    )  # fmt: skip


def test_what_several_connections_log_is_in_one_order(inbound: Scene) -> None:
    observed = Observation(200, log=[{"listener": "b", "flags": "-"}, {"listener": "a", "flags": "-"}])
    normaliser = Normaliser(inbound.deployment)
    found = [normaliser.observation(observed, of_several=of_several).log for of_several in (True, False)]
    assert [[each["listener"] for each in log] for log in found] == [["a", "b"], ["b", "a"]]


def test_no_rule_takes_long_for_a_long_body() -> None:
    body = "ab" * 200_000 + "=" + "a" * 200_000
    begun = time.process_time()
    body_without_chance(body)
    assert time.process_time() - begun < 2


MARKED = (
    "x-datadog-trace-id: 12345",
    "x-datadog-tags: _dd.p.tid=0123456789abcdef",
    "dd=s:1;p:0123456789abcdef",
    "dd=p:0123456789abcdef",
    "p:0123456789abcdef",
    f"sw8: 1-{'A' * 48}-{'b' * 48}-3",
    "?state=eyJ1cmwiOiJhIn0",
    f"&code_challenge={'a' * 43}",
    f"OauthNonce=0123456789abcdef.{'A' * 43}=;path=/",
    '="Cg4xMC4wLjAuMTo4MDgwEIDl7sEG"',
    *re.split(r", (?=\")", CAPTURED.format("40312", "40314", "1", "2026-01-02T03:04:05Z", "Fri, 02 Jan 2026")),
    "=",
    ";",
    "word ",
)


@UNHURRIED
@given(st.lists(st.sampled_from(MARKED), max_size=5).map("".join), st.sampled_from([*RULES, *OWN_WORDS_RULES]))
def test_a_text_without_a_rules_marks_has_nothing_that_it_finds(text: str, rule: Rule) -> None:
    assert rule.step.apply(text) == rule.pattern.sub(rule.replacement, text)


def test_each_mark_is_needed_by_its_rule() -> None:
    for rule in RULES:
        found = "".join(each for each in MARKED if rule.pattern.search(each))
        assert [each for each in rule.marks if each not in found] == []


@UNHURRIED
@given(st.text("0123456789.:>a-", max_size=60))
def test_a_port_is_of_an_address_or_of_what_stands_for_one(text: str) -> None:
    def named(found: re.Match[str]) -> str:
        return f"{found[1]}:<port>" if int(found[2]) >= 32768 else found[0]

    [rule] = [each for each in RULES if each.name == "client-port"]
    whole = re.compile(r"((?<![\d.])(?:\d{1,3}\.){3}\d{1,3}|>):(\d{5})\b")
    assert rule.step.apply(text) == whole.sub(named, text)


def test_a_headless_service_has_no_address_that_had_a_name(inbound: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    headless = {"metadata": {"name": "each"}, "spec": {"clusterIP": "None"}}
    monkeypatch.setattr(Scenario, "unbound_services", lambda _: [headless])
    observed = Observation(200, body="None")
    assert Normaliser(inbound.deployment).observation(observed).body == "None"
