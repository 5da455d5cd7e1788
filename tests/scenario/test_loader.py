from collections.abc import Callable
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.probes.probe_file import read_probes
from takeover.scenario.edits import ClusterIp, ConfigId, Edit, HostName, add, append, remove, replace
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
from takeover.scenario.places import services_that_select
from takeover.scenario.supplying import CONFIG_ID
from takeover.scenario.yaml_text import parse_yaml
from tests.scenario.conftest import FILES, load

ADDRESS = "$.static_resources.listeners[?@.name=='one'].address.socket_address.address"


class Bound:
    def cluster_ip(self, service: str) -> str:
        return f"ip of {service}"

    def host_name(self, service: str) -> str:
        return f"host of {service}"

    def config_id(self) -> str:
        return "config-id"


@pytest.fixture
def demo(folder: Callable[..., Path]) -> Scenario:
    return load(folder())


def envoy(scenario: Scenario, *, bound: bool) -> dict[str, object]:
    (document,) = parse_yaml(scenario.config_files(Bound() if bound else None)["envoy.yaml"], Path("envoy.yaml"))
    value: dict[str, object] = document.value
    return value


def test_what_a_scenario_says_of_itself(demo: Scenario) -> None:
    assert (demo.name, demo.title, demo.chinese, demo.article, demo.chapter) == ("demo", "Demo", "演示", "1", "inbound")
    assert demo.namespaces() == ["default", "v1"]


def test_bound_objects_are_complete_and_in_order(demo: Scenario) -> None:
    objects = demo.bound(Bound())
    assert [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects] == [
        ("Namespace", None, "v1"),
        ("ConfigMap", "v1", "settings"),
        ("ConfigMap", "default", "envoyconfig"),
        ("Service", "default", "web"),
        ("Service", "v1", "app"),
        ("Pod", "default", "web"),
    ]
    assert objects[1]["data"] == {"app.conf": "a b\n", "other": "a b\n"}
    assert "id: config-id" in objects[2]["data"]["envoy.yaml"]
    assert "address: ip of web" in objects[2]["data"]["envoy.yaml"].replace('"', "")
    objects[5]["metadata"]["name"] = "changed"
    assert demo.bound(Bound())[5]["metadata"]["name"] == "web"


def test_an_unedited_config_stays_byte_for_byte(folder: Callable[..., Path]) -> None:
    root = folder({"scenario.yaml": ABOUT})
    scenario = load(root)
    assert scenario.config_files() == {"app.conf": "a b\n", "envoy.yaml": (root / "envoy.yaml").read_text()}
    bound = scenario.config_files(Bound())
    assert bound["app.conf"] == "a b\n"
    assert scenario.config_maps(Bound())[1]["data"] == {"envoy.yaml": bound["envoy.yaml"]}


def test_a_file_that_is_not_text_is_binary_data_as_kustomize_has_it(folder: Callable[..., Path]) -> None:
    kustomization = """\
resources: [pod.yaml, part]
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator:
- {name: envoyconfig, files: [envoy.yaml, filter.wasm]}
"""
    root = folder({"kustomization.yaml": kustomization, "filter.wasm": ""})
    content = b"\0asm\x01\0\0\0\xff"
    (root / "filter.wasm").write_bytes(content)
    made = load(root).config_maps(Bound())[1]
    assert (list(made["data"]), made["binaryData"]) == (["envoy.yaml"], {"filter.wasm": "AGFzbQEAAAD/"})
    assert "filter.wasm" not in load(root).config_files()
    with pytest.raises(BadInputError, match=r"filter.wasm: not a YAML file: it cannot be edited"):
        load(root).edited([replace("filter.wasm", "$", "")])


def test_edits_give_another_scenario(demo: Scenario) -> None:
    edited = demo.edited(
        [replace("envoy.yaml", "$.node.cluster", "x"), append("Pod/web", "$.spec.containers[0].env", {})]
    )
    again = edited.edited([replace("envoy.yaml", "$.node.cluster", "y", was="x")])
    assert [envoy(each, bound=True)["node"] for each in (demo, edited, again)] == [
        {"id": "config-id", "cluster": cluster, "metadata": {CONFIG_ID: "config-id"}} for cluster in ("demo", "x", "y")
    ]
    assert envoy(again, bound=False)["node"] == {"id": "from-the-manifest", "cluster": "y"}
    assert [len(each.objects()[0]["spec"]["containers"][0]["env"]) for each in (demo, edited, again)] == [0, 1, 1]


