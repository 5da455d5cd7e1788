"""Builds the world around what was given: a scenario's folder."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from takeover.base.addresses import is_address
from takeover.base.errors import BadInputError
from takeover.check.records import Given, World
from takeover.check.world import (
    asking,
    bootstrap,
    certificates,
    choices,
    control,
    credentials,
    endpoints,
    files,
    health,
    itself,
    keys,
    loggers,
    logs,
    naming,
    patience,
    pods,
    trust,
    unaddressed,
    unlisted,
)
from takeover.check.world.addresses import Addresses
from takeover.check.world.certain_shares import settle_shares
from takeover.check.world.closing import close_soon
from takeover.check.world.configuration import Configuration, texts_at
from takeover.check.world.dialled import dialled
from takeover.check.world.places import Answering, answering, dynamic_names
from takeover.check.world.pods import CONFIG, ENVOY, WORLD, Wanted
from takeover.check.world.remote_sources import read_from_files
from takeover.check.world.upstream_tls import presented
from takeover.check.world.ways import POD, ways
from takeover.model.json import encode
from takeover.peers.world import table
from takeover.scenario.names import MOST_BYTES_OF_CONFIG_MAP
from takeover.scenario.typed_yaml import Json

_CONTROL, _XDS = 19999, 18000
_SHARE = MOST_BYTES_OF_CONFIG_MAP * 3 // 4
_FILES = "files"
_SERVED = "served"


def build(given: Given, folder: Path) -> World:
    """Writes the scenario's folder, which must not be there yet, or be empty.

    Raises: BadInputError for what no world can be made around.
    """
    folder.mkdir(parents=True, exist_ok=True)
    configuration = Configuration.of(given)
    unlisted.make_clusters(configuration)
    unaddressed.give_addresses(configuration)
    admin_port = bootstrap.complete(configuration, folder.name)
    control_port = bootstrap.free_port(configuration, _CONTROL)
    apart = asking.apart(asking.asked(configuration))
    read_from_files(configuration)
    credentials.credentials(configuration)
    trust.trust(configuration)
    xds_port = bootstrap.free_port(configuration, _XDS)
    answered = control.redirect(configuration, xds_port)
    api_port = bootstrap.free_port(configuration, xds_port + 1)
    naming.tell_apart(configuration)
    logs.observe(configuration)
    loggers.log_at_once(configuration)
    loggers.tell_statistics_seldom(configuration)
    close_soon(configuration)
    health.check_once(configuration, answered)
    patience.wait_for_services(configuration)
    patience.delay_less(configuration)
    endpoints.one_of_each(configuration)
    apart |= _without_bytes(configuration, choices.certain(configuration))
    settle_shares(configuration)
    addresses = Addresses(filter(is_address, _hosts(configuration)))
    reached = ways(configuration, addresses)
    dials = dialled(configuration)
    made = answering(configuration, dials, reached, addresses, answered, control_port, admin_port, xds_port)
    itself.end_with_each_request(configuration, made.leading_to_itself)
    missing = list[str]()
    content = files.files(configuration, missing)
    _names(content, made, has_resolver=bool(dynamic_names(configuration)))
    written = _Folder(folder)
    written.config(encode(configuration.bootstrap))
    written.world(made, certificates.of_others(presented(configuration, content)))
    shared = _folders(made)
    wanted = Wanted(
        admin_port,
        control_port,
        (xds_port, api_port),
        tuple(reached.captures),
        *written.files(content),
        written.served(configuration) if control.needs_control_plane(configuration) else (),
        shared,
        tuple(each for each in files.folders(configuration, content) if each not in shared),
        any(":" in each for each in made.table.addresses),
    )
    names = trust.client_names(configuration)
    written.finish(given, wanted, (*asking.telling(configuration), *control.answered_names(configuration, answered)))
    return World(
        scenario=folder,
        pod=POD,
        container=ENVOY,
        ways=tuple(reached.ways),
        dialled=tuple(made.dialled),
        different=(*given.different, *configuration.different),
        unreached=reached.unreached,
        apart=apart,
        missing=tuple(missing),
        client_certificate=written.client(trust.of_clients(names)),
        client_names=certificates.told(trust.CLIENT, names),
    )


def _without_bytes(configuration: Configuration, left: Mapping[str, str]) -> dict[str, str]:
    """Clusters that are named no more since their bytes go to another one."""
    still = asking.asked(configuration)
    return {
        name: f"chance would choose it: this run has all go to {kept}"
        for name, kept in left.items()
        if name not in still
    }


def _hosts(configuration: Configuration) -> Iterator[str]:
    for _, document in configuration.documents():
        yield from texts_at(document, "address", "address_prefix")


def _names(content: dict[str, bytes], made: Answering, *, has_resolver: bool) -> None:
    """The names as Envoy's container knows them, whatever they are made of: a Pod's own would take hosts' alone."""
    known = {name: address for name, address in made.table.names.items() if name != "*"}
    lines = ["127.0.0.1\tlocalhost", *(f"{address}\t{name}" for name, address in sorted(known.items()))]
    content["/etc/hosts"] = "".join(f"{each}\n" for each in lines).encode()
    content["/etc/resolv.conf"] = b"nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
    if has_resolver:
        resolver = next(each.address for each in made.table.places if each.kind == "dns" and each.port == 53)
        content["/etc/resolv.conf"] = f"nameserver {resolver}\noptions timeout:1\n".encode()


