"""Files that a configuration names: those that were given, and others that are made, each at its path."""

import json
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.check.records import Place
from takeover.check.world import certificates, keys, spiffe, wasm
from takeover.check.world.configuration import (
    LISTENER,
    SOURCES,
    Configuration,
    drop,
    inner,
    kind_of,
    listed,
    objects,
    set_field,
)
from takeover.check.world.key_kinds import is_of_rsa
from takeover.check.world.trust import served_names
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import camel_case, either
from takeover.scenario.names import MOST_BYTES_OF_CONFIG_MAP
from takeover.scenario.typed_yaml import Json
from takeover.scenario.yaml_text import Key

_SYSTEM = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian's authorities are, which `system_root_certs` means."""
_NO_FILES = ("/dev/", "/proc/", "/sys/")

# Fields of a file's name, and where a text that is one may stand.
_FILE_NAMES = ("filename",)
_OTHER_NAMES = (
    "proto_descriptor", "path", "city_db_path", "asn_db_path", "anon_db_path", "isp_db_path",
    "country_db_path", "descriptor_path", "library_path", "token_file", "credentials_file",
)  # fmt: skip

_WRITTEN = ("path_prefix", "event_log_path", "profile_path")
_CERTIFICATE = ("certificate_chain",)
_KEY = ("private_key",)
_MAP = "source_codes"
_AUTHORITY = ("trusted_ca", "trust_bundle", "root_certs")
_BUNDLES = "trust_bundles"


@dataclass(frozen=True)
class Named:
    """A file that something names.

    Args:
        path: as it is written, made absolute.
        role: the field in which it is named, such as "private_key".
        beside: the certificate's file, for a key; the key's, for a certificate.
        written: the path as it is written.
        services: of gRPC, which it is to describe.
    """

    path: str
    role: str
    place: Place
    beside: str = ""
    written: str = ""
    services: tuple[str, ...] = ()


def files(configuration: Configuration, missing: list[str]) -> dict[str, bytes]:
    """What is to be at which path in Envoy's container. `missing`: takes the paths of what nobody gave or can make."""
    made: dict[str, bytes] = {}
    given = {absolute(path): source for path, source in configuration.given.files.items()}
    read = {each.path for each in named(configuration)}
    for path, source in given.items():
        if (size := source.stat().st_size) <= MOST_BYTES_OF_CONFIG_MAP:
            made[path] = source.read_bytes()
        elif path in read:
            told = f"has {size} bytes, of which a ConfigMap takes 1 MiB at most"
            raise BadInputError(f"--files {display_path(source)}: {told}: leave it out, and one is made if it can be")
        else:
            configuration.differs(f"{path} is not there", "nothing names it, and it has more than 1 MiB")
    names, of_rsa = served_names(configuration), is_of_rsa(configuration, "")
    for each in list(named(configuration)):
        if each.path in given:
            if each.role in (*_AUTHORITY, _BUNDLES):
                made[each.path] = _with_authority(configuration, each.role, made[each.path])
                what = f"an authority of this run is added to {each.path}"
                configuration.differs(what, "nobody has the key of the one that was given", each.place)
            continue
        if each.path in made or each.path.startswith(_NO_FILES):
            continue
        if each.role == "ocsp_staple":
            _drop_staples(configuration, each)
            continue
        is_bundles = each.role == _BUNDLES
        content = _with_authority(configuration, _BUNDLES, b"") if is_bundles else _content(each, names, of_rsa=of_rsa)
        if content is None:
            what = f"{each.path} is missing"
            configuration.differs(what, "nobody gave it, and it cannot be made: give it by --files", each.place)
            missing.append(each.path)
            continue
        made[each.path] = content
        if each.role == "proto_descriptor":
            _refuse_no_method(configuration, each)
        what = f"{each.path} is made ({each.role.replace('_', ' ')})"
        configuration.differs(what, "nobody gave it: --files gives it", each.place)
    _name_by_whole_paths(configuration)
    return made


def _with_authority(configuration: Configuration, role: str, given: bytes) -> bytes:
    """What names authorities, and ours beside them."""
    if role == _BUNDLES:
        return spiffe.bundles_with_ours(configuration, given.decode("utf-8", "replace")).encode()
    return given.rstrip() + b"\n" + certificates.authority().chain.encode()