def test_edits_of_objects_reach_the_bound_ones(demo: Scenario) -> None:
    edited = demo.edited(
        [
            add(
                "Pod/default/web",
                "$.spec.containers[0]",
                "args",
                [ClusterIp("default/web"), HostName("v1/app"), ConfigId()],
            ),
            remove("Service/web", "$.spec.clusterIP", was="10.107.42.16"),
        ]
    )
    assert edited.bound(Bound())[-1]["spec"]["containers"][0]["args"] == ["ip of web", "host of v1/app", "config-id"]
    assert edited.objects()[0]["spec"]["containers"][0]["args"] == ["192.0.2.1", "app.v1.svc.cluster.local", "unbound"]
    assert edited.unbound_services()[0] == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"ports": [{"port": 80}]},
    }


BIND = """\
- in: Service/web
  remove: $.spec.clusterIP
  was: 10.107.42.16
- in: Pod/web
  add: $.spec.containers[0]
  key: args
  with: []
- in: Pod/web
  append: $.spec.containers[0].env
  with: {name: IP}
- in: Pod/web
  add: $.spec.containers[0].env[?@.name=='IP']
  key: value
  with: {cluster_ip: web}
"""


@pytest.mark.parametrize(
    ("edits", "node", "address", "spec"),
    [
        ([], "config-id", "ip of web", {"ports": [{"port": 80}]}),
        ([replace("envoy.yaml", "$.node.id", "x")], "x", "ip of web", {"ports": [{"port": 80}]}),
        (
            [replace("envoy.yaml", ADDRESS, HostName("v1/app")), remove("Service/web", "$.spec.clusterIP")],
            "config-id", "host of v1/app", {"ports": [{"port": 80}]},
        ),
        (
            [replace("Service/web", "$.spec.clusterIP", "10.0.0.9"), replace("envoy.yaml", ADDRESS, "10.0.0.9")],
            "config-id", "10.0.0.9", {"clusterIP": "10.0.0.9", "ports": [{"port": 80}]},
        ),
        # What an edit leaves as it is written is not its own.
        ([replace("envoy.yaml", ADDRESS, "10.107.42.16")], "config-id", "ip of web", {"ports": [{"port": 80}]}),
    ],
)  # fmt: skip
def test_what_an_edit_puts_at_a_place_of_bind_stays(
    folder: Callable[..., Path], edits: list[Edit], node: str, address: str, spec: dict[str, object]
) -> None:
    demo = load(folder({"scenario.yaml": FILES["scenario.yaml"] + BIND})).edited(edits)
    [config] = (each.value for each in parse_yaml(demo.config_files(Bound())["envoy.yaml"], Path("envoy.yaml")))
    objects = {f"{each['kind']}/{each['metadata']['name']}": each for each in demo.bound(Bound())}

    assert config["node"]["id"] == node
    assert config["static_resources"]["listeners"][0]["address"]["socket_address"]["address"] == address
    assert objects["Service/web"]["spec"] == spec


def test_a_key_and_an_entry_that_edits_add_do_not_forbid_those_of_bind(folder: Callable[..., Path]) -> None:
    container = "$.spec.containers[0]"
    edits = [add("Pod/web", container, "args", ["-x"]), append("Pod/web", f"{container}.env", {"name": "OTHER"})]
    demo = load(folder({"scenario.yaml": FILES["scenario.yaml"] + BIND})).edited(edits)
    found = demo.bound(Bound())[-1]["spec"]["containers"][0]

    assert found["args"] == ["-x"]
    assert found["env"] == [{"name": "OTHER"}, {"name": "IP", "value": "ip of web"}]


NESTED = """\
- in: envoy.yaml
  add: $
  key: layered_runtime
  with: {layers: [{name: run, static_layer: {address: {cluster_ip: web}, name: {host_name: v1/app}}}]}
"""


def test_what_only_a_run_knows_may_stand_deep_in_a_value(folder: Callable[..., Path]) -> None:
    demo = load(folder({"scenario.yaml": FILES["scenario.yaml"] + NESTED}))
    [config] = (each.value for each in parse_yaml(demo.config_files(Bound())["envoy.yaml"], Path("envoy.yaml")))

    layer = {"name": "run", "static_layer": {"address": "ip of web", "name": "host of v1/app"}}
    assert config["layered_runtime"] == {"layers": [layer]}


