"""What a Pod takes from ConfigMaps, Secrets and itself, as a kubelet does: its environment, its volumes' files.

See the Kubernetes pages "Define Environment Variables for a Container", "Configure a Pod to Use a ConfigMap", "Secrets"
and "Downward API".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from takeover.engines.local import variables
from takeover.engines.local.objects import (
    ConfigMap,
    Container,
    EnvironmentVariable,
    KeyReference,
    ObjectReference,
    Pod,
    Secret,
    Stored,
)
from takeover.engines.local.volumes import ConfigMapVolume, DownwardApiVolume, SecretVolume, Volume

_OF_MAPPING = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.labels['KEY']",
    "metadata.annotations['KEY']",
    "status.podIP",
    "status.podIPs",
    "status.hostIP",
)
"""What a fieldRef may name."""


@dataclass(frozen=True)
class Facts:
    """What only a Pod that is being made knows."""

    uid: str
    ip: str
    host_ip: str


@dataclass(frozen=True)
class Sources:
    """The ConfigMaps and Secrets of one namespace, by what a reference says: where one leads nowhere, ValueError."""

    namespace: str
    config_maps: Mapping[str, ConfigMap]
    secrets: Mapping[str, Secret]

    def environment(self, container: Container, pod: Pod, facts: Facts) -> dict[str, str]:
        """All its variables, those of envFrom first."""
        found: dict[str, str] = {}
        for each in container.env_from:
            source = self._environment_of(each.config_map_ref, each.secret_ref)
            found |= {each.prefix + key: value for key, value in source.items()}
        return variables.environment(container.env, found, lambda each: self._value(each, pod, facts))

    def files(self, volume: Volume, pod: Pod, facts: Facts) -> Iterator[tuple[str, bytes, int]]:
        """Path below the volume's folder, content and mode of each of its files."""
        for source in volume.sources:
            if isinstance(source, DownwardApiVolume):
                for field in source.items:
                    value = _of_field(field.field_ref.field_path, pod, facts)
                    yield field.path, value.encode(), source.default_mode if field.mode is None else field.mode
            else:
                yield from self._stored_files(source)

    def _stored_files(self, source: ConfigMapVolume | SecretVolume) -> Iterator[tuple[str, bytes, int]]:
        stored = self._stored(source)
        contents = stored.contents if stored is not None else {}
        if not source.items:
            yield from ((key, content, source.default_mode) for key, content in contents.items())
        for item in source.items:
            if item.key in contents:
                yield item.path, contents[item.key], source.default_mode if item.mode is None else item.mode
            elif not source.optional:
                raise ValueError(f"{_called(source)} has no key {item.key}")

    def _stored(self, source: ConfigMapVolume | SecretVolume) -> Stored | None:
        known: Mapping[str, Stored] = self.config_maps if isinstance(source, ConfigMapVolume) else self.secrets
        found = known.get(f"{self.namespace}/{source.name}")
        if found is None and not source.optional:
            raise ValueError(f"there is no {_called(source)} in namespace {self.namespace}")
        return found

    def _environment_of(self, config_map: ObjectReference | None, secret: ObjectReference | None) -> dict[str, str]:
        if config_map is not None:
            found = self._contents("ConfigMap", self.config_maps, config_map.name, config_map.optional)
        else:
            assert secret is not None
            found = self._contents("Secret", self.secrets, secret.name, secret.optional)
        return {key: _text(content, key) for key, content in found.items()}

    def _value(self, variable: EnvironmentVariable, pod: Pod, facts: Facts) -> str | None:
        """None for one that is optional and not there."""
        source = variable.value_from
        assert source is not None
        if source.field_ref is not None:
            return _of_field(source.field_ref.field_path, pod, facts)
        if source.config_map_key_ref is not None:
            return self._key("ConfigMap", self.config_maps, source.config_map_key_ref)
        assert source.secret_key_ref is not None
        return self._key("Secret", self.secrets, source.secret_key_ref)

    def _key(self, kind: str, known: Mapping[str, Stored], reference: KeyReference) -> str | None:
        there = self._contents(kind, known, reference.name, reference.optional)
        if reference.key not in there and not reference.optional:
            raise ValueError(f"{kind} {reference.name} has no key {reference.key}")
        return _text(there[reference.key], reference.key) if reference.key in there else None

    def _contents(self, kind: str, known: Mapping[str, Stored], name: str, is_optional: bool) -> Mapping[str, bytes]:
        """What may become variables."""
        found = known.get(f"{self.namespace}/{name}")
        if found is None:
            if is_optional:
                return {}
            raise ValueError(f"there is no {kind} {name} in namespace {self.namespace}")
        if isinstance(found, ConfigMap):  # what is in binaryData becomes none
            return {key: text.encode() for key, text in found.data.items()}
        return found.contents


def _text(content: bytes, key: str) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ValueError(f"the value of {key} is no text without a NUL, and so no variable")
    return text


def is_field(path: str) -> bool:
    """Whether a fieldRef may name it."""
    return path in FIELDS or _OF_MAPPING.fullmatch(path) is not None


def _of_field(path: str, pod: Pod, facts: Facts) -> str:
    if found := _OF_MAPPING.fullmatch(path):
        mapping = pod.metadata.labels if found[1] == "labels" else pod.metadata.annotations
        return mapping.get(found[2], "")
    known = {
        "metadata.name": pod.metadata.name,
        "metadata.namespace": pod.metadata.namespace,
        "metadata.uid": facts.uid,
        "status.podIP": facts.ip,
        "status.podIPs": facts.ip,
        "status.hostIP": facts.host_ip,
    }
    return known[path]


def _called(source: ConfigMapVolume | SecretVolume) -> str:
    return f"{'ConfigMap' if isinstance(source, ConfigMapVolume) else 'Secret'} {source.name}"