def _name_by_whole_paths(configuration: Configuration) -> None:
    """Envoy is asked about them elsewhere than in its container, too, where another folder is the one it is in."""
    for _, document in configuration.documents():
        for path, found in objects(document):
            for field in (*_FILE_NAMES, *_OTHER_NAMES):
                file = either(found, field)
                is_named = field in _FILE_NAMES or (isinstance(file, str) and _is_file(path, found, field, file))
                if isinstance(file, str) and file and is_named and not file.startswith("/"):
                    set_field(found, field, absolute(file))


def _refuse_no_method(configuration: Configuration, file: Named) -> None:
    """A descriptor without methods would have a transcoder refuse every request that none of them takes."""
    for _, document in configuration.documents():
        for _, found in objects(document):
            named = either(found, "proto_descriptor")
            options = inner(found, "request_validation_options")
            if isinstance(named, str) and absolute(named) == file.path and drop(options, "reject_unknown_method"):
                what = "a transcoder refuses no unknown method (`reject_unknown_method`)"
                configuration.differs(what, "nobody gave its descriptor, and the one that is made has none", file.place)


def _drop_staples(configuration: Configuration, file: Named) -> None:
    for _, document in configuration.documents():
        for _, found in list(objects(document)):
            if inner(found, "ocsp_staple").get("filename") == file.written:
                drop(found, "ocsp_staple")
            drop(found, "ocsp_staple_policy")
    what = f"{file.path} is named no more (OCSP staple)"
    configuration.differs(what, "nobody gave it, and nobody here can sign one", file.place)


_PRESSURE = ".InjectedResourceConfig"
"""A monitor of the overload manager whose pressure stands in a file."""


def named(configuration: Configuration) -> Iterator[Named]:
    """Every file that the configuration reads."""
    for name, document in configuration.documents():
        for path, found in objects(document):
            place = configuration.place_in(name, path)
            if "system_root_certs" in found or "systemRootCerts" in found:
                yield Named(_SYSTEM, "trusted_ca", place)
            for field in _FILE_NAMES:
                if isinstance(file := found.get(field), str) and file:
                    role = "pressure" if kind_of(found).endswith(_PRESSURE) else _role(path)
                    yield Named(absolute(file), role, place, _beside(document, path), file)
            for field in _OTHER_NAMES:
                file = either(found, field)
                if isinstance(file, str) and _is_file(path, found, field, file):
                    services = tuple(each for each in listed(found, "services") if isinstance(each, str))
                    yield Named(absolute(file), field, place, services=services)


def absolute(path: str) -> str:
    """The path as Envoy has it, whose folder is the root."""
    return posixpath.normpath(posixpath.join("/", path))


def _role(path: tuple[Key, ...]) -> str:
    """The field in which a `DataSource` stands; of one in a map, whose keys are anything, the map's."""
    plain = {
        camel_case(each): each
        for each in (*_CERTIFICATE, *_KEY, *_AUTHORITY, _BUNDLES, "local_jwks", "inline_jwks", _MAP)
    }
    fields = [each for each in path if isinstance(each, str) and each not in ("local", "specifier", "data_source")]
    if not fields:
        return ""
    above = plain.get(fields[-2], fields[-2]) if len(fields) > 1 else ""
    return above if above == _MAP else plain.get(fields[-1], fields[-1])


def _beside(document: JsonObject, path: tuple[Key, ...]) -> str:
    """The other file of a pair of certificate and key."""
    data: Json = document
    for each in path[:-1]:
        data = data[each]
    if not isinstance(data, dict):
        return ""
    other = either(data, "certificate_chain" if _role(path) == "private_key" else "private_key")
    file = other.get("filename") if isinstance(other, dict) else None
    return absolute(file) if isinstance(file, str) else ""