def test_was_of_bind_is_held_to_what_is_written(folder: Callable[..., Path]) -> None:
    told = r':7: envoy.yaml: \$.node.id: is "other", not "from-the-manifest" as `was` says$'
    with pytest.raises(BadInputError, match=told):
        load(folder({"envoy.yaml": FILES["envoy.yaml"].replace("from-the-manifest", "other")}))


THERE = "envoy.yaml, Pod/default/web, Service/default/web, Namespace/v1, Service/v1/app"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (replace("nope.yaml", "$.a", 1), f"nope.yaml: no such document; there are {THERE}"),
        (replace("Pod/nope", "$.a", 1), f"Pod/nope: no such document; there are {THERE}"),
        (replace("app.conf", "$.a", 1), "app.conf: not a YAML file: it cannot be edited"),
        (replace("envoy.yaml", ADDRESS, ClusterIp("x")), f"envoy.yaml: {ADDRESS}: no Service x; there are web, v1/app"),
        (
            replace("Service/web", "$.spec.clusterIP", ConfigId()),
            "Service/web: $.spec.clusterIP: a Service comes before what only a run knows",
        ),
        (
            replace("Pod/web", "$.metadata.name", "x"),
            "Pod/web: $.metadata.name: apiVersion, kind, name and namespace of an object cannot be edited",
        ),
        (
            add("Pod/web", "$.metadata", "namespace", "x"),
            "Pod/web: $.metadata: apiVersion, kind, name and namespace of an object cannot be edited",
        ),
        (
            remove("envoy.yaml", "$.node.id"),
            "FOLDER/scenario.yaml:7: envoy.yaml: $.node.id: matches nothing: $['node'] is a mapping with cluster",
        ),
    ],
)
def test_refused_edits(demo: Scenario, edit: Edit, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        demo.edited([edit])
    assert str(caught.value) == message.replace("FOLDER", str(demo.folder))


def test_an_object_in_several_namespaces_needs_its_namespace(folder: Callable[..., Path]) -> None:
    service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: app}\nspec: {type: ClusterIP}\n"
    demo = load(folder({"pod.yaml": f"{FILES['pod.yaml']}{service}", "scenario.yaml": ABOUT}))
    with pytest.raises(BadInputError, match=r"^Service/app: several objects: Service/default/app, Service/v1/app$"):
        demo.edited([remove("Service/app", "$.spec")])
    demo.edited([remove("Service/default/app", "$.spec")])


ABOUT = "title: a\nchinese: b\narticle: '1'\nenvoys: [{pod: web, container: web}]\n"
TRY = f"{ABOUT}try:\n- {{command: 'ls', shows: a, in: "
EDIT = f"{ABOUT}bind:\n- in: envoy.yaml\n"


