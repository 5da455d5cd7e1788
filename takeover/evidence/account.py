"""Everything about a scene that helps to see why a test failed, as text."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx

from takeover.errors import TakeoverError
from takeover.scene import Scene

# What moves whether or not there is traffic under test, or says nothing about it.
_IRRELEVANT = ("server.", "runtime.", "filesystem.", "listener.admin.", "http.admin.", "main_thread.", "workers.")
_LAST_LINES = 60
# Envoy begins its log with a line of up to some kilobytes for each kind of extension that it has.
_LONGEST_LINE = 400
# Fields of Envoy's API that hold what nobody else may know, and headers that do.
_SECRET = re.compile(
    r"private_key|password|passphrase|(generic_|client_|hmac_|token_)?secret|session_ticket_keys|(access_)?token|users"
    r"|api_key"
)
_SECRET_HEADERS = re.compile(r"(proxy-)?authorization|(set-)?cookie|x-api-key")
_REMOVED = "(removed: a secret)"


def account(scene: Scene) -> dict[str, str]:
    """Title → text: each container's log, Envoy's counters that moved, the NAT rules of Envoy's Pod.

    An account that cannot be had any more says why: it must not hide the others.
    """
    texts = {}
    for pod_name, pod in scene.deployment.pods.items():
        for name, container in pod.containers.items():
            texts[f"log of {pod_name}/{name}"] = _or_why_not(lambda logs=container.logs: _end(logs()))  # type: ignore[misc]
    texts["Envoy's counters above zero"] = _or_why_not(lambda: _counters(scene))
    texts["iptables -t nat -S -v"] = _or_why_not(scene.envoy_pod.nat_rules)
    return {title: text for title, text in texts.items() if text}


def artefacts(scene: Scene) -> dict[str, str]:
    """File name → text of what a failed test leaves whole: logs, counters, Envoy's config, the NAT rules."""
    files = {}
    for pod_name, pod in scene.deployment.pods.items():
        for name, container in pod.containers.items():
            files[f"{pod_name.replace('/', '-')}-{name}.log"] = _or_why_not(container.logs)
    files["stats.txt"] = _or_why_not(lambda: "".join(f"{k}: {v}\n" for k, v in sorted(scene.envoy.stats().items())))
    files["config_dump.json"] = _or_why_not(
        lambda: json.dumps(without_secrets(scene.envoy.config_dump()), indent=1, ensure_ascii=False)
    )
    files["iptables.txt"] = _or_why_not(scene.envoy_pod.nat_rules)
    return {name: text for name, text in files.items() if text}


def without_secrets(config: Any) -> Any:
    """Data of a config without what authenticates somebody: its place is kept, and says that something was there."""
    if isinstance(config, dict):
        named = str(config.get("key", config.get("name", ""))).lower()
        return {
            key: _REMOVED
            if _SECRET.fullmatch(key) or (_SECRET_HEADERS.fullmatch(named) and key in ("value", "raw_value"))
            else without_secrets(value)
            for key, value in config.items()
        }
    if isinstance(config, list):
        return [without_secrets(each) for each in config]
    return config


def _or_why_not(tell: Callable[[], str]) -> str:
    try:
        return tell()
    except (TakeoverError, httpx.HTTPError, OSError) as error:
        return f"(not to be had: {error})"


def _end(text: str) -> str:
    lines = [line for line in text.splitlines() if len(line) <= _LONGEST_LINE]
    left_out = len(lines) - _LAST_LINES
    return "\n".join([f"({left_out} lines before)"] * (left_out > 0) + lines[-_LAST_LINES:])


def _counters(scene: Scene) -> str:
    stats = sorted(scene.envoy.stats().items())
    return "\n".join(f"{name}: {value}" for name, value in stats if value and not name.startswith(_IRRELEVANT))
