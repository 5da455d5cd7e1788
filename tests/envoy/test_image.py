"""Envoys of images, from a registry on loopback."""

import base64
import json
import re
import ssl
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from takeover.base.errors import BadInputError, TakeoverError
from takeover.envoy import image
from takeover.envoy.registry import DOCKER_HUB, reference_of
from takeover.envoy.releases import resolve
from tests.envoy.published import Answer, Asked, Site, layer, site

REPOSITORY = "envoyproxy/envoy"
TAG = f"/v2/{REPOSITORY}/manifests/v1.41.0"
PATH = "usr/local/bin/envoy"


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    monkeypatch.setattr(image.platform, "machine", lambda: "x86_64")  # type: ignore[attr-defined]
    with site() as here:
        monkeypatch.setenv(DOCKER_HUB, here.address)
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
        yield here


@pytest.fixture
def layers(fake_envoy: Path) -> list[bytes]:
    return [layer(("etc/os-release", b"Ubuntu")), layer((PATH, fake_envoy.read_bytes())), layer((f"{PATH}.dwp", b"x"))]


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()} if folder.exists() else set()


def host(site: Site) -> str:
    return site.address.removeprefix("http://")


@pytest.mark.parametrize("in_list", [True, False])
@pytest.mark.parametrize("by", ["tag", "digest", "registry"])
def test_the_binary_of_an_image_is_kept_by_its_digest(
    registry: Site, cache: Path, layers: list[bytes], fake_envoy: Path, by: str, in_list: bool
) -> None:
    digest = registry.image(REPOSITORY, "v1.41.0", layers, in_list=in_list)
    item = {
        "tag": f"{REPOSITORY}:v1.41.0",
        "digest": f"{REPOSITORY}@{digest}",
        "registry": f"{host(registry)}/{REPOSITORY}:v1.41.0",
    }[by]
    told: list[str] = []
    (found,) = resolve(f"image:{item}", told.append)

    folder = cache / f"image-{digest.removeprefix('sha256:')}"
    assert (found.version, found.path) == ("1.41.0-dev", folder / "envoy")
    assert found.name == (f"envoy-{digest[7:19]}" if by == "digest" else "envoy-v1.41.0")
    assert found.path.read_bytes() == fake_envoy.read_bytes()
    assert told == [f"fetching Envoy of {item} ({digest}) into {folder}"]
    assert names(cache) == {folder.name, "lock", "identities.json"}
    lowest = [
        each for each in registry.answers if isinstance(at := registry.answers[each], Answer) and at.body == layers[0]
    ]
    assert lowest
    assert lowest[0] not in registry.asked  # it is not needed

    registry.answers.clear()
    (mine,) = resolve(f"mine=image:{REPOSITORY}@{digest}", told.append)  # nobody is asked
    assert (mine.name, mine.path, len(told)) == ("mine", found.path, 1)


def test_a_tag_that_was_moved_is_another_envoy(registry: Site, cache: Path, layers: list[bytes]) -> None:
    registry.image(REPOSITORY, "v1.41.0", layers)
    (first,) = resolve(f"image:{REPOSITORY}:v1.41.0")
    other = layers[1:]
    registry.image(REPOSITORY, "v1.41.0", other)
    (second,) = resolve(f"image:{REPOSITORY}:v1.41.0")

    assert first.path != second.path
    assert len(names(cache)) == 4


@pytest.mark.parametrize("password", ["", "ann:secret"])
def test_a_token_is_got_where_one_is_wanted(
    registry: Site, cache: Path, layers: list[bytes], tmp_path: Path, password: str
) -> None:
    registry.image(REPOSITORY, "v1.41.0", layers)
    scope = f"repository:{REPOSITORY}:pull"
    wanted = f'Bearer realm="{registry.address}/token",service="a registry, here",scope="{scope}"'
    for path, answer in list(registry.answers.items()):

        def guarded(request: Asked, answer: object = answer) -> Answer:
            assert isinstance(answer, Answer)
            is_shown = request.headers["authorization"] == "Bearer of-the-service"
            return answer if is_shown else Answer(status=401, headers={"www-authenticate": wanted})

        registry.answers[path] = guarded

    def token(request: Asked) -> Answer:
        asked = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        basic = f"Basic {base64.b64encode(password.encode()).decode()}" if password else None
        is_right = (asked, request.headers["authorization"]) == (
            {"service": ["a registry, here"], "scope": [scope]},
            basic,
        )
        return Answer(json.dumps({"token": "of-the-service"}).encode()) if is_right else Answer(status=403)

    registry.answers["/token"] = token
    if password:
        (tmp_path / "docker").mkdir()
        auth = {"auth": base64.b64encode(password.encode()).decode()}
        auths = {host(registry): auth, "https://elsewhere/": {"auth": "bm90OnRoaXM="}}
        (tmp_path / "docker/config.json").write_text(json.dumps({"auths": auths, "credsStore": "none"}))
    (release,) = resolve(f"image:{host(registry)}/{REPOSITORY}:v1.41.0")
    assert release.path.is_relative_to(cache)