def test_a_line_to_try_gets_what_only_a_run_knows(folder: Callable[..., Path]) -> None:
    command = "curl {host_name: v1/app} {cluster_ip: web} {pod_ip: default/web} %{http_code}"
    [line] = load(folder({"scenario.yaml": f"{TRY}web/web}}".replace("ls", command)})).try_lines
    assert (line.pod, line.container, line.shows) == ("web", "web", "a")
    known = line.with_values(host_name="h {}".format, cluster_ip="c {}".format, pod_ip="p {}".format)
    assert known == "curl h v1/app c web p default/web %{http_code}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{ABOUT}author: me",
            ":5: author is not supported; supported: title, chinese, article, chapter, envoys, destinations, supports, "
            "known_failures, swept, bind, try",
        ),
        (ABOUT.replace("'1'", "1"), ":3: article must be a string, not a number"),
        (ABOUT.replace("envoys", "# envoys"), ":1: envoys is missing"),
        (ABOUT.replace("[{pod: web, container: web}]", "[]"), ":4: envoys must not be empty"),
        (ABOUT.replace("{pod: web", "{pod: none"), ":4: no Pod none; there are web"),
        (ABOUT.replace("container: web", "container: none"), ":4: Pod web has no container none; it has web"),
        (ABOUT.replace("web}", "web, config: e.yaml}"), ":4: no file e.yaml; the ConfigMaps have envoy.yaml"),
        (ABOUT.replace("web}", "web, beside: [traces]}"), ":4: no cluster traces in envoy.yaml; there are none"),
        (
            ABOUT.replace("web}", "web, admin: 0}"),
            ":4: envoys[0].admin must be a whole number at least 1 and at most 65535, not 0",
        ),
        (
            ABOUT.replace("web}", "web}, {pod: web, container: web}"),
            ":4: web/web is there twice; first in ROOT/scenario.yaml:4",
        ),
        (
            f"{ABOUT}destinations: [{{pod: web, container: b, port: 1, log: json}}]",
            ":5: Pod web has no container b; it has web",
        ),
        (
            f"{ABOUT}destinations: [{{pod: web, container: web, port: 1, log: json, fields: {{uri: 1}}}}]",
            ":5: each value of destinations[0].fields must be a string",
        ),
        (f"{TRY}web/none}}", ":6: Pod web has no container none; it has web"),
        (f"{TRY}none/web}}", ":6: none/web: no such place; there are web/web"),
        (f"{TRY}web/web}}".replace("ls", "ls {cluster_ip: no}"), ":6: no Service no; there are v1/app, web"),
        (f"{TRY}web/web}}".replace("ls", "ls {pod_ip: no}"), ":6: no Pod no; there are web"),
        (f"{ABOUT}try:\n- {{in: web/web, command: ls}}", ":6: try[0].shows is missing"),
        (f"{ABOUT}run: []", ":5: run is now called bind"),
        (f"{ABOUT}bind: {{}}", ":5: bind must be a list, not a mapping"),
        (
            f"{EDIT}  replace: $.a\n  by: 1",
            ":8: bind[0].by is not supported; supported: in, replace, add, append, remove, with, key, was",
        ),
        (f"{EDIT}  with: 1", ":6: an edit has one of replace, add, append, remove, not none"),
        (
            f"{EDIT}  replace: $.a\n  remove: $.b",
            ":6: an edit has one of replace, add, append, remove, not replace and remove",
        ),
        (f"{EDIT}  replace: $.a", ":6: replace needs `with`"),
        (f"{EDIT}  remove: $.a\n  with: 1", ":6: remove takes no `with`"),
        (f"{EDIT}  add: $.a\n  with: 1", ":6: envoy.yaml: $.a: add needs a key that is a string, not null"),
        (f"{EDIT}  append: $.a\n  with: {{config_id: false}}", ":8: config_id must be true"),
        (
            f"{EDIT}  append: $.a\n  with: {{config_id: 1}}",
            ":8: bind[0].with.config_id must be a boolean, not a number",
        ),
        (
            f"{EDIT}  append: $.a\n  with: {{a: [{{config_id: 1}}]}}",
            ":8: bind[0].with.a[0].config_id must be a boolean, not a number",
        ),
        (f"{EDIT}  append: $.a\n  with: {{mark: true}}", ":8: bind[0].with.mark is now called config_id"),
        (
            f"{EDIT}  append: $.a\n  with: {{cluster_ip: 1}}",
            ":8: bind[0].with.cluster_ip must be a string, not a number",
        ),
        (f"{EDIT}  remove: 3", ":7: bind[0].remove must be a string, not a number"),
        (f"{EDIT}  remove: $.a", ":6: envoy.yaml: $.a: matches nothing: $ is a mapping with node, static_resources"),
    ],
)
def test_refused_scenario_files(folder: Callable[..., Path], text: str, message: str) -> None:
    root = folder({"scenario.yaml": text})
    with pytest.raises(BadInputError) as caught:
        load(root)
    assert str(caught.value) == f"{root}/scenario.yaml{message}".replace("ROOT", str(root))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scenario.yaml": None}, "no scenario 'demo'; there are none"),
        ({"envoy.yaml": "a: 1\na: 2"}, "ROOT/envoy.yaml:2: key 'a' is there twice; first in line 1"),
        (
            {
                "part/kustomization.yaml": "namespace: v2\nresources: [b.yaml]",
                "part/b.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p}",
            },
            "ROOT/part/b.yaml:1: Pod/v2/p: no Namespace v2 in this scenario: add it",
        ),
        (
            {
                "part/envoy.yaml": "a: 1",
                "part/kustomization.yaml": "generatorOptions: {disableNameSuffixHash: true}\n"
                "configMapGenerator:\n- name: c\n  files: [envoy.yaml]",
            },
            "ROOT/kustomization.yaml:6: envoy.yaml is also the name of ROOT/part/envoy.yaml: rename one",
        ),
    ],
)
def test_refused_folders(folder: Callable[..., Path], changes: dict[str, str | None], message: str) -> None:
    root = folder(changes)
    with pytest.raises(BadInputError) as caught:
        load(root)
    assert str(caught.value) == message.replace("ROOT", str(root))


