"""Everything about a scene that helps to see why a test failed, as text."""

from collections.abc import Callable

import httpx

from takeover.errors import TakeoverError
from takeover.scene import Scene

# What moves whether or not there is traffic under test, or says nothing about it.
_IRRELEVANT = ("server.", "runtime.", "filesystem.", "listener.admin.", "http.admin.", "main_thread.", "workers.")
_LAST_LINES = 60
# Envoy begins its log with a line of up to some kilobytes for each kind of extension that it has.
_LONGEST_LINE = 400


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
