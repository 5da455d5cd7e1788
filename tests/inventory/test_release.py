"""The facts of the pinned Envoy, asked of its binary."""

import json
import os
import re
from base64 import b64encode
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.envoy.releases import resolve
from takeover.inventory.configs import configs, validated
from takeover.inventory.release import inventory_of
from takeover.inventory.running import extensions_and_stats
from takeover.model.document import Inventory
from takeover.scenario.library import Library

ADVICE = re.compile(r"[Dd]eprecated|^\[warning\]\[(config|redis|tracing)\]|\bis unstable\b")
INLINE_CODE = "envoy.extensions.filters.http.lua.v3.Lua.inline_code"


@pytest.fixture(scope="module")
def facts() -> Inventory:
    return inventory_of(resolve(None)[0], Library.bundled())


def test_every_manifest_loads_without_a_warning(facts: Inventory) -> None:
    # But for that Envoy is not yet done with what is probed; the atlas has what is deprecated or better said otherwise.
    library = Library.bundled()
    found = {each.scenario: each for each in facts.configs if each.source == "manifest"}

    assert {each.partition("/")[0] for each in found} == set(library.names())  # an Envoy's own: NAME/FILE
    for name, each in found.items():
        warnings = [warning for warning in each.warnings if "marked as work-in-progress" not in warning]
        if library.chapter(name.partition("/")[0]) == "atlas":
            warnings = [warning for warning in warnings if not ADVICE.search(warning)]
        assert (each.loads, each.error, warnings) == (True, "", []), name


def test_of_the_articles_configs_some_load_no_more(facts: Inventory) -> None:
    found = {each.scenario: each for each in facts.configs if each.source == "as-written"}
    router, inspector = "envoy.filters.http.router", "envoy.filters.listener.http_inspector"
    rejected = {name: each.error for name, each in found.items() if not each.loads}

    # Today every filter needs a typed_config.
    assert rejected == {
        name: f"Didn't find a registered implementation for '{filter_name}' with type URL: ''"
        for name, filter_name in {
            "01-inbound": router,
            "05-header-match": router,
            "06-tcp-ratelimit": inspector,
            "07-http-ratelimit": inspector,
            "08-weights": router,
        }.items()
    }
    assert found.keys() - rejected.keys() == {"02-outbound-block-all", "03-outbound-allow-all", "04-mesh-lua"}


def test_deprecated_fields_are_warned_of(facts: Inventory) -> None:
    found = {each.scenario: each.warnings for each in facts.configs if each.source == "as-written"}

    assert {name for name, warnings in found.items() if warnings} == {"04-mesh-lua", "05-header-match", "08-weights"}
    [warning] = found["04-mesh-lua"]
    assert INLINE_CODE in warning
    assert "This configuration will be removed" not in warning  # Envoy's advice is the same in all


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("extensions", "envoy.filters.http/envoy.filters.http.lua"),
        ("extensions", "envoy.filters.listener/envoy.filters.listener.original_dst"),
        ("stats", "http.ingress_http.downstream_rq_2xx"),
        ("stats", "cluster.BlockAllCluster.upstream_cx_none_healthy"),
        ("flags", "--concurrency"),
        ("flags", "--config-path"),
        ("guards", "envoy.reloadable_features.abort_when_accessing_dead_decoder"),
        ("guards", "envoy.restart_features.xds_failover_support"),
    ],
)
def test_the_binary_has_what_is_well_known(facts: Inventory, kind: str, known: str) -> None:
    found = getattr(facts.binary, kind)

    assert known in found
    assert found == sorted(set(found))


def test_statistics_name_nothing_of_this_run(facts: Inventory) -> None:
    assert facts.binary is not None
    of_this_run = re.compile(r"takeover-|/tmp/.")  # a cache in /tmp/ is a scenario's
    assert not [name for name in facts.binary.stats if of_this_run.search(name)]


def test_a_config_that_envoy_prints_is_the_same_each_time(tmp_path: Path) -> None:
    config = (Library.bundled().folder / "inbound-interception" / "envoy.yaml").read_text()
    (tmp_path / "as-written").mkdir()
    for number in range(4):
        text = config.replace("router.v3.Router", "router.v3.Rooter")
        (tmp_path / "as-written" / f"{number}.yaml").write_text(text)

    found = validated(resolve(None)[0].path, Library(tmp_path))

    errors = {each.error for each in found}
    assert len(errors) == 1
    assert "could not find @type" in errors.pop()


