"""What a configuration lacks is added, and said; nothing else of it changes."""

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.check.world.worlds import TYPE, Built, at, bootstrap, cluster, given, http, listener, served, tcp, tls

FILE_LOG = f"{TYPE}envoy.extensions.access_loggers.file.v3.FileAccessLog"
ADMIN = {"address": at("0.0.0.0", 9000)}
NODE = {"id": "one", "cluster": "two"}


def file_log(path: str, **form: Any) -> dict[str, Any]:
    return {"name": "file", "typed_config": {"@type": FILE_LOG, "path": path, **form}}


def loggers(built: Built) -> list[Any]:
    [one] = built.config()["static_resources"]["listeners"]
    found: list[Any] = one["filter_chains"][0]["filters"][0]["typed_config"]["access_log"]
    return found


def test_a_whole_configuration_gets_an_access_log_and_closes_sooner_and_nothing_else(tmp_path: Path) -> None:
    data = bootstrap([listener("in", 8080, http("app"))], [cluster("app")], admin=ADMIN, node=NODE)
    before = copy.deepcopy(data)
    built = Built(given(data), tmp_path / "mine")
    assert data == before
    now = built.config()
    http_filter = now["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    [log] = http_filter.pop("access_log")
    assert http_filter.pop("delayed_close_timeout") == "0.02s"
    assert log["typed_config"]["log_format"]["json_format"]["listener"] == "in"
    assert now == before
    assert built.different == ["one more access log, in JSON, goes to stdout", "`delayed_close_timeout` is 0.02s"]


@pytest.mark.parametrize(
    ("admin", "port"),
    [
        ({}, 9901),
        ({"address": at("127.0.0.1", 15000)}, 15000),
        ({"address": {"pipe": {"path": "/run/admin"}}}, 9901),
        ({"address": at("0.0.0.0", 19000)}, 19000),
    ],
)
def test_the_admin_api_can_be_asked(admin: dict[str, Any], port: int, tmp_path: Path) -> None:
    built = Built(given(bootstrap([], [], admin=admin) if admin else bootstrap([], [])), tmp_path / "mine")
    assert built.config()["admin"]["address"] == at("0.0.0.0", port)
    assert built.container("envoyproxy")["readinessProbe"]["httpGet"]["port"] == port
    assert any("admin" in each for each in built.different) == (port != 19000)


@pytest.mark.parametrize("key", ["allow_paths", "allowPaths"])
def test_the_admin_api_can_be_asked_where_only_some_paths_are_allowed(key: str, tmp_path: Path) -> None:
    admin = {"address": at("0.0.0.0", 9901), key: [{"exact": "/ready"}]}
    built = Built(given(bootstrap([], [], admin=admin)), tmp_path / "mine")
    assert built.config()["admin"] == {"address": at("0.0.0.0", 9901)}
    assert any("answers at every path" in each for each in built.different)


def test_a_port_that_something_has_is_not_the_admins(tmp_path: Path) -> None:
    built = Built(given(bootstrap([listener("in", 9901, http("app"))], [cluster("app", port=9902)])), tmp_path / "mine")
    assert built.config()["admin"]["address"] == at("0.0.0.0", 9903)


def test_logs_of_files_go_to_stdout_without_what_is_of_chance(tmp_path: Path) -> None:
    form = {"log_format": {"text_format_source": {"inline_string": "%START_TIME% %RESPONSE_CODE% %DURATION%\n"}}}
    logs = [
        file_log("/var/log/a.log", **form),
        file_log("/dev/null"),
        file_log("/dev/stdout", log_format={"json_format": {"took": "%DURATION%", "path": "%REQ(:PATH)%"}}),
    ]
    built = Built(
        given(bootstrap([listener("in", 80, http("app", access_log=logs))], [cluster("app")])), tmp_path / "m"
    )
    text, json_form, ours = (each["typed_config"]["log_format"] for each in loggers(built))
    assert text == {"text_format_source": {"inline_string": "log: <start_time> %RESPONSE_CODE% <duration>\n"}}
    assert json_form == {"json_format": {"took": "<duration>", "path": "%REQ(:PATH)%"}}
    assert ours["json_format"]["route"] == "%ROUTE_NAME%"


def test_a_matcher_of_statistics_is_away(tmp_path: Path) -> None:
    stats = {"stats_matcher": {"reject_all": True}, "use_all_default_tags": True}
    built = Built(given(bootstrap([], [], stats_config=stats)), tmp_path / "mine")
    assert built.config()["stats_config"] == {"use_all_default_tags": True}
    assert "`stats_config.stats_matcher` is away" in built.different


def ads(**service: Any) -> dict[str, Any]:
    return {
        "ads_config": {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [service]},
        "lds_config": {"ads": {}, "resource_api_version": "V3"},
        "cds_config": {"ads": {}, "resource_api_version": "V3"},
    }


LISTENER = "envoy.config.listener.v3.Listener"
FRONT = served(LISTENER, "front", listener("front", 8080, http("app")))


def test_our_control_plane_answers_where_the_configuration_asks(tmp_path: Path) -> None:
    dynamic = ads(envoy_grpc={"cluster_name": "xds"})
    data = bootstrap([], [cluster("xds", "control.test", 15010)], dynamic_resources=dynamic)
    built = Built(given(data, FRONT), tmp_path / "mine")
    assert built.config()["dynamic_resources"]["ads_config"] == dynamic["ads_config"]
    [told] = [each for each in built.world.dialled if each.cluster == "xds"]
    assert built.place(told.address, 15010).forwards_to == 18000
    assert built.container("control-plane")
    log = (built.folder / "config/served-1.json").read_text()
    assert '"json_format"' in log


@pytest.mark.parametrize(
    "service",
    [
        {"envoy_grpc": {"cluster_name": "by-itself"}},
        {"google_grpc": {"target_uri": "istiod.test:15012", "stat_prefix": "x"}},
        {"envoy_grpc": {"cluster_name": "app"}},
        {"envoy_grpc": {"cluster_name": "missing"}},
    ],
)
def test_it_is_asked_itself_where_that_cannot_be(service: dict[str, Any], tmp_path: Path) -> None:
    eds = {"name": "by-itself", "type": "EDS", "eds_cluster_config": {"eds_config": {"ads": {}}}}
    data = bootstrap([], [eds], dynamic_resources=ads(**service))
    built = Built(given(data, FRONT), tmp_path / "mine")
    [asked] = built.config()["dynamic_resources"]["ads_config"]["grpc_services"]
    assert asked == {"envoy_grpc": {"cluster_name": "takeover-control-plane"}}
    assert "ADS leads to a cluster of this run" in built.different


def test_a_path_of_a_request_or_a_socket_is_no_source_of_configuration(tmp_path: Path) -> None:
    front = listener("front", 8080, http("app"))
    [host] = front["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["virtual_hosts"]
    host["routes"][0]["match"] = {"path": "/one"}
    pipe = cluster("app")
    pipe["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = {"pipe": {"path": "/run/s"}}
    Built(given(bootstrap([], [pipe]), served(LISTENER, "front", front)), tmp_path / "mine")
    assert '"path":"/one"}' in (tmp_path / "mine/config/served-1.json").read_text()
    assert '"path": "/run/s"' in (tmp_path / "mine/envoy.yaml").read_text()


def test_secrets_of_the_control_planes_own_cluster_are_at_hand(tmp_path: Path) -> None:
    secret = {"name": "root", "sds_config": {"path_config_source": {"path": "/certs/root.json"}}}
    secure = cluster("xds", "control.test", 15012, transport_socket=tls(validation_context_sds_secret_config=secret))
    content = {"name": "root", "validation_context": {"trusted_ca": {"filename": "/certs/root.pem"}}}
    resource = served("envoy.extensions.transport_sockets.tls.v3.Secret", "root", content)
    data = bootstrap([], [secure], dynamic_resources=ads(envoy_grpc={"cluster_name": "xds"}))
    built = Built(given(data, FRONT, resource), tmp_path / "mine")
    static = built.config()["static_resources"]
    assert static["secrets"] == [content]
    common = static["clusters"][0]["transport_socket"]["typed_config"]["common_tls_context"]
    assert common == {"validation_context_sds_secret_config": {"name": "root"}}
    [told] = [each for each in built.world.dialled if each.cluster == "xds"]
    assert built.place(told.address, 15012).certificate


def test_the_admin_api_leaves_a_port_at_which_something_is_dialled(tmp_path: Path) -> None:
    admin = {"address": at("127.0.0.1", 15000)}
    built = Built(given(bootstrap([], [cluster("a", "10.2.2.2", 15000)], admin=admin)), tmp_path / "one")
    assert built.config()["admin"]["address"] == at("0.0.0.0", 9901)
    built = Built(given(bootstrap([], [cluster("a")], admin=admin)), tmp_path / "two")
    assert built.config()["admin"]["address"] == at("0.0.0.0", 15000)


def test_envoy_waits_for_routes_and_gets_none_where_none_were_given(tmp_path: Path) -> None:
    def rds(name: str) -> dict[str, Any]:
        found = http("app", rds={"route_config_name": name, "config_source": {"ads": {}}})
        del found["typed_config"]["route_config"]
        return found

    routes = served("envoy.config.route.v3.RouteConfiguration", "there", {"name": "there", "virtual_hosts": []})
    other = served(LISTENER, "nowhere", listener("nowhere", 82, http("app")))  # of that name, and something else
    data = bootstrap([listener("a", 80, rds("there")), listener("b", 81, rds("nowhere"))], [cluster("app")])
    built = Built(given(data, routes, other), tmp_path / "mine")
    waits = [
        each["filter_chains"][0]["filters"][0]["typed_config"]["rds"]["config_source"]["initial_fetch_timeout"]
        for each in built.config()["static_resources"]["listeners"]
    ]
    assert waits == ["0s", "0s"]
    content = (tmp_path / "mine/config/served-1.json").read_text()
    assert '"name":"nowhere","virtual_hosts":[]}' in content
    assert "the routes nowhere are none" in built.different


def test_an_extension_that_nobody_has_is_left_out(tmp_path: Path) -> None:
    def discovered(name: str, **more: Any) -> dict[str, Any]:
        found = {"config_source": {"ads": {}}, "type_urls": [f"{TYPE}envoy.extensions.filters.http.lua.v3.Lua"]}
        return {"name": name, "config_discovery": found | more}

    there = served("envoy.config.core.v3.TypedExtensionConfig", "there", {"name": "there", "typed_config": {}})
    default = discovered("with-default", default_config={"@type": f"{TYPE}envoy.extensions.filters.http.lua.v3.Lua"})
    listeners = [listener("in", 80, http("app", discovered("there"), discovered("nowhere"), default))]
    built = Built(given(bootstrap(listeners, [cluster("app")]), there), tmp_path / "mine")
    [made] = built.config()["static_resources"]["listeners"]
    filters = made["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    assert [each["name"] for each in filters] == ["there", "with-default", "router"]
    at_once = "apply_default_config_without_warming"
    assert [each["config_discovery"].get(at_once) for each in filters[:2]] == [None, True]
    assert "the extension nowhere is left out" in built.different


def test_a_listener_of_whose_filters_none_logs_tells_of_connections_itself(tmp_path: Path) -> None:
    echo = {"name": "echo", "typed_config": {"@type": f"{TYPE}envoy.extensions.filters.network.echo.v3.Echo"}}
    own = file_log("/dev/stdout")
    quiet, loud = listener("quiet", 80, echo, access_log=[own]), listener("loud", 81, echo, tcp("app"))
    built = Built(given(bootstrap([quiet, loud], [cluster("app")])), tmp_path / "mine")

    made = {each["name"]: each.get("access_log", []) for each in built.config()["static_resources"]["listeners"]}
    assert [len(made["quiet"]), len(made["loud"])] == [2, 0]
    form = made["quiet"][1]["typed_config"]["log_format"]["json_format"]
    assert (form["listener"], form["filter_chain"]) == ("quiet", "%FILTER_CHAIN_NAME%")


def test_tcp_has_our_log_too(tmp_path: Path) -> None:
    built = Built(given(bootstrap([listener("in", 80, tcp("app"))], [cluster("app")])), tmp_path / "mine")
    [ours] = loggers(built)
    assert "upstream_host" in ours["typed_config"]["log_format"]["json_format"]


def test_the_same_configuration_makes_the_same_folder(tmp_path: Path) -> None:
    data = bootstrap([listener("in", 80, http("app"))], [cluster("app", "a.test", transport_socket=tls())])
    folders = [Built(given(data), tmp_path / name / "mine").folder for name in ("one", "two")]
    one, two = ({path.relative_to(each): path.read_bytes() for path in each.rglob("*") if path.is_file()}
                for each in folders)  # fmt: skip
    assert one == two


def test_the_health_of_an_endpoint_is_checked_once(tmp_path: Path) -> None:
    check = {
        "timeout": "1s",
        "interval": "5s",
        "unhealthyInterval": "1s",
        "interval_jitter": "1s",
        "http_health_check": {"path": "/healthz"},
    }
    clusters = [cluster("app", health_checks=[check]), cluster("other")]
    built = Built(given(bootstrap([], clusters)), tmp_path / "mine")
    app, other = built.config()["static_resources"]["clusters"]
    assert app["health_checks"] == [
        {
            "timeout": "10s",
            "interval": "86400s",
            "no_traffic_interval": "86400s",
            "http_health_check": {"path": "/healthz"},
        }
    ]
    assert "health_checks" not in other
    assert [each for each in built.different if "checked once" in each] == [
        "the health of clusters is checked once, at the start, each time for 10 s at least"
    ]


def test_envoy_does_not_wait_for_what_nobody_has(tmp_path: Path) -> None:
    source: dict[str, Any] = {"eds_config": {"ads": {}}}
    clusters = [
        {"name": name, "type": "EDS", "connect_timeout": "1s", "eds_cluster_config": dict(source)}
        for name in ("there", "nowhere")
    ]
    endpoints = served("envoy.config.endpoint.v3.ClusterLoadAssignment", "there", cluster("there")["load_assignment"])
    other = served(LISTENER, "nowhere", listener("nowhere", 82, http("there")))  # of that name, and something else
    built = Built(given(bootstrap([], copy.deepcopy(clusters)), endpoints, other), tmp_path / "mine")
    waits = {
        each["name"]: each["eds_cluster_config"]["eds_config"]["initial_fetch_timeout"]
        for each in built.config()["static_resources"]["clusters"]
        if each["name"] != "takeover-control-plane"
    }
    assert waits == {"there": "0s", "nowhere": "0.1s"}


def test_loggers_that_call_somebody_send_each_entry_at_once(tmp_path: Path) -> None:
    kinds = ("grpc.v3.HttpGrpcAccessLogConfig", "open_telemetry.v3.OpenTelemetryAccessLogConfig")
    service = {"envoy_grpc": {"cluster_name": "log"}}
    commons: list[dict[str, Any]] = [{"log_name": "a", "grpc_service": service, "buffer_size_bytes": 99}, {}]
    logs = [
        {
            "name": "log",
            "typed_config": {"@type": f"{TYPE}envoy.extensions.access_loggers.{kind}", "common_config": common},
        }
        for kind, common in zip(kinds, commons, strict=True)
    ]
    web = listener("in", 80, http("app", access_log=logs))
    built = Built(given(bootstrap([web], [cluster("app"), cluster("log", "10.0.0.9")])), tmp_path / "mine")
    [made] = built.config()["static_resources"]["listeners"]
    [*sent, _] = made["filter_chains"][0]["filters"][0]["typed_config"]["access_log"]
    first, second = (each["typed_config"] for each in sent)
    assert first["common_config"]["buffer_size_bytes"] == 0
    assert second["buffer_size_bytes"] == 0
    assert any("send each entry at once" in each for each in built.different)


@pytest.mark.parametrize("flushes", [{"stats_flush_on_admin": True}, {"stats_flush_interval": "0.1s"}, {}])
@pytest.mark.parametrize("has_sinks", [True, False])
def test_sinks_are_told_of_statistics_at_another_time_than_probes_are_made(
    has_sinks: bool, flushes: dict[str, Any], tmp_path: Path
) -> None:
    told = {"stats_sinks": [{"name": "envoy.stat_sinks.statsd"}]} if has_sinks else {}
    web = listener("in", 80, http("app"))
    built = Built(given(bootstrap([web], [cluster("app")], **told, **flushes)), tmp_path / "mine")
    config = built.config()
    left = {name: config[name] for name in ("stats_flush_on_admin", "stats_flush_interval") if name in config}
    assert left == ({"stats_flush_interval": "299s"} if has_sinks else flushes)
    assert any("told of statistics" in each for each in built.different) == has_sinks