def _folders(made: Answering) -> tuple[str, ...]:
    """Where sockets are that are dialled."""
    paths = {posixpath.dirname(each.address) for each in made.table.places if each.address.startswith("/")}
    return tuple(sorted(each for each in paths if each != "/"))


class _Folder:
    """Writes a scenario's files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._maps: list[tuple[str, list[str]]] = []

    def _write(self, path: str, content: bytes | str) -> str:
        file = self._folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def config(self, content: bytes) -> None:
        """Envoy's configuration. JSON is YAML, and is read as quickly as it can be."""
        if len(content) > MOST_BYTES_OF_CONFIG_MAP:
            raise BadInputError(f"the bootstrap has {len(content)} bytes, of which a ConfigMap takes 1 MiB at most")
        self._maps.append((CONFIG, [self._write("envoy.yaml", msgspec.json.format(content, indent=1))]))

    def world(self, made: Answering, clients: str) -> None:
        """What the upstream reads. `clients`: certificates of Envoy's that another authority has signed."""
        names = [self._write(f"world/{table.FILE}", table.written(made.table))]
        names.append(self._write("world/ca.pem", certificates.authority().chain))
        if clients:
            names.append(self._write(f"world/{table.CLIENTS}", clients))
        names.append(self._write("world/jwks.json", msgspec.json.encode(keys.public())))
        for name, each in made.certificates.items():
            names.append(self._write(f"world/{name}.pem", each.chain + each.key))
        self._maps.append((WORLD, names))

    def files(self, content: dict[str, bytes]) -> tuple[dict[str, tuple[str, str]], dict[str, tuple[str, ...]]]:
        """Files of Envoy's container. Returns path → volume and file of it, and volume → its ConfigMaps."""
        mounts, volumes = dict[str, tuple[str, str]](), dict[str, tuple[str, ...]]()
        listed = [
            (path, self._write(f"{_FILES}/{_key(index, path)}", content[path])) for index, path in enumerate(content)
        ]
        for number, group in enumerate(_packed((len(content[path]), each) for path, each in listed), 1):
            name = f"{_FILES}-{number}"
            self._maps.append((name, group))
            volumes[name] = (name,)
            mounts |= {path: (name, posixpath.basename(each)) for path, each in listed if each in group}
        return mounts, volumes

    def served(self, configuration: Configuration) -> tuple[str, ...]:
        """What the control plane serves. Returns its ConfigMaps."""
        parts: list[list[bytes]] = [[]]
        size = 0
        for each in configuration.served:
            data: Json = {"@type": each.type_url, **each.data}
            text = encode(data)
            if len(text) > MOST_BYTES_OF_CONFIG_MAP - 1000:
                raise BadInputError(f"{each.name}: {len(text)} bytes, of which a ConfigMap takes 1 MiB at most")
            if size + len(text) > _SHARE and parts[-1]:
                parts.append([])
                size = 0
            parts[-1].append(text)
            size += len(text)
        names = []
        for number, part in enumerate(parts, 1):
            text = b'{"resources":[\n' + b",\n".join(part) + b"\n]}\n"
            names.append(f"{_SERVED}-{number}")
            self._maps.append((names[-1], [self._write(f"config/{names[-1]}.json", text)]))
        return tuple(names)

    def client(self, made: certificates.Certificate | None) -> str:
        """The certificate of a client. Returns its file; nothing without one."""
        return self._write("client.pem", made.chain + made.key) if made is not None else ""

    def finish(self, given: Given, wanted: Wanted, telling: tuple[str, ...]) -> None:
        """The manifests. `telling`: the clusters to which Envoy tells of itself."""
        self._write("pod.yaml", _yaml(pods.pod(wanted)))
        maps = [{"name": name, "files": listed} for name, listed in self._maps]
        self._write(
            "kustomization.yaml",
            _yaml(
                {
                    "apiVersion": "kustomize.config.k8s.io/v1beta1",
                    "kind": "Kustomization",
                    "resources": ["pod.yaml"],
                    "generatorOptions": {"disableNameSuffixHash": True},
                    "configMapGenerator": maps,
                }
            ),
        )
        envoy: Json = {"pod": POD, "container": ENVOY, **({"beside": list(telling)} if telling else {})}
        self._write("scenario.yaml", _yaml({"title": given.name, "envoys": [envoy]}))
        self._write("base.yaml", _yaml({"control": {"pod": POD, "port": wanted.control_port}}))


def _key(index: int, path: str) -> str:
    """A file's key in its ConfigMap."""
    return f"{index + 1}-{re.sub('[^-_.a-zA-Z0-9]', '-', posixpath.basename(path))[:100]}"


def _packed(sized: Iterable[tuple[int, str]]) -> Iterator[list[str]]:
    """In groups of which each is no longer than a ConfigMap may be."""
    group, size = list[str](), 0
    for length, name in sized:
        if group and size + length > _SHARE:
            yield group
            group, size = [], 0
        group.append(name)
        size += length
    if group:
        yield group


def _yaml(data: Json) -> bytes:
    return msgspec.json.format(encode(data), indent=1) + b"\n"
