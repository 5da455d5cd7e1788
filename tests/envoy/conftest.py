import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.envoy.admin import Admin
from takeover.envoy.releases import resolve
from takeover.model.release import Release

CONFIG = """
node: {id: of-the-user, cluster: test, metadata: {envoy-takeover.config_id: a-config-id}}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: blackhole
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: blackhole
          cluster: nobody
  clusters:
  - {name: nobody, type: STATIC}
"""


@dataclass(frozen=True)
class RunningEnvoy:
    admin: Admin
    client: httpx.Client
    release: Release


@pytest.fixture(scope="module")
def running_envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEnvoy]:
    """A real Envoy on loopback, its admin port chosen by the kernel; it may not serve yet."""
    folder = tmp_path_factory.mktemp("envoy")
    config, address, log = folder / "envoy.yaml", folder / "address", folder / "log"
    config.write_text(CONFIG)
    release = resolve(None)[0]
    options = ["--disable-hot-restart", "--concurrency", "1", "--log-path", str(log)]
    command = [str(release.path), "-c", str(config), "--admin-address-path", str(address), *options]
    with subprocess.Popen(command) as envoy:
        try:
            Retrying(retry=retry_if_result(lambda text: not text), wait=wait_fixed(0.01), stop=stop_after_delay(60))(
                lambda: address.exists() and address.read_text()
            )
            with httpx.Client(base_url=f"http://{address.read_text()}", trust_env=False, timeout=60) as client:
                yield RunningEnvoy(Admin(client), client, release)
        finally:
            envoy.kill()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, empty and in a folder of this test's own: where releases are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "envoy-takeover" / "envoy"


@pytest.fixture
def fake_envoy(tmp_path: Path) -> Path:
    """A program that reports itself as an Envoy, with another build each time that it is asked."""
    program = tmp_path / "my-envoy"
    program.write_text(
        f"#!{shutil.which('sh')}\nread build </proc/sys/kernel/random/uuid\n"
        'echo\necho "$0  version: 0123abcd/1.41.0-dev/Modified/$build/BoringSSL"\n'
    )
    program.chmod(0o755)
    return program