def _is_file(path: tuple[Key, ...], found: JsonObject, field: str, file: str) -> bool:
    """Whether a field that is called so is a file's that is read here: many that are called path are of requests."""
    if field in ("proto_descriptor", "descriptor_path"):
        return True
    if not file.startswith(("/", "./")):
        return False
    last = str(path[-1]) if path else ""
    in_source = last in (*SOURCES, "path_config_source", "pathConfigSource") and "ads" not in found
    return field != "path" or in_source or (kind_of(found) == "" and last == "watched_file")


def _content(file: Named, names: tuple[str, ...], *, of_rsa: bool) -> bytes | None:
    """What can stand in for it; None for what nobody can make. Args: of_rsa: the kind of keys."""
    match file.role:
        case "certificate_chain":
            return _pair(file.path, file.beside, names, is_key=False, of_rsa=of_rsa)
        case "private_key":
            return _pair(file.beside or file.path, file.path, names, is_key=True, of_rsa=of_rsa)
        case "trusted_ca" | "trust_bundle" | "root_certs":
            return certificates.authority().chain.encode()
        case "crl":
            return certificates.empty_revocations().encode()
        case "local_jwks" | "inline_jwks":
            return json.dumps(keys.public()).encode()
        case "code":
            return wasm.module()
        case "proto_descriptor" | "descriptor_path":
            return _described(file.services)
        case "keys":
            return bytes(80)  # of session tickets
        case "source_code" | "default_source_code" | "source_codes":
            return b"-- nobody gave the script: nothing is done\n"
        case "body" | "inline_body" | "body_format" | "text_format_source":
            return b"a file of this run\n"
        case "path":
            return b"resources: []\n"
        case "token_file" | "secret" | "token" | "credential" | "value" | "password" | "hmac_secret" | "token_secret":
            return b"a secret of tests"
        case "pressure":
            return b"0"
        case _:
            return None


def _described(services: tuple[str, ...]) -> bytes:
    """The services without methods: nothing is changed of requests, and all else can be probed."""
    from google.protobuf import descriptor_pb2  # it takes a while, and few configurations need it

    made = descriptor_pb2.FileDescriptorSet()
    for name in services:
        package, _, service = name.rpartition(".")
        file = made.file.add(name=f"{name}.proto", package=package, syntax="proto3")
        file.service.add(name=service)
    return made.SerializeToString(deterministic=True)


def folders(configuration: Configuration, files_made: Iterable[str]) -> tuple[str, ...]:
    """Those that the configuration watches, and in which nothing is; those where Envoy writes, or its sockets are."""
    wanted: dict[str, None] = {}
    for _, document in configuration.documents():
        for path, found in objects(document):
            root, below = either(found, "symlink_root"), either(found, "subdirectory")
            if isinstance(root, str):
                wanted[absolute(posixpath.join(root, below) if isinstance(below, str) else root)] = None
            if path and path[-1] in ("watched_directory", "watchedDirectory") and isinstance(found.get("path"), str):
                wanted[absolute(found["path"])] = None
            wanted |= dict.fromkeys(_written_to(path, found))
    made = tuple(files_made)
    return tuple(
        each
        for each in wanted
        if each != "/"
        and not f"{each}/".startswith(_NO_FILES)
        and not any(file.startswith(f"{each}/") for file in made)
    )


def _written_to(path: tuple[Key, ...], found: JsonObject) -> Iterator[str]:
    """The folders of files that Envoy makes: of logs, taps, profiles, caches; of sockets at which it listens."""
    if isinstance(folder := either(found, "cache_path"), str):
        yield absolute(folder)
    files = [either(found, field) for field in _WRITTEN]
    if "listeners" in path or kind_of(found) == LISTENER.rpartition("/")[2]:
        files += [inner(found, "address", "pipe").get("path")]
    there = (each for each in files if isinstance(each, str) and not each.startswith("@"))
    yield from (posixpath.dirname(absolute(each)) for each in there)


def _pair(certificate_at: str, key_at: str, names: tuple[str, ...], *, is_key: bool, of_rsa: bool) -> bytes:
    made = certificates.certificate(posixpath.basename(certificate_at), names, of_rsa=of_rsa)
    if certificate_at == key_at or not key_at:  # both are in one file
        return (made.chain + made.key).encode()
    return (made.key if is_key else made.chain).encode()