def test_unknown_scenarios(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        Library.bundled().scenario("nope")
    assert str(caught.value) == f"no scenario 'nope'; there are {', '.join(Library.bundled().names())}"
    with pytest.raises(BadInputError, match=r"/nope: no such folder; scenarios are folders in it with scenario\.yaml$"):
        Library(tmp_path / "nope")


BESIDE = ABOUT.replace("web}", "web, beside: [traces, logs]}")
BY_FILE = "dynamic_resources: {cds_config: {path_config_source: {path: /etc/envoy/cds.yaml}}}\n"
BY_OTHERS = "dynamic_resources: {cds_config: {ads: {}}}\n"


@pytest.mark.parametrize(
    ("config", "more", "told"),
    [
        ("static_resources: {clusters: [{name: traces}, {name: logs, alt_stat_name: l}]}", "[]", ("traces", "l")),
        ("static_resources: {clusters: [{name: traces}, {name: x, altStatName: logs}]}", "[]", ("traces", "logs")),
        (f"{BY_FILE}static_resources: {{clusters: [{{name: logs}}]}}", "[{name: traces}]", ("traces", "logs")),
        (BY_OTHERS, "[]", ("traces", "logs")),  # nobody knows which there will be
        ("static_resources: {clusters: [{name: traces}]}", "[{name: logs}]", "logs in envoy.yaml; there are traces"),
        (BY_FILE, "[{name: logs}]", "traces in envoy.yaml; there are logs"),
        ("static_resources: {}", "[]", "traces in envoy.yaml; there are none"),
    ],
)
def test_clusters_to_which_envoy_tells_of_itself_are_those_that_it_has(
    folder: Callable[..., Path], config: str, more: str, told: tuple[str, ...] | str
) -> None:
    about = BESIDE.partition("bind:")[0]
    kustomization = FILES["kustomization.yaml"].replace("files: [envoy.yaml]", "files: [envoy.yaml, cds.yaml]")
    files = {"envoy.yaml": config, "cds.yaml": f"resources: {more}", "kustomization.yaml": kustomization}
    root = folder({**files, "scenario.yaml": about})
    if isinstance(told, str):
        with pytest.raises(BadInputError, match=f"scenario.yaml:4: no cluster {told}$"):
            load(root)
    else:
        assert set(told) <= set(load(root).envoys[0].control_planes)


HEADLESS = "is headless, without an address of its own: take its host name, or a Pod"
GROUP = "- group: a\n  why: b\n  from: web\n  to: {service: web, port: 80}\n  probes: [{name: c}]\n"


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        (
            "scenario.yaml",
            f"{EDIT}  replace: $.node.id\n  with: {{cluster_ip: web}}",
            "envoy.yaml: $.node.id: Service web ",
        ),
        ("scenario.yaml", f"{TRY}web/web}}".replace("ls", "ls {cluster_ip: web}"), "scenario.yaml:6: Service web "),
        ("probes.yaml", GROUP, "probes.yaml:4: Service web "),
    ],
)
def test_the_address_of_a_headless_service_is_asked_for_by_nobody(
    folder: Callable[..., Path], file: str, text: str, told: str
) -> None:
    pod = FILES["pod.yaml"].replace("clusterIP: 10.107.42.16", "selector: {a: b}, clusterIP: None")
    root = folder({"pod.yaml": pod.replace("name: web}", "name: web, labels: {a: b}}", 1), "scenario.yaml": ABOUT})
    scenario = load(root)
    assert services_that_select(scenario.objects(), "web") == []
    assert read_probes(scenario) == ()
    (root / file).write_text(text)
    with pytest.raises(BadInputError) as caught:
        read_probes(load(root))
    assert str(caught.value).endswith(f"{told}{HEADLESS}")


def test_a_container_whose_name_another_has_is_nobodys_place(folder: Callable[..., Path]) -> None:
    mounts = "volumeMounts: []"
    pod = FILES["pod.yaml"].replace("[{name: web, env: []}]", f"[{{name: web, {mounts}}}, {{name: web, {mounts}}}]")
    with pytest.raises(
        BadInputError, match=r"scenario\.yaml:\d+: Pod web has several containers web: rename all but one"
    ):
        load(folder({"pod.yaml": pod}))
