"""A configuration is read in every form that people have, told by what is in it."""

import json
import os
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.check.given import read
from takeover.check.given.json_lines import lines_of
from takeover.check.given.unknown import for_envoys
from takeover.check.records import Given

HTTP = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
YAML = f"""\
!ignore sockets:
  - &address {{ address: 127.0.0.1, port_value: 10000 }}
admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, portValue: 0 }} }} }}
static_resources:
  listeners:
  - name: front
    address: {{ socketAddress: *address }}
    filterChains:
    - filters:
      - name: http
        typed_config:
          stat_prefix: front
          use_remote_address: yes
          "@type": {HTTP}
          route_config:
            virtual_hosts:
            - {{ name: all, domains: ["*"], routes: [{{ match: {{ prefix: / }}, route: {{ cluster: behind }} }}] }}
  clusters:
  - name: behind
    loadAssignment: {{ cluster_name: behind }}
"""
TEXT = f"""\
# as google.protobuf.TextFormat has it
admin {{ address {{ socket_address {{ address: "127.0.0.1" port_value: 0 }} }} }}
static_resources {{
  listeners {{
    name: "front"
    address {{ socket_address {{ address: "127.0.0.1" port_value: 10000 }} }}
    filter_chains {{ filters {{
      name: "http"
      typed_config {{ [{HTTP}] {{
        stat_prefix: "front"
        use_remote_address {{ value: true }}
        route_config {{ virtual_hosts {{
          name: "all" domains: "*" routes {{ match {{ prefix: "/" }} route {{ cluster: "behind" }} }}
        }} }}
      }} }}
    }} }}
  }}
  clusters {{ name: "behind" load_assignment {{ cluster_name: "behind" }} }}
}}
"""


def given(folder: Path, text: str, name: str = "My_Envoy.v2.conf") -> Given:
    path = folder / name
    path.write_text(text)
    return read(path, {})


def refused(folder: Path, text: str | bytes) -> str:
    path = folder / "given.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadInputError) as caught:
        read(path, {})
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}")


def test_yaml_json_and_text_proto_are_one(tmp_path: Path) -> None:
    yaml = given(tmp_path, YAML)
    as_json = given(tmp_path, json.dumps(yaml.bootstrap, indent=1))
    text = given(tmp_path, TEXT)

    assert (yaml.name, yaml.kind) == ("my-envoy", "bootstrap")
    assert yaml.bootstrap == as_json.bootstrap == text.bootstrap
    [listener] = yaml.bootstrap["static_resources"]["listeners"]
    assert listener["address"] == {"socket_address": {"address": "127.0.0.1", "port_value": 10000}}
    typed = listener["filter_chains"][0]["filters"][0]["typed_config"]
    assert list(typed) == ["@type", "stat_prefix", "use_remote_address", "route_config"]
    assert typed["use_remote_address"] is True


def test_resources_have_their_places_those_that_stand_in_others_too(tmp_path: Path) -> None:
    found = {
        (each.type_url.rpartition(".")[2], each.name): each for each in given(tmp_path, YAML, "given.yaml").resources
    }
    listener = found["Listener", "front"]
    route = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config"

    assert (listener.place.path, listener.place.line) == ("static_resources.listeners[0]", 6)
    assert listener.data["@type"] == listener.type_url
    assert (listener.is_static, listener.is_inline) == (True, False)
    inline = found["RouteConfiguration", route]
    assert (inline.place.path, inline.place.line, inline.is_inline) == (route, 15, True)
    assert found["Cluster", "behind"].place.line == 19
    assert found["ClusterLoadAssignment", "behind"].is_inline
    assert len(found) == 4


def test_listeners_without_a_name_are_called_by_their_address_and_quoted_numbers_are_numbers(tmp_path: Path) -> None:
    address = {"socket_address": {"address": "0.0.0.0", "port_value": "8080"}}
    read_ = given(tmp_path, json.dumps({"static_resources": {"listeners": [{"address": address}, {}]}}))
    assert [each.name for each in read_.resources] == ["0.0.0.0:8080", "static_resources.listeners[1]"]
    assert read_.resources[0].data["address"]["socket_address"]["port_value"] == 8080


