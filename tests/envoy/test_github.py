"""Envoys of GitHub's releases, from a server on loopback that says what GitHub says."""

import fcntl
import hashlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.base.errors import BadInputError, TakeoverError
from takeover.envoy.github import API, DOWNLOADS
from takeover.envoy.releases import resolve
from tests.envoy.published import Answer, Asked, Site, site

MACHINE = {"x86_64": "x86_64", "aarch64": "aarch_64"}[platform.machine()]
ASSET = f"envoy-1.41.0-linux-{MACHINE}"


@pytest.fixture(autouse=True)
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with site() as here:
        monkeypatch.setenv(DOWNLOADS, f"{here.address}/download")
        monkeypatch.setenv(API, f"{here.address}/api/")
        monkeypatch.delenv("GITHUB_TOKEN", raising=False)
        yield here


@pytest.fixture
def binary(fake_envoy: Path) -> bytes:
    return fake_envoy.read_bytes().replace(b"1.41.0-dev", b"1.41.0")


def publish(github: Site, binary: bytes, asset: str = ASSET, checksum: str = "") -> None:
    """A release with checksums, signed as text."""
    checksum = checksum or hashlib.sha256(binary).hexdigest()
    text = (
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{'1' * 64}  other-{asset}\n"
        f"{checksum}  bin/{asset}\n-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
    )
    github.answers["/download/v1.41.0/checksums.txt.asc"] = Answer(text.encode())
    github.answers[f"/download/v1.41.0/{asset}"] = Answer(binary)


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


@pytest.mark.parametrize(("item", "name"), [("1.41.0", "github-1.41.0"), ("contrib-v1.41.0", "github-contrib-1.41.0")])
def test_a_release_is_fetched_once(github: Site, cache: Path, binary: bytes, item: str, name: str) -> None:
    asset = ASSET.replace("envoy-", "envoy-contrib-") if "contrib" in name else ASSET
    publish(github, binary, asset)
    told: list[str] = []
    (first,) = resolve(f"github:{item}", told.append)

    assert (first.name, first.version, first.is_post_release) == (name, "1.41.0", False)
    assert first.path == cache / name / "envoy"
    assert first.path.read_bytes() == binary
    assert told == [f"fetching Envoy {name.removeprefix('github-')} of GitHub into {cache / name}"]
    github.answers.clear()
    (mine,) = resolve(f"mine=github:{item}", told.append)
    assert (mine.name, mine.path, len(told)) == ("mine", first.path, 1)
    assert github.asked == ["/download/v1.41.0/checksums.txt.asc", f"/download/v1.41.0/{asset}"]
    assert names(cache) == {name, "lock", "identities.json"}


def test_where_a_release_has_no_list_its_api_is_asked(
    github: Site, cache: Path, binary: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(github, binary)
    del github.answers["/download/v1.41.0/checksums.txt.asc"]
    shown: list[str | None] = []

    def told(request: Asked) -> Answer:
        shown.append(request.headers["authorization"])
        digest = f"sha256:{hashlib.sha256(binary).hexdigest()}"
        return Answer(json.dumps({"assets": [{"name": "other"}, {"name": ASSET, "digest": digest}]}).encode())

    github.answers["/api/releases/tags/v1.41.0"] = told
    monkeypatch.setenv("GITHUB_TOKEN", "a-token")
    (release,) = resolve("github:1.41.0")

    assert release.path == cache / "github-1.41.0" / "envoy"
    assert shown == ["Bearer a-token"]


def test_what_is_elsewhere_is_followed_to(github: Site, cache: Path, binary: bytes) -> None:
    publish(github, binary)
    github.answers["/elsewhere"] = github.answers[f"/download/v1.41.0/{ASSET}"]
    github.answers[f"/download/v1.41.0/{ASSET}"] = Answer(status=302, headers={"location": "/elsewhere"})
    (release,) = resolve("github:1.41.0")
    assert release.path.parent.parent == cache


LIMIT = {"x-ratelimit-remaining": "0"}
NO_ASSETS = json.dumps({"assets": [{"name": "envoy-1.41.0-linux-s390x"}]}).encode()
NO_DIGEST = json.dumps({"assets": [{"name": ASSET, "digest": None}]}).encode()
SUMS, BINARY, TAG = "/download/v1.41.0/checksums.txt.asc", f"/download/v1.41.0/{ASSET}", "/api/releases/tags/v1.41.0"


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({SUMS: Answer(status=404)}, "Envoy has no release 1.41.0 on GitHub"),
        (
            {SUMS: Answer(b"nothing"), TAG: Answer(NO_ASSETS)},
            f"has no {ASSET} on GitHub; its assets: envoy-1.41.0-linux",
        ),
        ({SUMS: Answer(b""), TAG: Answer(NO_DIGEST)}, f"tells no checksum of {ASSET}: fetch it yourself, and give"),
        ({SUMS: Answer(b""), TAG: Answer(b"{]")}, "what GitHub says of release 1.41.0 is no list of assets"),
        (
            {SUMS: Answer(b""), TAG: Answer(status=403, headers=LIMIT)},
            "no more requests from here for now: set GITHUB_",
        ),
        ({SUMS: Answer(b""), TAG: Answer(status=500)}, "GitHub answers 500 where it has release 1.41.0"),
        ({SUMS: Answer(status=429, headers={"retry-after": "7"})}, r"no more requests from here for now \(for 7 s\)"),
        ({SUMS: Answer(status=503)}, "GitHub answers 503 where it has checksums.txt.asc"),
        ({SUMS: Answer(bytes(5 << 20))}, "more than 4194304 bytes where a list is expected"),
        ({BINARY: Answer(status=404)}, f"release 1.41.0 of Envoy has no {ASSET} on GitHub"),
        ({BINARY: Answer(status=429)}, "takes no more requests from here for now, answer 429"),
        ({BINARY: Answer(b"something else")}, r"is not what its release tells of: its SHA-256 is \w{64}, not \w{64}"),
        ({BINARY: Answer(bytes(1000), sent=10)}, "what GitHub sends breaks off: try again"),
        ({BINARY: Answer(status=302, headers={"location": BINARY})}, "from one address to the next without end"),
        (
            {BINARY: Answer(status=302, headers={"location": "http://127.0.0.1:9/"})},
            r"cannot be asked \(Connect",
        ),
    ],
)
def test_what_fails_is_one_line_and_leaves_nothing(
    github: Site, cache: Path, binary: bytes, fake_envoy: Path, answers: dict[str, Answer], told: str
) -> None:
    publish(github, binary)
    github.answers |= answers
    with pytest.raises(TakeoverError, match=told) as caught:
        resolve("github:1.41.0")

    assert "\n" not in str(caught.value)
    assert github.address not in str(caught.value)
    assert not fake_envoy.with_name("runs").exists()
    assert names(cache) == {"lock"}


