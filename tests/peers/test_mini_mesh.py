"""What the mini mesh makes of manifests and wishes; whether Envoy follows is for the suite of the scenario to say."""

import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from google.protobuf import json_format

from takeover.peers.mini_mesh.authority import Authority
from takeover.peers.mini_mesh.manifests import MeshError, read_manifests
from takeover.peers.mini_mesh.mesh import PATIENCE, Mesh
from takeover.peers.mini_mesh.proxies import Proxy
from takeover.peers.mini_mesh.wishes import Limit, merged, read_data, read_wishes
from takeover.peers.yaml_data import read_yaml

FRONT, BACK, WAY_IN = (
    "sidecar~10.0.0.1~front.default",
    "sidecar~10.0.0.2~back-abc-x1.default",
    "gateway~10.0.0.9~gw.default",
)

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: {0}}}
spec:
  clusterIP: {1}
  ports: [{{port: 80, targetPort: web}}]
  selector: {{app: {0}}}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {0}, labels: {{app: {0}}}}}
spec:
  serviceAccountName: {0}
  containers: [{{name: app, ports: [{{name: web, containerPort: 8080}}]}}]
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: back}
spec:
  selector: {matchLabels: {app: back}}
  template:
    metadata: {labels: {app: back}}
    spec:
      serviceAccountName: back
      containers: [{name: app, ports: [{name: web, containerPort: 8081}]}]
"""
WISHES = """\
header: {name: myage, value: "18"}
gateway:
  port: 8080
  hosts: [app.shadow.com]
  routes:
  - {path: /aa, limit: {requests: 2, every: 1}, to: {front: 1}}
  - {headers: {version: v2}, to: {back: 1}}
  - {to: {front: 5, back: 5}, chosenBy: x-chosen}