def test_one_of_tcp_and_one_of_udp_at_one_port_are_two(tmp_path: Path) -> None:
    at = {"address": "0.0.0.0", "port_value": 8080}
    listeners = [{"address": {"socket_address": at | more}} for more in ({"protocol": "UDP"}, {})]
    read_ = given(tmp_path, json.dumps({"static_resources": {"listeners": listeners}}))
    assert [each.name for each in read_.resources] == ["0.0.0.0:8080/udp", "0.0.0.0:8080"]


def test_a_field_whose_name_is_no_word_is_a_misspelt_one(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no such field"):
        for_envoys(given(tmp_path, '{"admin": {}, "-": 1}'), [])


def test_one_stands_for_a_list_of_one_as_protobuf_takes_it(tmp_path: Path) -> None:
    ads = {"api_type": "GRPC", "grpc_services": {"envoy_grpc": {"cluster_name": "agent"}}}
    read_ = given(tmp_path, json.dumps({"dynamic_resources": {"ads_config": ads}}))
    assert read_.bootstrap["dynamic_resources"]["ads_config"]["grpc_services"] == [ads["grpc_services"]]


def test_what_is_no_configuration_is_refused_in_a_line(tmp_path: Path) -> None:
    assert refused(tmp_path, " \n") == ": is empty: give a bootstrap, or what /config_dump answers"
    assert ": is no text" in refused(tmp_path, b"\x7fELF\0\1")
    assert ": is UTF-16" in refused(tmp_path, "{}".encode("utf-16"))
    assert refused(tmp_path, '{"admin": {},\n "x" "y"}').startswith(":2: not JSON")
    assert refused(tmp_path, '{"admin": {},\n "admin": {}}') == ":2: key 'admin' is there twice: leave one out"
    assert ": a template" in refused(tmp_path, "{% import 'x' %}\nadmin: {}\n")
    assert refused(tmp_path, "admin {\n  addres { }\n}\n").startswith(":2: not a bootstrap as text proto")
    told = refused(
        tmp_path, 'static_resources { clusters { name: "a" connect_timeout { seconds: "hunter2-of-ours" } } }\n'
    )
    assert told.startswith(":1: not a bootstrap as text proto")
    assert "hunter2" not in told
    for wrong in (
        'node { metadata { fields { key: "a" value { number_value: nan } } } }',
        "static_resources { clusters { connect_timeout { seconds: 999999999999 } } }",
    ):
        assert refused(tmp_path, wrong).startswith(": not a bootstrap as text proto: ")
    packed = (
        'static_resources {{ clusters {{ transport_socket {{ typed_config {{ type_url: "{}" value: "abc" }} }} }} }}'
    )
    assert "give the bootstrap as JSON or YAML" in refused(tmp_path, packed.format("type.googleapis.com/foo.Bar"))
    assert ": not a bootstrap as text proto: " in refused(tmp_path, packed.format(HTTP))
    assert "nested" in refused(tmp_path, "[" * 100_000)
    assert refused(tmp_path, '{"a":' * 300 + "1" + "}" * 300) == ": nested more than 200 levels deep"
    assert "nested" in refused(tmp_path, "admin {\n" * 500 + "}\n" * 500)
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{each}: &a{each} [{','.join([f'*a{each - 1}'] * 10)}]\n" for each in range(1, 9)
    )
    assert "more than 1000000 values, aliases expanded" in refused(tmp_path, bomb)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    others = ((tmp_path / "pipe", "it is a pipe"), (tmp_path, "it is a folder"), (tmp_path / "x", "No such file"))
    for path, why in others:
        with pytest.raises(BadInputError, match=f"cannot be read: {why}"):
            read(path, {})
    with pytest.raises(BadInputError, match="cannot be read: it is a device"):
        read(Path("/dev/zero"), {})


