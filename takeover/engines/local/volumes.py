"""Volumes of Pods, by their form: what has files is of ConfigMaps, Secrets and the Pod's own fields.

Shapes and defaults are those of the Kubernetes API reference (core/v1).
"""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from takeover.engines.local.strict_object import StrictObject


class FieldReference(StrictObject, frozen=True):
    field_path: str
    api_version: Literal["v1"] = "v1"


class KeyToPath(StrictObject, frozen=True):
    """A key, and the file below the volume's folder in which it is."""

    key: str
    path: str
    mode: int | None = None


class ConfigMapVolume(StrictObject, frozen=True):
    name: str
    default_mode: int = 0o644
    items: list[KeyToPath] = []
    optional: bool = False


class SecretVolume(StrictObject, frozen=True):
    secret_name: str
    default_mode: int = 0o644
    items: list[KeyToPath] = []
    optional: bool = False

    @property
    def name(self) -> str:
        """The Secret's."""
        return self.secret_name


class FieldToPath(StrictObject, frozen=True):
    """A field of the Pod, and the file below the volume's folder that has its value."""

    path: str
    field_ref: FieldReference
    mode: int | None = None


class DownwardApiVolume(StrictObject, frozen=True):
    items: list[FieldToPath] = []
    default_mode: int = 0o644


class ProjectedConfigMap(StrictObject, frozen=True):
    name: str
    items: list[KeyToPath] = []
    optional: bool = False


class ProjectedSecret(ProjectedConfigMap, frozen=True):
    pass


class ProjectedFields(StrictObject, frozen=True):
    items: list[FieldToPath] = []


class Projection(StrictObject, frozen=True):
    """One source of a projected volume. A token is none here: there is no API server that would take it."""

    config_map: ProjectedConfigMap | None = None
    secret: ProjectedSecret | None = None
    downward_api: ProjectedFields | None = msgspec.field(default=None, name="downwardAPI")

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.config_map, self.secret, self.downward_api)) != 1:
            raise ValueError("a source is exactly one of configMap, secret, downwardAPI")


class ProjectedVolume(StrictObject, frozen=True):
    sources: list[Projection] = []
    default_mode: int = 0o644


class EmptyDirectory(StrictObject, frozen=True):
    """Each is in memory here, and as large as that."""

    medium: Literal["", "Memory"] = ""
    size_limit: str | int | float | UnsetType = UNSET


class Volume(StrictObject, frozen=True):
    name: str
    config_map: ConfigMapVolume | None = None
    secret: SecretVolume | None = None
    downward_api: DownwardApiVolume | None = msgspec.field(default=None, name="downwardAPI")
    projected: ProjectedVolume | None = None
    empty_dir: EmptyDirectory | None = None

    def __post_init__(self) -> None:
        kinds = (self.config_map, self.secret, self.downward_api, self.projected, self.empty_dir)
        number = sum(each is not None for each in kinds)
        if number > 1:
            raise ValueError("a volume is only one of configMap, secret, downwardAPI, projected, emptyDir")
        if not number:  # as the API server has it
            msgspec.structs.force_setattr(self, "empty_dir", EmptyDirectory())

    @property
    def sources(self) -> list[ConfigMapVolume | SecretVolume | DownwardApiVolume]:
        """Whence its files are: of a projected volume, several; of an emptyDir, none."""
        if self.projected is None:
            return [each for each in (self.config_map, self.secret, self.downward_api) if each is not None]
        mode, found = self.projected.default_mode, list[ConfigMapVolume | SecretVolume | DownwardApiVolume]()
        for each in self.projected.sources:
            if (of := each.config_map) is not None:
                found.append(ConfigMapVolume(name=of.name, default_mode=mode, items=of.items, optional=of.optional))
            elif (of := each.secret) is not None:
                found.append(SecretVolume(secret_name=of.name, default_mode=mode, items=of.items, optional=of.optional))
            elif each.downward_api is not None:
                found.append(DownwardApiVolume(items=each.downward_api.items, default_mode=mode))
        return found
