"""A run of probes on a real Envoy from servers on loopback that publish it as GitHub and a registry do."""

import hashlib
import platform
import re
from pathlib import Path

from takeover.base.cache import cache_folder
from takeover.envoy.github import DOWNLOADS
from takeover.envoy.pypi import installed
from tests.envoy.published import Answer, layer, site
from tests.run.outside import one_line, run

MACHINE = {"x86_64": ("x86_64", "amd64"), "aarch64": ("aarch_64", "arm64")}[platform.machine()]


def test_probes_run_on_envoys_of_github_and_of_an_image(tmp_path: Path) -> None:
    version, path = installed()
    binary = path.read_bytes()
    asset = f"envoy-{version}-linux-{MACHINE[0]}"
    # Envoys of its own, and the containers' root file system that there is.
    (cache_folder() / "lab").mkdir(parents=True, exist_ok=True)
    (tmp_path / "envoy-takeover").mkdir()
    (tmp_path / "envoy-takeover/lab").symlink_to(cache_folder() / "lab")
    with site() as here:
        here.answers[f"/v{version}/checksums.txt.asc"] = Answer(
            f"{hashlib.sha256(binary).hexdigest()}  {asset}\n".encode()
        )
        here.answers[f"/v{version}/{asset}"] = Answer(binary)
        layers = [layer(("usr/local/bin/envoy", binary), packed=False)]
        digest = here.image("envoyproxy/envoy", f"v{version}", layers, MACHINE[1])
        image = f"image:{here.address.removeprefix('http://')}/envoyproxy/envoy:v{version}"
        result = run(
            *("--envoy", f"github:{version},{image}", "--probes", "-n0", "--reports", str(tmp_path / "reports")),
            *("suites/outbound", "-m", "probes", "-k", "outbound-block-all", "-v"),
            XDG_CACHE_HOME=str(tmp_path),
            **{DOWNLOADS: here.address},
        )
    text, sha256 = one_line(result), hashlib.sha256(binary).hexdigest()

    assert result.returncode == 0, text
    for name in (f"github-{version}", f"envoy-v{version}"):
        assert re.search(rf"^envoy: {re.escape(name)} \(commit \w+, .+, sha256 {sha256}", text, re.MULTILINE)
        assert f"[envoy-{name}" in text
    assert {each.name for each in (tmp_path / "envoy-takeover/envoy").iterdir() if each.is_dir()} == {
        f"github-{version}",
        f"image-{digest.removeprefix('sha256:')}",
    }
    assert "no difference from" in text