def test_what_else_people_have_is_told_and_what_to_give_instead(tmp_path: Path) -> None:
    filter_ = "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nspec: {}\n"
    assert "(EnvoyFilter of networking.istio.io/v1alpha3)" in refused(tmp_path, filter_)
    assert "istioctl proxy-config all" in refused(tmp_path, filter_)
    assert "take the Envoy configuration out" in refused(tmp_path, "apiVersion: v1\nkind: ConfigMap\ndata: {}\n")
    listener = "name: a\naddress: {}\nfilter_chains: []\n"
    assert refused(tmp_path, listener).startswith(":1: a Listener alone: give the bootstrap")
    typed = '{"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "a"}'
    assert "a Cluster alone" in refused(tmp_path, typed)
    assert ":1: a list of Cluster:" in refused(tmp_path, f"[{typed}]")
    assert "resources of xDS" in refused(tmp_path, f'{{"resources": [{typed}]}}')
    assert "(it has services, volumes)" in refused(tmp_path, "services: {}\nvolumes: {}\n")
    assert "holds 2 documents" in refused(tmp_path, "admin: {}\n---\nadmin: {}\n")


def test_v2_and_wrong_forms_are_named_by_path_and_line(tmp_path: Path) -> None:
    def with_filter(config: str) -> str:
        return f"static_resources:\n  listeners:\n  - filter_chains:\n    - filters:\n      - {config}\n"

    at = ":5: static_resources.listeners[0].filter_chains[0].filters[0]"
    v2 = "type.googleapis.com/envoy.config.filter.network.tcp_proxy.v2.TcpProxy"
    told = refused(tmp_path, with_filter(f"{{ name: a, typed_config: {{ '@type': {v2} }} }}"))
    assert told.startswith(f"{at}.typed_config: envoy.config.filter.network.tcp_proxy.v2.TcpProxy is of Envoy's v2 API")
    assert refused(tmp_path, with_filter("{ name: a, config: {} }")).startswith(f"{at}.config: no such field: v2's")
    assert refused(tmp_path, "admin: []\n") == ":1: admin: must be a mapping, not a list"
    assert refused(tmp_path, "admin: {}\nflags_path: {}\n") == ":2: flags_path: must be a single value, not a mapping"
    assert ":1: not a bootstrap" not in refused(tmp_path, TEXT.replace(HTTP, v2))


def test_fields_that_nobody_here_knows_are_for_the_tested_envoys_to_judge_if_one_has_their_name(tmp_path: Path) -> None:
    file = tmp_path / "envoy.yaml"
    file.write_text("admin:\n  newlyMade: 1\n  adress: {}\n  adres: {}\n")
    whole = read(file, {})
    assert whole.bootstrap == {"admin": {"newlyMade": 1, "adress": {}, "adres": {}}}
    names = {"old": b"nothing", "new": b"...newly_made...", "newest": b"newly_made, adress, adres"}
    old, new, newest = (tmp_path / each for each in names)
    for each in (old, new, newest):
        each.write_bytes(names[each.name])
    with pytest.raises(BadInputError) as error:
        for_envoys(whole, [old, new])
    assert str(error.value).endswith(":3: admin.adress: no such field: look how it is written; neither are admin.adres")
    [told] = for_envoys(whole, [old, newest]).different
    assert told.what == "not looked into: admin.newlyMade, admin.adress, admin.adres"
    assert told.place is not None
    assert told.place.line == 2


def test_types_that_nobody_here_knows_are_for_the_tested_envoy_to_judge(tmp_path: Path) -> None:
    mine = '{"@type": "type.googleapis.com/mine.v1.Filter", "anyThing": [1]}'
    text = (
        f'{{"static_resources": {{"listeners": [{{"listener_filters": [{{"name": "a", "typed_config": {mine}}}]}}]}}}}'
    )
    read_ = given(tmp_path, text)
    [different] = read_.different
    [listener] = read_.bootstrap["static_resources"]["listeners"]

    assert different.what == "not looked into: mine.v1.Filter"
    assert different.place is not None
    assert different.place.path == "static_resources.listeners[0].listener_filters[0].typed_config"
    assert listener["listener_filters"][0]["typed_config"] == json.loads(mine)


def test_lines_of_json_are_those_of_its_keys_and_values() -> None:
    lines, twice = lines_of('{\n "a": [\n  1,\n  {"b\\u0063": "x, } \\"",\n   "d": null}\n ]\n}')
    assert lines == {(): 1, ("a",): 2, ("a", 0): 3, ("a", 1): 4, ("a", 1, "bc"): 4, ("a", 1, "d"): 5}
    assert twice is None
