"""The published schema is the one of the Structs, and documents of real runs are of it."""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from takeover.model.document import Document, json_schema

PUBLISHED = Path(__file__).parents[2] / "reports" / "schema.json"
SMALLEST = {
    "schema": 1,
    "written": "2026-11-25T10:00:00+00:00",
    "complete": True,
    "engine": "local",
    "envoy": {"name": "1.40.0", "version": "1.40.0", "commit": "abc", "build": "Clean", "sha256": "0f"},
}


RULE = {
    "hop": "rule",
    "name": "OUTPUT REDIRECT --to-ports 15001",
    "text": "-A OUTPUT -p tcp -j REDIRECT --to-ports 15001",
    "counters": {"packets": [5, 6]},
}
ENTRY = {
    "listener": "virtualOutbound", "flags": "UH", "original_destination": "10.0.0.1:80",
    "downstream_remote": "10.244.0.2:41120", "filter_chain": None, "upstream_cluster": "BlockAllCluster",
    "upstream_host": None, "termination": None, "bytes_received": 0, "bytes_sent": 0, "route": None, "method": None,
    "path": None, "authority": None, "protocol": None, "status": None, "details": None, "request_id": None,
}  # fmt: skip
ARRIVAL = {
    "time": 1795655793.505, "client": "127.0.0.1:47466", "server": "127.0.0.1:80", "method": "GET", "uri": "/",
    "host": "x", "status": 200, "request_id": "803b", "protocol": "HTTP/1.1", "version": "", "x_auth_user": "",
    "connection": 3, "connection_requests": 1, "bytes": 250, "verdict": None, "authorization": "", "user": "",
    "original_path": "",
}  # fmt: skip
CLIENTS = [
    {"hop": "client", "name": "client/client", "dialled": [
        {"to": "10.96.0.9:80", "end": "closed", "client": "10.244.0.2:41120", "received": 233, "status": 200,
         "headers": ["server"]},
        {"to": "10.96.0.9:81", "end": "refused"}], "dialled_left_out": 3},
]  # fmt: skip
COUNTED = [
    {"hop": kind, "name": "one", "counters": {"x": [0, 1]}} for kind in ("listener", "http", "tcp", "cluster", "filter")
]
LOGS = [
    {"hop": "access log", "name": "", "counters": {"entries": [0, 101]}, "entries": [ENTRY], "entries_left_out": 100},
    {"hop": "destination", "name": "app/nginx", "counters": {"requests": [0, 1]}, "entries": [ARRIVAL]},
]
MEASUREMENTS = [
    {"kind": "choice", "number": 2000, "share": 0.5, "counted": 943, "sides": ["v1", "v2"], "bounds": [864, 1136],
     "p": 0.0115},
    {"kind": "bucket", "max_tokens": 2, "tokens_per_fill": 1, "fill_interval": 1.0,
     "attempts": [{"seconds": 0.001, "passed": True, "tokens": [2.0, 2.0]}]},
]  # fmt: skip
PROBE = {
    "scenario": "one",
    "probe": "edges/plain",
    "request": {"from": "client/client", "to": {"service": "v1/app", "port": 80}, "protocol": "http1", "method": "GET",
                "path": ["/", {"repeat": "a", "times": 300}], "version": "1.1", "headers": ["x: 1"], "end": True},
    "seen": {"status": 200, "reason": "OK", "protocol": "HTTP/1.1", "headers": [["server", "envoy"]], "body": "ok",
             "end": "open", "interim": [{"status": 103, "reason": "", "headers": [["link", "</a>"]]}], "trailers": [],
             "log": [{"flags": "-", "any": {"thing": [1]}}], "stats": {"http.one.rq": 1}, "warnings": []},
}  # fmt: skip


def test_what_was_stored_once_is_read_and_would_be_stored_alike() -> None:
    name = "t.py::t[envoy-1.40.0]"
    test = {"id": name, "scenario": "one", "name": "t.py::t", "state": "pass", "reason": "", "seconds": 0.5}
    test |= {"evidence": [[RULE, *COUNTED, *LOGS], [*CLIENTS, RULE]], "measurements": MEASUREMENTS}
    stored = SMALLEST | {"tests": [test], "probes": [PROBE], "configs": [], "binary": None}

    jsonschema.validate(stored, json.loads(PUBLISHED.read_bytes()))
    assert json.dumps(msgspec.to_builtins(msgspec.convert(stored, Document))) == json.dumps(stored)


def test_the_published_schema_is_current() -> None:
    assert PUBLISHED.read_bytes() == json_schema(), "write it again: takeover schema >reports/schema.json"


def test_the_schema_is_one() -> None:
    schema = json.loads(PUBLISHED.read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(SMALLEST, schema)


@pytest.mark.parametrize("change", [{"schema": 2}, {"more": 1}, {"complete": "yes"}, {"tests": [{"id": "x"}]}])
def test_it_refuses_what_is_of_another_form(change: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(SMALLEST | change, json.loads(PUBLISHED.read_bytes()))