def bearer(realm: str) -> dict[str, str]:
    return {"www-authenticate": f'Bearer realm="{realm}"'}


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({TAG: Answer(status=404)}, "--envoy: Docker Hub has no envoyproxy/envoy v1.41.0"),
        ({TAG: Answer(status=401)}, r"does not give envoyproxy/envoy to who asks without a password \(answer 401\)"),
        ({TAG: Answer(status=401, headers=bearer("SITE/no-token"))}, "Docker Hub answers 404 where it has a token for"),
        ({TAG: Answer(status=401, headers=bearer("file:///etc"))}, "wants a token, and names nobody who gives one"),
        ({TAG: Answer(status=401, headers=bearer("SITE/empty"))}, "the token service of Docker Hub gives no token"),
        ({TAG: Answer(status=401, headers=bearer("SITE/token"))}, r"does not give .* \(answer 401\)"),
        ({TAG: Answer(status=429, headers={"retry-after": "60"})}, r"no more requests from here for now \(for 60 s\)"),
        ({TAG: Answer(status=500)}, "Docker Hub answers 500 where it has envoyproxy/envoy v1.41.0"),
        (
            {TAG: Answer(b"{}", headers={"docker-content-digest": "sha256:" + "0" * 64})},
            "than its digest says: sha256:",
        ),
        ({TAG: Answer(bytes(5 << 20))}, "more than 4194304 bytes where a list is expected"),
        ({TAG: Answer(b"{", sent=0)}, "what Docker Hub sends breaks off: try again"),
        ({TAG: Answer(status=307, headers={"location": TAG})}, "from one address to the next without end"),
    ],
)
def test_what_a_registry_refuses_is_one_line(
    registry: Site, cache: Path, layers: list[bytes], answers: dict[str, Answer], told: str
) -> None:
    registry.image(REPOSITORY, "v1.41.0", layers)
    for each in answers.values():
        each.headers = {name: value.replace("SITE", registry.address) for name, value in each.headers.items()}
    registry.answers |= {"/empty": Answer(b"[]"), "/token": Answer(b'{"access_token": "x"}'), **answers}
    with pytest.raises(TakeoverError, match=told) as caught:
        resolve(f"image:{REPOSITORY}:v1.41.0")
    assert "\n" not in str(caught.value)
    assert registry.address not in str(caught.value)
    assert names(cache) == set()


def blob_of(registry: Site, body: bytes) -> str:
    [path] = [each for each, at in registry.answers.items() if isinstance(at, Answer) and at.body == body]
    return path


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(status=404), "Docker Hub answers 404 where it has a layer of envoyproxy/envoy"),
        (Answer(status=429), "takes no more requests from here for now, answer 429"),
        (
            Answer(b"something else"),
            r"sends another layer of envoyproxy/envoy than was asked for: its digest is",
        ),
        (Answer(bytes(100_000), sent=1000), "what Docker Hub sends breaks off: try again"),
    ],
)
def test_a_layer_that_is_not_what_it_should_be_leaves_nothing(
    registry: Site, cache: Path, layers: list[bytes], answer: Answer, told: str
) -> None:
    registry.image(REPOSITORY, "v1.41.0", layers)
    registry.answers[blob_of(registry, layers[1])] = answer
    with pytest.raises(TakeoverError, match=told):
        resolve(f"image:{REPOSITORY}:v1.41.0")
    assert names(cache) == {"lock"}