"""


def write_mesh(folder: Path) -> Path:
    """Writes a mesh of two Services and a gateway."""
    files = {
        "service-front.yaml": SERVICE.format("front", "10.1.0.1"),
        "service-back.yaml": SERVICE.format("back", "10.1.0.2"),
        "front.yaml": POD.format("front"),
        "back.yaml": DEPLOYMENT,
        "gw.yaml": POD.format("gw"),
        # Nothing to the mesh.
        "account.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: front}\n---\n",
        "service-gw.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: gw}\nspec: {ports: []}",
        "probes.yaml": "- group: one",
        "mesh.yaml": WISHES,
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_mesh(tmp_path)


@pytest.fixture
def mesh(folder: Path) -> Mesh:
    made = Mesh.read(folder)
    assert all([made.came(FRONT), made.came(BACK), made.came(WAY_IN)])
    return made


def named(resources: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    of_kind = [each for each in resources if each["@type"].endswith(f".{kind}")]
    return {str(each.get("name", each.get("cluster_name"))): each for each in of_kind}


def everywhere(data: Any, key: str) -> Iterator[Any]:
    """All values that have that key, at any depth."""
    if isinstance(data, dict):
        yield from (value for name, value in data.items() if name == key)
        data = list(data.values())
    if isinstance(data, list):
        for each in data:
            yield from everywhere(each, key)


def test_all_that_is_told_is_what_envoys_api_has(mesh: Mesh) -> None:
    kinds = set[str]()
    for resources in mesh.told().values():
        kinds |= {str(kind) for kind in everywhere(resources, "@type")}
    for kind in kinds:  # what the pool of protobuf is to find must be imported
        importlib.import_module(_module_of(kind))
    for resources in mesh.told().values():
        for each in resources:
            module, name = importlib.import_module(_module_of(each["@type"])), each["@type"].rpartition(".")[2]
            wanted = {key: value for key, value in each.items() if key != "@type"}
            json_format.ParseDict(wanted, getattr(module, name)())


def _module_of(kind: str) -> str:
    package, _, message = kind.removeprefix("type.googleapis.com/").rpartition(".")
    folder = Path(importlib.import_module(package).__path__[0])
    for each in (each.stem for each in folder.glob("*_pb2.py") if message in each.read_text()):
        if hasattr(importlib.import_module(f"{package}.{each}"), message):
            return f"{package}.{each}"
    raise AssertionError(kind)


def test_each_sidecar_is_told_of_every_service(mesh: Mesh) -> None:
    listeners = named(mesh.told()[FRONT], "Listener")
    assert set(listeners) == {"virtualOutbound", "virtualInbound", "10.1.0.1_80", "10.1.0.2_80"}
    assert listeners["10.1.0.2_80"]["bind_to_port"] is False
    clusters = named(mesh.told()[FRONT], "Cluster")
    assert set(clusters) == {"outbound|front|80", "outbound|back|80", "inbound|8080", "AllowAll", "BlockAllCluster"}


def addresses(mesh: Mesh, node: str, service: str) -> list[tuple[str, int]]:
    assignment = named(mesh.told()[node], "ClusterLoadAssignment")[f"outbound|{service}|80"]
    found = [each["endpoint"]["address"]["socket_address"] for each in assignment["endpoints"][0]["lb_endpoints"]]
    return [(each["address"], each["port_value"]) for each in found]


def test_a_pod_is_an_endpoint_once_its_sidecar_can_be_asked_and_until_it_leaves(mesh: Mesh) -> None:
    assert addresses(mesh, FRONT, "back") == []
    mesh.can_be_asked(BACK)
    another = BACK.replace("10.0.0.2", "10.0.0.3").replace("x1", "x2")
    assert mesh.came(another)
    assert addresses(mesh, WAY_IN, "back") == [("10.0.0.2", 8081)]
    mesh.can_be_asked(another)
    assert addresses(mesh, FRONT, "back") == [("10.0.0.2", 8081), ("10.0.0.3", 8081)]
    mesh.left(BACK, by_itself=True)
    assert addresses(mesh, FRONT, "back") == [("10.0.0.3", 8081)]


def test_who_was_cut_off_counts_as_there_for_a_while(folder: Path) -> None:
    now = 0.0
    mesh = Mesh(read_manifests(folder.glob("*[!h].yaml")), {}, lambda: now)
    mesh.came(BACK)
    mesh.can_be_asked(BACK)
    certificate = mesh.about()[0]["certificate"]
    mesh.left(BACK, by_itself=False)
    now = PATIENCE
    assert not mesh.forget_the_lost()
    assert mesh.came(BACK)
    now = 3 * PATIENCE
    assert not mesh.forget_the_lost()
    assert mesh.about()[0]["certificate"] == certificate
    mesh.left(BACK, by_itself=False)
    now = 5 * PATIENCE
    assert mesh.forget_the_lost() == [BACK]
    assert mesh.told() == {}


@pytest.mark.parametrize(
    "node",
    [
        "",
        "front",
        "sidecar~10.0.0.1~nobody.default",
        "sidecar~10.0.0.1~front.other",
        "x~10.0.0.1~front.default",
        "sidecar~$(POD_IP)~front.default",
    ],
)
def test_who_is_nobody_of_the_mesh_is_told_nothing(mesh: Mesh, node: str) -> None:
    assert not mesh.came(node)
    assert node not in mesh.told()


def test_the_switch_says_where_goes_what_is_for_nobody_of_the_mesh(mesh: Mesh) -> None:
    def goes_to() -> Any:
        [chain] = named(mesh.told()[FRONT], "Listener")["virtualOutbound"]["filter_chains"]
        return chain["filters"][0]["typed_config"]["cluster"]

    assert goes_to() == "AllowAll"
    mesh.change({"outbound": "block"})
    assert goes_to() == "BlockAllCluster"


def test_strict_takes_nobody_who_speaks_no_tls_and_permissive_does(mesh: Mesh) -> None:
    def taken() -> list[tuple[str, bool]]:
        chains = named(mesh.told()[FRONT], "Listener")["virtualInbound"]["filter_chains"]
        return [(each["filter_chain_match"]["transport_protocol"], "transport_socket" in each) for each in chains]

    assert taken() == [("tls", True)]
    mesh.wish({"mutualTls": "permissive"})
    assert taken() == [("tls", True), ("raw_buffer", False)]


def test_certificates_say_who_the_pod_is_and_are_of_the_authority_that_all_know(mesh: Mesh) -> None:
    for node, name in ((FRONT, "front"), (BACK, "back"), (WAY_IN, "gw")):
        secrets = named(mesh.told()[node], "Secret")
        identity = f"spiffe://mesh.example/ns/default/sa/{name}"
        assert set(secrets) == {identity, "authority"}
        signed = x509.load_pem_x509_certificate(
            secrets[identity]["tls_certificate"]["certificate_chain"]["inline_string"].encode()
        )
        names = signed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == [identity]
        trusted = secrets["authority"]["validation_context"]["trusted_ca"]["inline_string"]
        signed.verify_directly_issued_by(x509.load_pem_x509_certificate(trusted.encode()))


def test_a_sidecar_asks_that_the_other_one_is_the_service_that_is_meant(mesh: Mesh) -> None:
    socket = named(mesh.told()[FRONT], "Cluster")["outbound|back|80"]["transport_socket"]
    assert list(everywhere(socket, "matcher")) == [{"exact": "spiffe://mesh.example/ns/default/sa/back"}]


def test_who_becomes_somebody_else_gets_the_certificate_of_that(folder: Path, mesh: Mesh) -> None:
    before = {each["node"]: each["certificate"] for each in mesh.about()}
    written = (folder / "front.yaml").read_text()
    (folder / "front.yaml").write_text(written.replace("serviceAccountName: front", "serviceAccountName: other"))
    mesh.read_again(folder)
    front, *others = mesh.about()
    assert front["identity"] == "spiffe://mesh.example/ns/default/sa/other"
    names = x509.load_pem_x509_certificate(str(front["certificate"]).encode()).extensions
    [uri] = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert uri.value == front["identity"]
    assert [each["certificate"] == before[str(each["node"])] for each in others] == [True, True]


@pytest.mark.parametrize(("account", "nodes"), [("", [FRONT, BACK, WAY_IN]), ("back", [BACK]), ("nobody", [])])
def test_a_rotation_changes_the_secret_alone(mesh: Mesh, account: str, nodes: list[str]) -> None:
    before = mesh.told()
    assert mesh.rotate(account) == nodes
    for node, now in mesh.told().items():
        changed = [each["name"] for each, old in zip(now, before[node], strict=True) if each != old]
        assert len(changed) == (node in nodes)


def test_the_gateway_has_the_routes_that_are_wished(mesh: Mesh) -> None:
    resources = mesh.told()[WAY_IN]
    assert set(named(resources, "Listener")) == {"0.0.0.0_8080"}
    [host] = named(resources, "RouteConfiguration")["gateway"]["virtual_hosts"]
    limited, matched, shared = host["routes"]
    assert host["domains"] == ["app.shadow.com"]
    assert limited["match"] == {"prefix": "/aa"}
    bucket = list(everywhere(limited, "token_bucket"))
    assert bucket == [{"max_tokens": 2, "tokens_per_fill": 1, "fill_interval": "1s"}]
    assert matched["match"]["headers"] == [{"name": "version", "string_match": {"exact": "v2"}}]
    assert matched["route"]["cluster"] == "outbound|back|80"
    assert shared["route"]["weighted_clusters"] == {
        "clusters": [{"name": "outbound|front|80", "weight": 5}, {"name": "outbound|back|80", "weight": 5}],
        "header_name": "x-chosen",
    }


def test_a_changed_weight_changes_the_gateways_routes_alone(mesh: Mesh) -> None:
    before = mesh.told()
    mesh.wish(read_data(WISHES.replace("front: 5", "front: 4")))
    now = mesh.told()
    assert now[FRONT] == before[FRONT]
    changed = [each["@type"] for each, old in zip(now[WAY_IN], before[WAY_IN], strict=True) if each != old]
    assert [each.rpartition(".")[2] for each in changed] == ["RouteConfiguration"]


def routed(route: str, port: int = 80, hosts: str = "a") -> str:
    """The wishes with one route of the gateway."""
    return f"gateway: {{port: {port}, hosts: [{hosts}], routes: [{{{route}}}]}}"


WRONG = {
    "outbound: maybe": "outbound must be allow or block",
    "outbund: allow": "the file has no field outbund; there are outbound, mutualTls",
    "[]": "the file must be a mapping",
    "a: b: c": "no YAML: line 1: mapping values are not allowed",
    "gateway: {port: 80}": "gateway lacks hosts, routes",
    "gateway: {port: 0, hosts: [a], routes: [{to: {front: 1}}]}": "gateway.port must be a whole number, at least 1",
    "gateway: {port: 80, hosts: [a], routes: []}": "gateway.routes must be a list with something in it",
    "gateway: {port: 80, hosts: [a], routes: [{to: {front: 0}}]}": "gateway.routes[0].to at least one Service must",
    "gateway: {port: 80, hosts: [a], routes: [{to: {front: -1}}]}": "gateway.routes[0].to.front must be a whole number",
    "gateway: {port: 80, hosts: [a], routes: [{to: {front: yes}}]}": "gateway.routes[0].to.front must be a whole",
    "gateway: {port: 80, hosts: [a], routes: [{to: {fron: 1}}]}": "no Service fron; there are back, front",
    "gateway: {port: 80, hosts: [a], routes: [{headers: {a: 1}, to: {front: 1}}]}": "routes[0].headers.a must be text",
    "gateway: {port: 80, hosts: [a], routes: [{limit: {requests: 1, every: 0.01}, to: {front: 1}}]}": "at least 0.05",
    routed("to: {front: 1}", port=70000): "gateway.port must be a whole number, at least 1 and at most 65535",
    routed("to: {front: 1}", hosts="a, A"): "gateway.hosts has a twice",
    routed(
        "to: {front: 4294967296}"
    ): "gateway.routes[0].to.front must be a whole number, at least 0 and at most 429496",
    routed(
        "to: {front: 4294967295, back: 1}"
    ): "gateway.routes[0].to the sum of the weights must be at most 4294967295",
    routed("path: aa, to: {front: 1}"): "gateway.routes[0].path must begin with /",
    routed("headers: {'': a}, to: {front: 1}"): "gateway.routes[0].headers has '', which is no name of a header",
    routed("chosenBy: a b, to: {front: 1}"): "gateway.routes[0].chosenBy must be the name of a header",
    routed(
        "limit: {requests: 1, every: .inf}, to: {front: 1}"
    ): "limit.every must be a number of seconds, at least 0.05",
    routed(
        "limit: {requests: 1, every: .nan}, to: {front: 1}"
    ): "limit.every must be a number of seconds, at least 0.05",
    "requestsPerConnection: 4294967296": "requestsPerConnection must be a whole number, at least 0 and at most",
    "header: {name: a}": "header lacks value",
    'header: {name: a, value: "\\""}': "header.value must be printable ASCII without quotes",
    "header: {name: 'a b', value: c}": "header.name must be the name of a header",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_wish_is_told_by_its_place_and_changes_nothing(mesh: Mesh, text: str) -> None:
    before = mesh.told()
    with pytest.raises(MeshError, match=r".") as told:
        mesh.wish(read_data(text))
    assert str(told.value).startswith("mesh.yaml: ")
    assert WRONG[text] in str(told.value)
    assert "\n" not in str(told.value)
    assert mesh.told() == before


@pytest.mark.parametrize(
    ("name", "form"),
    [("one.yml", "{}"), ("one.json", "{}"), ("one.yaml", "kind: List\nitems: [{}]")],
)
def test_manifests_are_read_in_whatever_file_and_list_they_stand(folder: Path, name: str, form: str) -> None:
    before = read_manifests(folder.glob("*.yaml"))
    for each in ("front.yaml", "service-front.yaml"):
        [written] = read_yaml((folder / each).read_text())
        (folder / each).unlink()
        (folder / f"{each}-{name}").write_text(form.format(json.dumps(written)))
    (folder / ".front.yaml").write_text("a: b: c")  # what an editor keeps for itself
    mesh, known = Mesh.read(folder), read_manifests(each for each in folder.glob("[!.]*"))
    assert {each.name for each in known.workloads} == {each.name for each in before.workloads}
    assert {each.name for each in known.services} == {each.name for each in before.services}
    assert mesh.came(FRONT)


def _write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


GROWING = "\n".join(["a0: &a0 [" + "x," * 9 + "]", *(f"a{n + 1}: &a{n + 1} [{f'*a{n},' * 9}]" for n in range(9))])

WRONG_FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no wishes": (lambda folder: (folder / "mesh.yaml").unlink(), "has no mesh.yaml"),
    "no YAML": (_write("front.yaml", "a: b: c"), "front.yaml: no YAML"),
    "no ports": (
        _write(
            "service-front.yaml", "kind: Service\nmetadata: {name: front}\nspec: {clusterIP: 10.1.0.1, selector: {}}"
        ),
        "'ports'",
    ),
    "port of a Service": (
        _write("service-front.yaml", SERVICE.format("front", "10.1.0.1").replace("port: 80", "port: http")),
        "service-front.yaml: Service front: port 'http' must be a number from 1 to 65535",
    ),
    "port that cannot be": (
        _write("service-front.yaml", SERVICE.format("front", "10.1.0.1").replace("port: 80", "port: 70000")),
        "service-front.yaml: Service front: port 70000 must be a number from 1 to 65535",
    ),
    "target port": (
        _write("service-front.yaml", SERVICE.format("front", "10.1.0.1").replace("targetPort: web", "targetPort: []")),
        "service-front.yaml: Service front: targetPort [] must be a number from 1 to 65535",
    ),
    "port of a container": (
        _write("front.yaml", POD.format("front").replace("8080", "web")),
        "front.yaml: Pod front: containerPort 'web' must be a number from 1 to 65535",
    ),
    "no address": (
        _write("service-front.yaml", SERVICE.format("front", "10.1.0")),
        "service-front.yaml: Service front: clusterIP 10.1.0 is no IP address",
    ),
    "a Service twice": (
        _write("again.yaml", SERVICE.format("front", "10.1.0.3")),
        "service-front.yaml: Service front: Service front is there already, in again.yaml",
    ),
    "an address twice": (
        _write("again.yaml", SERVICE.format("front", "10.1.0.1").replace("name: front", "name: again")),
        "service-front.yaml: Service front: 10.1.0.1 port 80 is there already, in again.yaml",
    ),
    "a Deployment twice": (
        _write("again.yaml", DEPLOYMENT),
        "back.yaml: Deployment back: Deployment back of namespace default is there already, in again.yaml",
    ),
    "no UTF-8 in a manifest": (lambda folder: (folder / "front.yaml").write_bytes(b"\xff"), "front.yaml: no YAML"),
    "no UTF-8 in the wishes": (lambda folder: (folder / "mesh.yaml").write_bytes(b"\xff"), "mesh.yaml: no YAML"),
    "no date in a manifest": (_write("front.yaml", "a: 2024-99-99"), "front.yaml: no YAML: month must be in 1..12"),
    "no date in the wishes": (_write("mesh.yaml", "a: 2024-99-99"), "mesh.yaml: no YAML: month must be in 1..12"),
    "an account that cannot be": (
        _write("front.yaml", POD.format("front").replace("serviceAccountName: front", "serviceAccountName: a/é")),
        "front.yaml: Pod front: serviceAccountName 'a/\\xe9' must be of small letters, digits, - and .",
    ),
    "a name that is none": (
        _write("front.yaml", POD.format("front").replace("name: front", "name: null")),
        "front.yaml: Pod: name None must be of small letters, digits, - and .",
    ),
    "a list without one": (
        _write("front.yaml", "kind: List\nitems: {}"),
        "front.yaml: List: its items must be a list of objects",
    ),
    "an item that is none": (
        _write("front.yaml", "kind: PodList\nitems: [front]"),
        "front.yaml: PodList: its items must be a list of objects",
    ),
    "wishes under another name": (
        lambda folder: (folder / "mesh.yaml").rename(folder / "mesh.yml"),
        "mesh.yml: what is wanted of the mesh stands in mesh.yaml: rename it",
    ),
    "wishes twice": (_write("mesh.yaml", "{}\n---\n{}"), "mesh.yaml: must hold one YAML document, not 2"),
    **{
        f"{what} in {name}": (_write(name, text), f"{name}: no YAML: {told}")
        for name in ("front.yaml", "mesh.yaml")
        for what, text, told in (
            ("deep YAML", "a: " + "[" * 100_000, "line 1: nested more than 100 levels deep: write it flatter"),
            ("what grows", GROWING, "line 7: aliases stand for more than 1000000 values: leave anchors out"),
            ("a circle", "a: &a {<<: *a}", "line 1: alias *a stands for nothing that is complete before it"),
            ("a tag", "a: !!int x", "line 1: tag tag:yaml.org,2002:int is not supported: leave it out"),
        )
    },
    "two identities": (
        _write("other.yaml", POD.format("other").replace("app: other", "app: front")),
        "Service front selects Pods of 2 service accounts",
    ),
}


@pytest.mark.parametrize("why", WRONG_FOLDERS)
def test_a_wrong_folder_is_told_in_a_line_and_changes_nothing(folder: Path, mesh: Mesh, why: str) -> None:
    spoil, told = WRONG_FOLDERS[why]
    before = mesh.told()
    spoil(folder)
    for read in (lambda: mesh.read_again(folder), lambda: Mesh.read(folder)):
        with pytest.raises(MeshError, match=r".") as error:
            read()
        assert told in str(error.value)
        assert "\n" not in str(error.value)
    assert mesh.told() == before


def test_what_cannot_be_sent_is_never_in_force(folder: Path) -> None:
    refused: list[str] = []

    def check(resources: list[dict[str, Any]]) -> None:
        if any(each in str(resources) for each in refused):
            raise MeshError("it cannot be sent")

    mesh = Mesh.read(folder, check)
    mesh.came(FRONT)
    before, wished = mesh.told(), mesh.wished
    refused.append("10.1.0.3")
    (folder / "service-more.yaml").write_text(SERVICE.format("front", "10.1.0.3").replace("name: front", "name: more"))
    tried: list[Callable[[], object]] = [
        lambda: mesh.read_again(folder),
        lambda: mesh.change({"header": {"value": "10.1.0.3"}}),
        lambda: mesh.wish({"header": {"name": "a", "value": "10.1.0.3"}}),
        lambda: Mesh.read(folder, check),
    ]
    for each in tried:
        with pytest.raises(MeshError, match="it cannot be sent"):
            each()
        assert (mesh.told(), mesh.wished) == (before, wished)


def test_a_new_service_is_told_to_all(folder: Path, mesh: Mesh) -> None:
    (folder / "service-more.yaml").write_text(SERVICE.format("front", "10.1.0.3").replace("name: front", "name: more"))
    mesh.read_again(folder)
    assert "outbound|more|80" in named(mesh.told()[WAY_IN], "Cluster")
    assert "10.1.0.3_80" in named(mesh.told()[BACK], "Listener")


@pytest.mark.parametrize(
    ("every", "told"), [("0.05", "0.05s"), ("1", "1s"), ("1234567.25", "1234567.25s"), ("9223372035", "9223372035s")]
)
def test_a_limit_is_told_with_all_its_digits(mesh: Mesh, every: str, told: str) -> None:
    mesh.wish(read_data(WISHES.replace("every: 1}", f"every: {every}}}")))
    assert list(everywhere(mesh.told()[WAY_IN], "fill_interval")) == [told]


def test_what_nobody_dials_by_an_address_over_tcp_is_somebody_elses(folder: Path, mesh: Mesh) -> None:
    """One listener that Envoy refuses would keep every sidecar from being asked."""
    before = mesh.told()
    headless = SERVICE.format("front", "None").replace("name: front", "name: headless")
    datagrams = SERVICE.format("front", "10.1.0.4").replace("{port: 80,", "{port: 53, protocol: UDP,")
    (folder / "headless.yaml").write_text(headless)
    (folder / "datagrams.yaml").write_text(datagrams.replace("name: front", "name: datagrams"))
    mesh.read_again(folder)
    assert mesh.told() == before
    both = "ports: [{port: 80, targetPort: web}, {port: 80, protocol: UDP, targetPort: web}]"
    written = SERVICE.format("front", "10.1.0.1").replace("ports: [{port: 80, targetPort: web}]", both)
    (folder / "service-front.yaml").write_text(written)
    mesh.read_again(folder)
    assert mesh.told() == before


def test_wishes_may_be_few() -> None:
    wishes = read_wishes({})
    assert (wishes.outbound, wishes.mutual_tls, wishes.header, wishes.gateway) == ("allow", "strict", ("", ""), None)
    gateway = read_wishes(read_data(WISHES)).gateway
    assert gateway is not None
    assert [each.limit for each in gateway.routes] == [Limit(2, 1.0), None, None]


def test_a_node_id_says_who_an_envoy_is() -> None:
    assert Proxy.of("sidecar~10.0.0.1~a.b.default") == Proxy("sidecar", "10.0.0.1", "a.b", "default")


def test_authorities_differ_and_so_do_certificates() -> None:
    authority = Authority()
    assert authority.certificate != Authority().certificate
    assert authority.issue("spiffe://a/b") != authority.issue("spiffe://a/b")


MERGED: list[tuple[Any, Any, Any]] = [
    ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
    ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
    ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    ({}, {"a": {"b": 1, "c": None}}, {"a": {"b": 1}}),
    ({"a": 1}, [1], [1]),
]


@pytest.mark.parametrize(("data", "patch", "wanted"), MERGED)
def test_a_patch_is_merged_as_rfc_7386_says(data: Any, patch: Any, wanted: Any) -> None:
    assert merged(data, patch) == wanted
