"""What nobody gave is made at its place, and said; what pins something that nobody here has is taken away."""

import base64
import ssl
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.protobuf import descriptor_pb2

from takeover.base.errors import BadInputError
from takeover.check.world import certificates
from takeover.check.world.upstream_tls import matching
from takeover.scenario.library import Library
from tests.check.world.worlds import (
    DOWNSTREAM_TLS,
    Built,
    bootstrap,
    cluster,
    given,
    http,
    listener,
    served,
    tcp,
    tls,
)

REDACTED = base64.b64encode(b"[redacted]").decode()


def secured(**common: Any) -> dict[str, Any]:
    chain = {"filters": [http("app")], "filter_chain_match": {"server_names": ["front.test"]}}
    socket = {"name": "tls", "typed_config": {"@type": DOWNSTREAM_TLS, "common_tls_context": common}}
    return listener("in", 8443) | {"filter_chains": [chain | {"transport_socket": socket}]}


def built(tmp_path: Path, one: dict[str, Any], **files: Path) -> Built:
    return Built(given(bootstrap([one], [cluster("app")]), **files), tmp_path / "mine")


def names_of(pem: str, tmp_path: Path) -> list[str]:
    file = tmp_path / "one.pem"
    file.write_text(pem)
    decoded: dict[str, Any] = ssl._ssl._test_decode_cert(str(file))  # type: ignore[attr-defined]
    return [value for _, value in decoded.get("subjectAltName", ())]


def test_a_certificate_and_its_key_are_made_for_the_names_of_their_chains(tmp_path: Path) -> None:
    pair = {"certificate_chain": {"filename": "/etc/tls/a.crt"}, "private_key": {"filename": "/etc/tls/a.key"}}
    made = built(tmp_path, secured(tls_certificates=[pair]))
    chain, key = made.file("/etc/tls/a.crt"), made.file("/etc/tls/a.key")
    assert "front.test" in names_of(chain, tmp_path)
    (tmp_path / "both.pem").write_text(chain + key)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "both.pem")  # they belong together
    assert "/etc/tls/a.crt is made (certificate chain)" in made.different


def test_a_file_that_was_given_is_there_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_text("mine")
    pair = {"certificate_chain": {"filename": "/given/crt"}, "private_key": {"filename": "/given/key"}}
    made = built(tmp_path, secured(tls_certificates=[pair]), crt=tmp_path / "a.key", key=tmp_path / "a.key")
    assert made.file("/given/key") == "mine"
    assert not any("/given/" in each for each in made.different)


def test_of_large_files_what_is_named_is_refused_and_what_is_not_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes((1 << 20) + 1))
    pair = {"certificate_chain": {"filename": "/given/crt"}, "private_key": {"filename": "/given/key"}}
    made = built(tmp_path, secured(tls_certificates=[pair]), other=tmp_path / "large")
    assert "/given/other is not there" in made.different
    with pytest.raises(BadInputError, match=r"--files .*large: has 1048577 bytes, .*: leave it out"):
        built(tmp_path, secured(tls_certificates=[pair]), crt=tmp_path / "large")


def test_a_key_that_a_dump_redacts_is_made_anew_with_its_certificate(tmp_path: Path) -> None:
    theirs = certificates.certificate("theirs", ("theirs.test",)).chain
    pair = {"certificate_chain": {"inline_string": theirs}, "private_key": {"inline_bytes": REDACTED}}
    made = built(tmp_path, secured(tls_certificates=[pair]))
    [chain] = made.config()["static_resources"]["listeners"][0]["filter_chains"]
    [now] = chain["transport_socket"]["typed_config"]["common_tls_context"]["tls_certificates"]
    assert now["certificate_chain"]["inline_string"] != theirs
    assert "PRIVATE KEY" in now["private_key"]["inline_string"]
    assert "a certificate and its key are made anew" in made.different


def test_a_pair_that_is_whole_stays(tmp_path: Path) -> None:
    theirs = certificates.certificate("theirs", ("theirs.test",))
    pair = {"certificate_chain": {"inline_string": theirs.chain}, "private_key": {"inline_string": theirs.key}}
    made = built(tmp_path, secured(tls_certificates=[pair]))
    [chain] = made.config()["static_resources"]["listeners"][0]["filter_chains"]
    assert chain["transport_socket"]["typed_config"]["common_tls_context"]["tls_certificates"] == [pair]


