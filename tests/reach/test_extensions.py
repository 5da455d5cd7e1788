"""Which extensions a configuration names, and which it implies."""

from collections.abc import Iterable
from typing import Any

import pytest

from takeover.inventory.running import Extension
from takeover.reach.configurations import Configuration
from takeover.reach.extensions import Known, occurrences
from takeover.reach.left_out import LEFT_OUT, why_left_out
from takeover.reach.walking import walk

_ANY = "type.googleapis.com/"
_BUFFER = "envoy.extensions.filters.http.buffer.v3.Buffer"
_HTTP = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ADDRESS = "envoy.extensions.matching.common_inputs.network.v3.SourceIPInput"
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_RAW = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
_EXTENSIONS = [
    Extension("envoy.filters.http", "buffer", (_BUFFER,)),
    Extension("envoy.filters.http.upstream", "buffer", (_BUFFER,)),
    Extension("envoy.matching.http.input", "source_ip", (_ADDRESS,)),
    Extension("envoy.matching.network.input", "source_ip", (_ADDRESS,)),
    Extension("envoy.transport_sockets.downstream", "raw", (_RAW,)),
    Extension("envoy.transport_sockets.upstream", "raw", (_RAW,)),
    Extension("envoy.tls.cert_validator", "spiffe"),
]


def _found(message: str, data: dict[str, Any], extensions: Iterable[Extension] = _EXTENSIONS) -> set[str]:
    there = Configuration(["a/b"], "envoy.yaml", message, data)
    return {each.extension for each in occurrences(Known(extensions), there, walk(message, data))}


def _any(message: str, **fields: Any) -> dict[str, Any]:
    return {"name": "it", "typed_config": {"@type": _ANY + message, **fields}}


def test_one_message_belongs_to_the_category_of_its_place() -> None:
    matcher = {"matcher_list": {"matchers": [{"predicate": {"single_predicate": {"input": _any(_ADDRESS)}}}]}}
    http = _any(_HTTP, http_filters=[_any(_BUFFER)], route_config={"virtual_hosts": [{"matcher": matcher}]})
    chain = {"filters": [http], "transport_socket": _any(_RAW)}
    listener = {"filter_chains": [chain]}
    cluster = {
        "typed_extension_protocol_options": {_OPTIONS: {"@type": _ANY + _OPTIONS, "http_filters": [_any(_BUFFER)]}},
        "transport_socket": _any(_RAW),
    }

    assert _found("envoy.config.listener.v3.Listener", listener) == {
        "envoy.filters.http/buffer", "envoy.matching.http.input/source_ip", "envoy.transport_sockets.downstream/raw",
    }  # fmt: skip
    assert _found("envoy.config.listener.v3.Listener", {"filter_chain_matcher": matcher}) == {
        "envoy.matching.network.input/source_ip"
    }
    assert _found("envoy.config.cluster.v3.Cluster", cluster) == {
        "envoy.filters.http.upstream/buffer", "envoy.transport_sockets.upstream/raw",
    }  # fmt: skip


def test_an_extension_without_a_message_is_found_by_its_name() -> None:
    spiffe = {"custom_validator_config": {"name": "spiffe", "typed_config": {"@type": _ANY + "a.SPIFFE"}}}

    message = "envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext"
    assert _found(message, spiffe) == {"envoy.tls.cert_validator/spiffe"}
    assert _found(message, spiffe, []) == set()


@pytest.mark.parametrize(
    ("message", "data", "extension"),
    [
        ("envoy.config.cluster.v3.Cluster", {"type": "STRICT_DNS"}, "envoy.clusters/envoy.cluster.strict_dns"),
        (
            "envoy.config.cluster.v3.Cluster",
            {},
            "envoy.load_balancing_policies/envoy.load_balancing_policies.round_robin",
        ),
        (
            "envoy.config.core.v3.HealthCheck",
            {"tcp_health_check": {}},
            "envoy.health_checkers/envoy.health_checkers.tcp",
        ),
        (
            "envoy.config.core.v3.SubstitutionFormatString",
            {"json_format": {"a": {"b": "%METADATA(ROUTE:a)%"}}},
            "envoy.built_in_formatters/envoy.built_in_formatters.metadata",
        ),
        (
            "envoy.config.core.v3.SubstitutionFormatString",
            {"text_format_source": {"inline_string": "%REQ(a)%"}},
            "envoy.built_in_formatters/envoy.built_in_formatters.http.default",
        ),
        (
            "envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue",
            {"object_key": "mine", "factory_key": "envoy.string"},
            "filter_state.object/envoy.string",
        ),
    ],
)
def test_what_a_field_implies_is_found_where_the_binary_has_it(
    message: str, data: dict[str, Any], extension: str
) -> None:
    category, _, name = extension.partition("/")

    assert _found(message, data, [Extension(category, name)]) == {extension}
    assert _found(message, data, []) == set()
    assert _found("envoy.config.listener.v3.Listener", data, [Extension(category, name)]) == set()


def test_a_reason_is_told_of_each_that_is_left_out_and_of_no_other() -> None:
    assert why_left_out("envoy.tracers/envoy.tracers.xray").startswith("a vendor's cloud")
    assert why_left_out("envoy.filters.http/envoy.buffer").startswith("an old name")
    assert why_left_out("envoy.filters.http/envoy.filters.http.buffer") == ""
    assert why_left_out("envoy.tracers/envoy.tracers.zipkin") == ""
    patterns = [pattern for each in LEFT_OUT for pattern in each.patterns]
    assert len(set(patterns)) == len(patterns)
