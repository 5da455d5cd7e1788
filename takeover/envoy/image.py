"""A source of Envoys: images of a registry, `--envoy image:envoyproxy/envoy:v1.31.0`, or by `@sha256:…`.

Of an image `/usr/local/bin/envoy` is taken out of its layers, and nothing else of it is used. A tag may be moved: the
registry is asked what it names now. A digest that is in the cache needs nobody.
"""

import functools
import os
import platform
from pathlib import Path

from takeover.base import cache
from takeover.base.errors import BadInputError
from takeover.envoy.identity import identify
from takeover.envoy.kept import BINARY, fetch_into, kept_binary, require_whole
from takeover.envoy.registry import Reference, Registry, reference_of
from takeover.envoy.sources import Tell, release_of
from takeover.model.release import Release

_BINARY_IN_IMAGE = "usr/local/bin/envoy"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_LARGEST_LAYER = 1 << 30
"""Bytes of a layer as it is sent."""


class Images:
    """See `takeover.envoy.sources.Source`: an item is an image's reference."""

    def releases(self, item: str, tell: Tell) -> list[Release]:
        """The Envoy of the image, fetched if need be."""
        reference = reference_of(item)
        if reference.digest and (binary := _kept(reference.digest)).exists():
            return [_release(reference, binary)]
        registry = Registry(reference)
        try:
            digest = registry.digest(reference)
            with cache.writing(f"Envoy of {item}"):
                binary = _kept(digest)
                if not binary.exists():
                    fetch = functools.partial(_fetch, registry, item, digest)
                    binary = fetch_into(binary.parent.name, f"Envoy of {item} ({digest})", tell, fetch)
        finally:
            registry.close()
        return [_release(reference, binary)]


def _release(reference: Reference, binary: Path) -> Release:
    require_whole(binary)
    return release_of(_name(reference), binary)


def _kept(digest: str) -> Path:
    return kept_binary(f"image-{digest.partition(':')[2]}")


def _name(reference: Reference) -> str:
    """As tests' ids may have it."""
    of = reference.repository.rpartition("/")[2]
    return f"{of}-{reference.tag or reference.digest.partition(':')[2][:12]}".replace("_", "-")


def _fetch(registry: Registry, item: str, digest: str, download: Path, _lock: int) -> None:
    """Downloads as many layers as need be, each checked, takes the binary out of them, and tries it."""
    from takeover.envoy.layers import take_out

    layers = registry.layers(digest, _ARCHITECTURES.get(platform.machine(), platform.machine()))

    def layer(number: int) -> Path:
        file = download / f"layer-{number}"
        if not file.exists():
            registry.save(layers[number], file, _LARGEST_LAYER)
        return file

    if not take_out(_BINARY_IN_IMAGE, len(layers), layer, download / BINARY):
        raise BadInputError(f"--envoy: the image {item} has no /{_BINARY_IN_IMAGE}")
    with (download / BINARY).open("rb") as file:
        os.fsync(file.fileno())
    (download / BINARY).chmod(0o755)
    identify(download / BINARY, download / "identities.json")