def test_an_authority_of_ours_is_trusted_beside_one_that_is_written(tmp_path: Path) -> None:
    theirs = "-----BEGIN CERTIFICATE-----\ntheirs\n-----END CERTIFICATE-----\n"
    context = {"trusted_ca": {"inline_string": theirs}, "verify_certificate_hash": ["ab"]}
    one = cluster("app", transport_socket=tls(validation_context=context))
    made = Built(given(bootstrap([listener("in", 80, http("app"))], [one])), tmp_path / "mine")
    [now] = made.config()["static_resources"]["clusters"]
    context = now["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]
    assert context == {"trusted_ca": {"inline_string": theirs + certificates.authority().chain}}
    assert any("is trusted beside" in each for each in made.different)
    assert any("pins" in each for each in made.different)


def test_secrets_that_are_named_and_were_not_given_are_made(tmp_path: Path) -> None:
    source: dict[str, Any] = {"sds_config": {"ads": {}}}
    common = {
        "tls_certificate_sds_secret_configs": [{"name": "default", **source}],
        "validation_context_sds_secret_config": {"name": "ROOTCA", **source},
    }
    made = built(tmp_path, secured(**common))
    secrets = {each["name"]: each for each in made.config()["static_resources"]["secrets"]}
    assert "PRIVATE KEY" in secrets["default"]["tls_certificate"]["private_key"]["inline_string"]
    assert secrets["ROOTCA"]["validation_context"]["trusted_ca"]["inline_string"] == certificates.authority().chain
    assert {"the secret default is made", "the secret ROOTCA is made"} <= set(made.different)


def test_a_secret_that_was_given_is_served(tmp_path: Path) -> None:
    common = {"validation_context_sds_secret_config": {"name": "ROOTCA", "sds_config": {"ads": {}}}}
    secret = {"name": "ROOTCA", "validation_context": {"trusted_ca": {"filename": "/etc/root.pem"}}}
    resource = served("envoy.extensions.transport_sockets.tls.v3.Secret", "ROOTCA", secret)
    made = Built(given(bootstrap([secured(**common)], [cluster("app")]), resource), tmp_path / "mine")
    assert "secrets" not in made.config()["static_resources"]
    assert '"ROOTCA"' in (made.folder / "config/served-1.json").read_text()
    assert made.file("/etc/root.pem") == certificates.authority().chain


@pytest.mark.parametrize(
    ("where", "begins"),
    [
        ({"local_jwks": {"filename": "/made"}}, '{"keys":'),
        ({"default_source_code": {"filename": "/made"}}, "--"),
        ({"source_codes": {"hello.lua": {"filename": "/made"}}}, "--"),
        ({"default_source_code": {"filename": "made"}}, "--"),
        ({"body": {"filename": "/made"}}, "a file"),
    ],
)
def test_other_files_are_made_by_what_they_are_for(where: dict[str, Any], begins: str, tmp_path: Path) -> None:
    made = built(tmp_path, listener("in", 80, http("app", {"name": "any", "typed_config": where})))
    assert made.file("/made").startswith(begins)


@pytest.mark.parametrize("kind", ["config dump", "bootstrap"])
def test_of_a_dump_a_certificate_is_made_where_it_had_all_in_one(kind: str, tmp_path: Path) -> None:
    both = {"pkcs12": {"inline_bytes": REDACTED}, "password": {"inline_string": "[redacted]"}}
    of = given(bootstrap([secured(tls_certificates=[both])], [cluster("app")]))
    made = Built(msgspec.structs.replace(of, kind=kind), tmp_path / "mine")
    [chain] = made.config()["static_resources"]["listeners"][0]["filter_chains"]
    [now] = chain["transport_socket"]["typed_config"]["common_tls_context"]["tls_certificates"]
    assert ("pkcs12" in now, "private_key" in now) == ((False, True) if kind == "config dump" else (True, False))


def test_a_file_that_nobody_can_make_is_said_to_be_missing(tmp_path: Path) -> None:
    where = {"city_db_path": "/etc/cities.mmdb"}
    made = built(tmp_path, listener("in", 80, http("app", {"name": "any", "typed_config": where})))
    assert "/etc/cities.mmdb is missing" in made.different
    assert made.world.missing == ("/etc/cities.mmdb",)


def test_files_that_are_named_from_where_envoy_is_are_named_by_their_whole_paths(tmp_path: Path) -> None:
    pair = {"certificate_chain": {"filename": "certs/one.pem"}, "private_key": {"filename": "./certs/one.key"}}
    rewrite = {"path": "certs/no-file"}
    listeners = [secured(tls_certificates=[pair]), listener("in", 81, http("app", {"rewrite": rewrite}))]
    made = Built(given(bootstrap(listeners, [cluster("app")])), tmp_path / "mine")
    assert "PRIVATE KEY" in made.file("/certs/one.key")
    text = (made.folder / "envoy.yaml").read_text()
    assert [each in text for each in ('"/certs/one.pem"', '"/certs/one.key"', '"certs/no-file"')] == [True] * 3


def test_no_log_is_written_of_mongo(tmp_path: Path) -> None:
    mongo = "type.googleapis.com/envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy"
    proxy = {"typed_config": {"@type": mongo, "stat_prefix": "m", "access_log": "/var/log/mongo/access.log"}}
    made = built(tmp_path, listener("in", 27017, proxy, tcp("app")))
    assert "/var/log/mongo" not in (made.folder / "envoy.yaml").read_text()
    assert "a Mongo proxy writes no log" in made.different


def test_folders_in_which_envoy_makes_files_and_sockets_are_there(tmp_path: Path) -> None:
    filters = (
        http("app", {"name": "tap", "typed_config": {"sinks": [{"file_per_tap": {"path_prefix": "/var/tap/one"}}]}}),
        http("app", {"name": "cache", "typed_config": {"cache_path": "/var/cache/envoy"}}),
        http("app", {"name": "tap", "typed_config": {"sinks": [{"file_per_tap": {"path_prefix": "/dev/stdout"}}]}}),
    )
    socket = {"name": "by-path", "address": {"pipe": {"path": "/run/envoy/in.sock"}}, "filter_chains": []}
    abstract = {"name": "abstract", "address": {"pipe": {"path": "@in"}}, "filter_chains": []}
    listeners = [listener(f"in-{port}", port, each) for port, each in enumerate(filters, 80)]
    made = Built(given(bootstrap([*listeners, socket, abstract], [cluster("app")])), tmp_path / "mine")
    folders = {each["mountPath"] for each in made.container("envoyproxy")["volumeMounts"]}
    assert folders >= {"/var/tap", "/var/cache/envoy", "/run/envoy"}
    assert not folders & {"/", "/dev"}


def test_there_is_no_pressure_where_its_file_was_not_given(tmp_path: Path) -> None:
    message = "type.googleapis.com/envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig"
    monitors = [{"name": "pressure", "typed_config": {"@type": message, "filename": "/etc/envoy/pressure"}}]
    of = given(
        bootstrap([listener("in", 80, http("app"))], [cluster("app")], overload_manager={"resource_monitors": monitors})
    )
    made = Built(of, tmp_path / "mine")
    assert made.file("/etc/envoy/pressure") == "0"
    assert made.world.missing == ()


def test_services_are_described_whose_descriptor_nobody_gave(tmp_path: Path) -> None:
    where = {"proto_descriptor": "protos/api.pb", "services": ["one.two.Api", "one.Other"]}
    built(tmp_path, listener("in", 80, http("app", {"name": "any", "typed_config": where})))
    [file] = (tmp_path / "mine/files").glob("*api.pb")
    described = descriptor_pb2.FileDescriptorSet.FromString(file.read_bytes())
    assert [(each.package, each.service[0].name) for each in described.file] == [("one.two", "Api"), ("one", "Other")]


@pytest.mark.parametrize("is_given", [False, True])
def test_no_method_is_refused_for_the_lack_of_a_descriptor(is_given: bool, tmp_path: Path) -> None:
    options = {"reject_unknown_method": True, "reject_unknown_query_parameters": True}
    where = {"proto_descriptor": "/given/api", "services": ["one.Api"], "request_validation_options": options}
    own = tmp_path / "api"
    own.write_bytes(b"")
    one = listener("in", 80, http("app", {"name": "any", "typed_config": where}))
    made = built(tmp_path, one, **({"api": own} if is_given else {}))
    text = (made.folder / "envoy.yaml").read_text()
    assert ("reject_unknown_method" in text, "reject_unknown_query_parameters" in text) == (is_given, True)
    assert any("reject_unknown_method" in each for each in made.different) != is_given


def test_folders_that_are_watched_are_there(tmp_path: Path) -> None:
    runtime = {"layers": [{"name": "disk", "disk_layer": {"symlink_root": "/srv/current", "subdirectory": "envoy"}}]}
    pipe = cluster("app")
    where = {"pipe": {"path": "/srv/current/envoy/socket"}}
    pipe["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = where
    for name, clusters in (("one", []), ("two", [pipe])):  # of which a socket is in that folder, too
        made = Built(given(bootstrap([], clusters, layered_runtime=runtime)), tmp_path / name)
        folders = [each["mountPath"] for each in made.container("envoyproxy")["volumeMounts"]]
        assert folders.count("/srv/current/envoy") == 1


def test_words_of_a_node_are_no_files_and_no_clusters(tmp_path: Path) -> None:
    metadata = {"filename": "/etc/of-a-node", "grpc": {"envoy_grpc": {"cluster_name": "app"}}}
    node = {"id": "one", "cluster": "app", "metadata": metadata}
    tracer = {"@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig", "collector_cluster": "app"}
    made = Built(
        given(bootstrap([], [cluster("app")], node=node, tracing={"http": {"typed_config": tracer}})), tmp_path / "mine"
    )
    assert [each.service.kind for each in made.world.dialled] == ["tracing"]
    assert not any("/etc/of-a-node" in each for each in made.different)


def test_a_client_has_a_certificate_that_a_listener_takes(tmp_path: Path) -> None:
    names = [{"san_type": "URI", "matcher": {"prefix": "spiffe://mesh/"}}]
    context = {"trusted_ca": {"filename": "/etc/ca.pem"}, "match_typed_subject_alt_names": names}
    made = built(tmp_path, secured(validation_context=context))
    assert made.world.client_certificate == "client.pem"
    assert names_of((made.folder / "client.pem").read_text(), tmp_path) == ["spiffe://mesh/a"]


def test_clusters_that_envoy_tells_of_itself_are_left_out_of_account(tmp_path: Path) -> None:
    sink = {"@type": "type.googleapis.com/envoy.config.metrics.v3.StatsdSink", "tcp_cluster_name": "statsd"}
    clusters = [cluster("app"), cluster("statsd", port=8125)]
    sinks = [{"name": "s", "typed_config": sink}]
    made = Built(given(bootstrap([listener("in", 80, http("app"))], clusters, stats_sinks=sinks)), tmp_path / "mine")
    [envoy] = Library(tmp_path).scenario("mine").envoys
    assert envoy.control_planes == ("statsd",)
    assert made.place("10.1.2.3", 8125).kind == "metrics"


def test_no_path_of_a_configuration_is_opened_here(tmp_path: Path) -> None:
    here = tmp_path / "secret"
    here.write_text("of this machine")
    pair = {"certificate_chain": {"filename": str(here)}, "private_key": {"filename": str(here)}}
    made = built(tmp_path, secured(tls_certificates=[pair]))
    assert "of this machine" not in made.file(str(here))


def test_certificates_are_the_same_in_every_run() -> None:
    names = ("a.test", "10.0.0.1", "spiffe://a/b")
    once = certificates.certificate("a", names)
    certificates._key.cache_clear()
    assert certificates.certificate("a", names) == once
    assert certificates.certificate("a", names[:1]) != once


@pytest.mark.parametrize(
    ("matcher", "text"),
    [
        ({"exact": "a.b"}, "a.b"),
        ({"prefix": "spiffe://x/"}, "spiffe://x/a"),
        ({"contains": "in"}, "in"),
        ({"safe_regex": {"regex": r"^a\.b$"}}, "a.b"),
        ({"safe_regex": {"regex": r"[a-z]+\.svc\.test"}}, "a.svc.test"),
        ({"safe_regex": {"regex": r"(?=strange)"}}, ""),
        ("plain", "plain"),
    ],
)
def test_a_name_that_a_matcher_takes(matcher: Any, text: str) -> None:
    assert matching(matcher) == text
