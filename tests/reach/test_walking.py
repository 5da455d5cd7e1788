"""What is met on the way through a configuration."""

from takeover.reach.fields import fields_reached
from takeover.reach.walking import walk

_HTTP = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = {
    "name": "router",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
}
_LISTENER = "envoy.config.listener.v3.Listener"


def test_a_message_in_an_any_is_met_with_its_place_and_with_what_it_stands_in() -> None:
    typed = {"@type": f"type.googleapis.com/{_HTTP}", "statPrefix": "one", "http_filters": [_ROUTER]}
    listener = {"name": "one", "filter_chains": [{"filters": [{"name": "http", "typed_config": typed}]}]}

    met = {each.message: each for each in walk(_LISTENER, listener)}

    http, router = met[_HTTP], met["envoy.extensions.filters.http.router.v3.Router"]
    assert (http.name, http.is_packed, http.fields) == ("http", True, ("stat_prefix", "http_filters"))
    assert http.path == ("filter_chains", 0, "filters", 0, "typed_config")
    assert http.value("stat_prefix") == "one"
    assert router.path == (*http.path, "http_filters", 0, "typed_config")
    assert (_LISTENER in router.above, _HTTP in router.above, router.fields) == (True, True, ())


def test_maps_typed_structs_and_what_is_not_known_are_walked_through() -> None:
    buffer = {"@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute", "disabled": True}
    struct = {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        "type_url": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
        "value": {"max_request_bytes": 1},
    }
    unknown = {
        "@type": "type.googleapis.com/envoy.extensions.of.tomorrow.v3.New",
        "within": [{"name": "b", "c": struct}],
    }
    route = {"typed_per_filter_config": {"a": buffer, "new": unknown}}

    met = {each.message.rpartition(".")[2]: each for each in walk("envoy.config.route.v3.Route", route)}

    assert met["BufferPerRoute"].name == "a"
    assert (met["New"].is_known, met["New"].unknown) == (False, ("within",))
    assert met["Buffer"].fields == ("max_request_bytes",)
    assert met["Buffer"].path[-3:] == ("within", 0, "c")  # where the struct stands, not what is in it


def test_a_resource_is_met_by_the_short_name_of_its_type_also_within_another() -> None:
    cluster = {"@type": "cds", "name": "one", "connect_timeout": "1s"}
    wrapper = {"@type": "type.googleapis.com/envoy.service.discovery.v3.Resource", "name": "two", "resource": cluster}

    met = {each.path: each for each in walk("", {"resources": [cluster, wrapper]})}

    for path in (("resources", 0), ("resources", 1, "resource")):
        assert met[path].message == "envoy.config.cluster.v3.Cluster"
        assert met[path].fields == ("name", "connect_timeout")


def test_fields_are_counted_by_message_deprecated_and_unknown_ones_apart() -> None:
    cluster = {"name": "a", "connectTimeout": "1s", "lb_policy": None, "of_tomorrow": 1, "track_timeout_budgets": True}
    message = "envoy.config.cluster.v3.Cluster"

    [reached] = fields_reached(walk(message, cluster), [message])

    assert reached.set == ["name", "connect_timeout"]  # what is null is not set
    assert (reached.set_deprecated, reached.unknown) == (["track_timeout_budgets"], ["of_tomorrow"])
    assert "track_timeout_budgets" in reached.deprecated
    assert "lb_policy" in reached.missing
    assert reached.total == len(reached.missing) + 2