def test_configs_are_of_the_scenarios_that_are_named_and_of_the_article() -> None:
    library = Library.bundled()
    found = configs(library, ["mesh-mutual-tls", "inbound-interception"])
    assert [each.scenario for each in found if each.source == "manifest"] == ["inbound-interception", "mesh-mutual-tls"]
    as_written = [each for each in configs(library) if each.source == "as-written"]
    assert as_written
    assert [each for each in found if each.source == "as-written"] == as_written


@pytest.mark.parametrize("kind", ["pipe", "link", "name", "suffix"])
def test_a_config_as_written_is_a_file_of_the_library(tmp_path: Path, kind: str) -> None:
    library, secret = tmp_path / "library", tmp_path / "secret.yaml"
    (library / "as-written").mkdir(parents=True)
    secret.write_text("password")
    match kind:
        case "pipe":
            os.mkfifo(library / "as-written/a.yaml")
        case "link":
            (library / "as-written/a.yaml").symlink_to(secret)
        case "name":
            (library / "as-written/a b.yaml").write_text("a: 1")
        case "suffix":
            (library / "as-written/a.yml").write_text("a: 1")
    told = {
        "pipe": "it is a pipe, not a file",
        "link": "a link that leads elsewhere",
        "name": "a file's name is 'a b'",
        "suffix": r"a\.yml: is not read: call it a\.yaml$",
    }

    with pytest.raises(BadInputError, match=told[kind]):
        configs(Library(library))


MOUNTING = {
    "kustomization.yaml": """\
resources: [pod.yaml]
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator:
- {name: config, files: [envoy.yaml, script.lua, authority.pem]}
""",
    "pod.yaml": """\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers: [{name: envoy, image: e, volumeMounts: [{name: all, mountPath: /etc/envoy/}]}]
  volumes: [{name: all, configMap: {name: config}}]
""",
    "envoy.yaml": """\
static_resources:
  listeners:
  - name: scripted
    address: {socket_address: {address: 0.0.0.0, port_value: 80}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: scripted
          route_config: {}
          http_filters:
          - name: lua
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code: {filename: /etc/envoy/script.lua}
          - {name: r, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: secure
    transport_socket:
      name: tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        common_tls_context: {validation_context: {trusted_ca: {filename: /etc/envoy/authority.pem}}}
""",
    "scenario.yaml": "envoys: [{pod: a, container: envoy}]\n",
    "script.lua": "function envoy_on_request(handle) end\n",
    "authority.pem": "no certificate\n",
}


def test_a_config_finds_the_files_that_its_container_has(tmp_path: Path) -> None:
    for name, text in MOUNTING.items():
        (tmp_path / "one" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "one" / name).write_text(text)
    binary = resolve(None)[0].path

    [found] = validated(binary, Library(tmp_path))
    assert (found.loads, found.error) == (False, "Failed to load trusted CA certificates from /etc/envoy/authority.pem")

    (tmp_path / "one/envoy.yaml").write_text(MOUNTING["envoy.yaml"].partition("  clusters:")[0])
    [found] = validated(binary, Library(tmp_path))
    assert (found.loads, found.error) == (True, "")
    assert "http.scripted.downstream_cx_total" in extensions_and_stats(binary, Library(tmp_path))[1]


def test_a_config_finds_what_a_secret_holds(tmp_path: Path) -> None:
    texts = {
        **MOUNTING,
        "kustomization.yaml": MOUNTING["kustomization.yaml"]
        .replace("pod.yaml", "pod.yaml, secret.yaml")
        .replace(", authority.pem", ""),
        "pod.yaml": MOUNTING["pod.yaml"]
        .replace("/}]}]", "/}, {name: own, mountPath: /etc/own}]}]")
        .replace("{name: config}}]", "{name: config}}, {name: own, secret: {secretName: own}}]"),
        "envoy.yaml": MOUNTING["envoy.yaml"].replace("/etc/envoy/authority.pem", "/etc/own/ca.crt"),
    }
    begin = "apiVersion: v1\nkind: Secret\nmetadata: {name: own}\n"
    authority = (Path(__file__).parents[2] / "manifests/bases/certificates/ca.pem").read_text()
    folder, binary = tmp_path / "one", resolve(None)[0].path
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text)

    for held, error in (
        (f"stringData: {{ca.crt: {json.dumps(authority)}}}", ""),
        (f"data: {{ca.crt: {b64encode(authority.encode()).decode()}}}", ""),
        ("stringData: {ca.crt: no certificate}", "Failed to load trusted CA certificates from <inline>"),
    ):
        (folder / "secret.yaml").write_text(begin + held)
        [found] = validated(binary, Library(tmp_path))
        assert (found.loads, found.error) == (not error, error)
