"""Transcoders between JSON and gRPC, whose descriptors say what may be asked."""

import base64
from pathlib import Path
from typing import Any

import pytest
from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2, empty_pb2

from takeover.check.world.configuration import HTTP2
from takeover.store import documents as store
from tests.check.whole import HTTP, checked, cluster, listener, typed, written


def described() -> bytes:
    """A service: `Get` by GET with a variable, `Make` by POST with a body, and one more without a rule."""
    made = descriptor_pb2.FileDescriptorSet()
    for each in (descriptor_pb2, http_pb2, annotations_pb2, empty_pb2):
        each.DESCRIPTOR.CopyToProto(made.file.add())
    file = made.file.add(name="shop.proto", package="shop.v1", syntax="proto3")
    file.dependency.extend(["google/api/annotations.proto", "google/protobuf/empty.proto"])
    text = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
    item = file.message_type.add(name="Item")
    item.field.add(name="name", number=1, type=text, label=1)
    service = file.service.add(name="Shop")
    rules: dict[str, dict[str, Any]] = {
        "Get": {"get": "/v1/{name=items/*}", "additional_bindings": [http_pb2.HttpRule(get="/v1/old/{name}")]},
        "Make": {"post": "/v1/items", "body": "*"},
        "None": {},
    }
    for name, rule in rules.items():
        method = service.method.add(name=name, input_type=".shop.v1.Item", output_type=".google.protobuf.Empty")
        if rule:
            method.options.Extensions[annotations_pb2.http].CopyFrom(http_pb2.HttpRule(**rule))
    return made.SerializeToString()


@pytest.mark.parametrize("where", ["in the configuration", "in a file"])
def test_each_method_is_asked_for_as_its_rule_says(where: str, tmp_path: Path) -> None:
    config: dict[str, Any] = {
        "services": ["shop.v1.Shop"],
        "request_validation_options": {"reject_unknown_method": True},
    }
    options: list[str] = []
    if where == "in a file":
        (tmp_path / "shop.pb").write_bytes(described())
        config["proto_descriptor"] = "/etc/shop.pb"
        options = ["--files", f"/etc/shop.pb={tmp_path / 'shop.pb'}"]
    else:
        config["proto_descriptor_bin"] = base64.b64encode(described()).decode()
    message = "grpc_json_transcoder.v3.GrpcJsonTranscoder"
    transcoder = {"name": "transcoder", "typed_config": typed(f"{HTTP}{message}", **config)}
    web = listener("web", 8000, {"match": {"prefix": "/"}, "route": {"cluster": "app"}}, filters=(transcoder,))
    behind = cluster("app", typed_extension_protocol_options=HTTP2)

    ended = checked(written(tmp_path, web, clusters=(behind,)), *options, "--probes-per-route", "20")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    statuses = {
        each.probe.removeprefix("edges/web-transcoded-"): each.observation.status
        for each in store.read(tmp_path / "reports/latest/results/new.json").probes
        if each.probe.startswith("edges/web-transcoded-")
    }
    assert {"get", "get-longer", "get-1", "make", "make-no-json"} <= statuses.keys()
    assert not {each for each in statuses if each.startswith("none")}
    assert statuses["make-no-json"] == 400
    assert statuses["get"] == statuses["get-1"] == statuses["make"] == 200
    assert statuses["get-longer"] == 404