def test_without_a_network_it_says_what_to_do(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DOWNLOADS, "http://127.0.0.1:9/somewhere")
    with pytest.raises(TakeoverError, match="where there is no network, give --envoy the path of a binary"):
        resolve("github:1.41.0")
    assert names(cache) == {"lock"}


def test_a_mirror_without_checksums_does_not_lead_to_github(
    github: Site, binary: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(github, binary)
    del github.answers[SUMS]
    monkeypatch.delenv(API)
    with pytest.raises(BadInputError, match=f"what {DOWNLOADS} names tells no checksum of {ASSET} in v1.41.0/"):
        resolve("github:1.41.0")
    assert names(cache) == {"lock"}


@pytest.mark.parametrize(("by", "told"), [(b"1.40.9", "calls itself 1.40.9"), (b"", "is not an Envoy")])
def test_what_is_another_envoy_or_none_is_not_kept(
    github: Site, cache: Path, binary: bytes, by: bytes, told: str
) -> None:
    publish(github, binary.replace(b"1.41.0", by))
    with pytest.raises(TakeoverError, match=told):
        resolve("github:1.41.0")
    assert names(cache) == {"lock"}


@pytest.mark.parametrize("item", ["", "latest", "1.41", "v1.41.0/../..", "envoy-1.41.0"])
def test_what_is_no_version_is_one_line(item: str) -> None:
    with pytest.raises(BadInputError, match=re.escape(f"--envoy github:{item}: write a version, as github:1.33.2")):
        resolve(f"github:{item}")


def test_of_a_run_that_is_killed_in_a_download_the_next_one_leaves_nothing(
    github: Site, cache: Path, binary: bytes
) -> None:
    publish(github, binary)
    whole = Answer(bytes(64 << 20))
    going_on = [True]

    def slowly(request: Asked) -> Answer:
        request.send_response(200)
        request.send_header("content-length", str(len(whole.body)))
        request.end_headers()
        request.wfile.write(whole.body[: 1 << 20])
        request.wfile.flush()
        while going_on:
            time.sleep(0.01)
        return Answer(sent=0)

    github.answers[BINARY] = slowly
    run = [sys.executable, "-c", "from takeover.envoy.releases import resolve; resolve('github:1.41.0')"]
    with subprocess.Popen(run, stderr=subprocess.DEVNULL) as process:
        found = Retrying(retry=retry_if_result(lambda at: not at), wait=wait_fixed(0.01), stop=stop_after_delay(120))(
            lambda: [each for each in cache.glob(".download-*/release/envoy") if each.stat().st_size]
        )
        os.kill(process.pid, signal.SIGKILL)
    going_on.clear()
    assert found[0].exists()
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it any more

    publish(github, binary)
    resolve("github:1.41.0")
    assert names(cache) == {"github-1.41.0", "lock", "identities.json"}