def test_what_is_published_otherwise_is_one_line(registry: Site, cache: Path, layers: list[bytes]) -> None:
    registry.image(REPOSITORY, "arm", layers, "arm64")
    registry.image(REPOSITORY, "single", layers, "arm64", in_list=False)
    registry.image(REPOSITORY, "without", [layers[0]])
    registry.image(REPOSITORY, "other", [layer((PATH, b"#!/bin/sh\necho hello\n"))])
    registry.answers[f"/v2/{REPOSITORY}/manifests/html"] = Answer(b"<html>")
    digest = registry.image(REPOSITORY, "changed", layers)
    registry.answers[f"/v2/{REPOSITORY}/manifests/{digest}"] = Answer(b"{}")
    for tag, told in {
        "arm": "the image envoyproxy/envoy is for linux/arm64, not for linux/amd64",
        "single": "the image envoyproxy/envoy is for linux/arm64, not for linux/amd64",
        "without": "the image envoyproxy/envoy:without has no /usr/local/bin/envoy",
        "other": "is not an Envoy: `--version` ended with 0 and said: hello",
        "changed": "sends something else of envoyproxy/envoy than its digest says",
        "html": "Docker Hub has no envoyproxy/envoy sha256:",  # its digest is of nothing that is there
    }.items():
        with pytest.raises(TakeoverError, match=re.escape(told)):
            resolve(f"image:{REPOSITORY}:{tag}")
    assert names(cache) == {"lock"}


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag"),
    [
        ("envoyproxy/envoy:v1.31.0", "", "envoyproxy/envoy", "v1.31.0"),
        ("docker.io/envoyproxy/envoy-contrib:v1.31-latest", "", "envoyproxy/envoy-contrib", "v1.31-latest"),
        ("envoy:1", "", "library/envoy", "1"),
        ("localhost/envoy:1", "localhost", "envoy", "1"),
        ("localhost:5000/a/b/envoy:1", "localhost:5000", "a/b/envoy", "1"),
        ("ghcr.io/a/b:c", "ghcr.io", "a/b", "c"),
        ("mine:443/a:c", "mine:443", "a", "c"),
        ("[::1]:5000/a:c", "[::1]:5000", "a", "c"),
    ],
)
def test_references_are_read_as_docker_reads_them(text: str, registry: str, repository: str, tag: str) -> None:
    found = reference_of(text)
    assert (found.registry, found.repository, found.tag, found.digest) == (registry, repository, tag, "")
    digest = f"sha256:{'a' * 64}"
    assert reference_of(f"{text}@{digest}").digest == digest


@pytest.mark.parametrize("text", ["", "Envoy:1", "a/../b:1", "a@sha256:12", "a:b:c:d", "https://a.io/a:b", "a/b@md5:0"])
def test_what_names_no_image_is_one_line(text: str) -> None:
    with pytest.raises(BadInputError, match="this names no image: write"):
        resolve(f"image:{text}")


def test_an_image_without_tag_is_asked_back_and_a_registry_that_is_away_is_told() -> None:
    with pytest.raises(BadInputError, match=r"say which one, as envoyproxy/envoy:v1\.40\.0 or by its digest"):
        resolve("image:envoyproxy/envoy")
    with pytest.raises(TakeoverError, match=r"the registry 127.0.0.1:9 cannot be asked \(ConnectError\): where"):
        resolve("image:127.0.0.1:9/envoy:1")


@pytest.fixture
def safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A mirror with TLS, whose certificate is trusted."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with site(context) as here:
        monkeypatch.setenv(DOCKER_HUB, here.address)
        yield here


@pytest.mark.usefixtures("cache")
def test_from_an_address_with_tls_none_without_is_gone_to(safe: Site, layers: list[bytes]) -> None:
    safe.image(REPOSITORY, "v1.41.0", layers)
    assert resolve(f"image:{REPOSITORY}:v1.41.0")[0].name == "envoy-v1.41.0"

    plain = "http://plain.invalid/"  # a name that nobody has: to be asked for it would be another error
    safe.answers[TAG] = Answer(status=302, headers={"location": plain})
    with pytest.raises(TakeoverError, match="Docker Hub leads from an address with TLS to one without: not followed"):
        resolve(f"image:{REPOSITORY}:v1.41.0")
    safe.answers[TAG] = Answer(status=401, headers=bearer(plain))
    with pytest.raises(TakeoverError, match="Docker Hub names a token service without TLS: not asked"):
        resolve(f"image:{REPOSITORY}:v1.41.0")
