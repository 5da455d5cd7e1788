"""What a real Envoy says of a config that it rejects, and the line that is to blame."""

from pathlib import Path

import pytest

from takeover.envoy.pypi import installed
from takeover.envoy.rejection import Rejection, rejection
from takeover.node.bare_node import bare_node

HTTP = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
CONFIG = f"""\
# A comment, as our files have them.
static_resources:
  listeners:
  - name: listener
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: 0 }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/{HTTP}
          stat_prefix: http
          codec_type: AUTO
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{{ match: {{ prefix: / }}, route: {{ cluster: backend }} }}]
          http_filters:
          - name: envoy.filters.http.lua
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: |
                  function envoy_on_request(handle)
                    handle:headers()
                  end
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: backend
    connect_timeout: 1s
    type: STATIC
"""
CHAIN = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config"


@pytest.mark.parametrize(
    ("old", "new", "what", "line"),
    [
        ("codec_type:", "codec_typo:", f"no such field: 'codec_typo' (in {CHAIN})", 12),
        ("codec_type: AUTO", "codec_type: AUTOMATIC", "unknown enum value: 'AUTOMATIC'", 12),
        ("1s", "1 s", "duration must end with a single 's' (in static_resources.clusters[0].connect_timeout)", 32),
        ("port_value: 0", "port_value: zero", "invalid number: 'zero' (in static_resources.listeners[0].addre", 5),
        ("port_value: 0", "port_value: 99999", "port_value: value must be less than or equal to 65535", 5),
        ("portValue: 0", "portValue: 99999", "port_value: value must be less than or equal to 65535", 5),
        ("stat_prefix: http", 'stat_prefix: ""', "stat_prefix: value length must be at least 1 characters", 11),
        ("cluster: backend", "cluster: nowhere", "route: unknown cluster 'nowhere'", 17),
        ("router.v3.Router", "router.v3.Rooter", "could not find @type 'type.googleapis.com/envoy.extensions.f", 29),
        ("address: 127.0.0.1", "address: localhost", "malformed IP address: localhost", 5),
        ("handle:headers()", "handle headers", "script load error:", 25),
        (
            CONFIG[CONFIG.index("type: STATIC") :],
            "type: STATIC\n  - name: backend\n    type: STATIC\n",
            "duplicate cluster 'backend'",
            34,
        ),
        ("static_resources:", "listenerz: []\nstatic_resources:", "no such field: 'listenerz'", 2),
        (
            CONFIG[CONFIG.rindex("            typed_config:") : CONFIG.index("  clusters:")],
            "",
            "Didn't find a registered implementation for 'envoy.filters.http.router' with type URL: ''",
            27,
        ),
    ],
)
def test_a_rejected_config(old: str, new: str, what: str, line: int, tmp_path: Path) -> None:
    config = CONFIG.replace("port_value", "portValue") if old.startswith("portValue") else CONFIG
    text = config.replace(old, new)
    assert text != config
    (tmp_path / "envoy.yaml").write_text(text)

    command = [str(installed()[1]), "-c", str(tmp_path / "envoy.yaml"), "--concurrency", "1", "--disable-hot-restart"]
    with bare_node(installed()[1], tmp_path) as node:
        ended = node.run(command, timeout=20)
    found = rejection(ended.stderr.decode(errors="replace"), text)

    assert ended.exit_code == 1
    assert found is not None
    assert what in found.what
    assert found.line == line


def test_what_is_not_in_the_file_has_no_line() -> None:
    log = "[1][critical][main] [server.cc:449] error `route: unknown cluster 'x'` initializing config ' e.yaml'"

    assert rejection(log, CONFIG) == Rejection("route: unknown cluster 'x'", None)


def test_a_log_without_a_rejection() -> None:
    assert rejection("[1][warning][main] there is no configured limit", CONFIG) is None


@pytest.mark.parametrize(
    "config",
    ["a: b\tc\nd: e\tf: 'x'\n- ]", "a: " + "[" * 5_000, "a: &a [x]\nb: *nothing\n"],
    ids=["tabs", "depth", "alias"],
)
def test_a_config_that_only_envoy_could_read_has_no_line(config: str) -> None:
    log = "[1][critical][main] [server.cc:449] error `route: unknown cluster 'x'` initializing config ' e.yaml'"

    assert rejection(log, config) == Rejection("route: unknown cluster 'x'", None)


def test_aliases_are_looked_at_once() -> None:
    levels = ["a0: &a0 [y]"] + [f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]" for n in range(1, 60)]
    log = "[1][critical][main] [server.cc:449] error `route: unknown cluster 'y'` initializing config ' e.yaml'"

    assert rejection(log, "\n".join(levels)) == Rejection("route: unknown cluster 'y'", 1)


STAMP = "[2026-11-26 11:34:43.166][1][warning][config] "
AFTER = "\n[2026-11-26 11:34:43.167][1][info][main] starting main dispatch loop\n"
ANY = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


@pytest.mark.parametrize(
    ("log", "what", "line"),
    [
        (
            "[source/a.cc:81] Filesystem config update rejected: Error adding/updating listener(s) http: "
            "malformed IP address: 127.0.0.1. Consider setting resolver_name\n",
            "Error adding/updating listener(s) http: malformed IP address: 127.0.0.1. Consider setting resolver_name",
            5,
        ),
        (
            "[source/a.cc:128] Filesystem config update failure: in /etc/envoy/envoy-cds.yaml, Unable to parse JSON as "
            "proto (INVALID_ARGUMENT: invalid JSON in envoy.service.discovery.v3.DiscoveryResponse @ "
            "resources[0].<any>.connect_timeout:   message google.protobuf.Duration, near   1:34   (offset 33): "
            "duration must end with a single 's'): {}",
            "duration must end with a single 's' (in resources[0].<any>.connect_timeout)",
            None,
        ),
        (
            "[source/a.cc:64] Unknown field: type envoy.service.discovery.v3.DiscoveryResponse reason "
            "INVALID_ARGUMENT: invalid JSON in envoy.service.discovery.v3.DiscoveryResponse @  resources[0].<any>: "
            "message envoy.config.listener.v3.Listener,  near 1:1590 (offset 1589):   no such field: 'nonsense'",
            "no such field: 'nonsense' (in resources[0])",
            None,
        ),
        (f"[source/a.cc:9] gRPC config for {ANY} rejected: two\n lines", "two lines", None),
        (f"[source/a.cc:9] delta config for {ANY} rejected: no name", "no name", None),
    ],
)
def test_of_what_is_delivered_envoy_says_what_it_does_not_take(log: str, what: str, line: int | None) -> None:
    assert rejection(STAMP + log + AFTER, CONFIG) == Rejection(what, line)


def test_an_envoy_that_ends_for_lack_of_something_says_so() -> None:
    told = (
        "[critical][assert] [source/watcher_impl.cc:25] assert failure: inotify_fd_ >= 0. Details: Consider increasing"
    )
    assert rejection(f"[2026-11-26 11:34:43.166][1]{told}{AFTER}", CONFIG) == Rejection("Consider increasing", None)
