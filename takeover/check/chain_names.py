"""What the filter chains of a listener are called: Envoy takes several of one name, and such without any."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from takeover.check.messages import objects
from takeover.scenario.envoy_config import either

DEFAULT = "default"


def chain_names(listener: Mapping[str, Any]) -> list[str]:
    """One for each chain, no two alike, the default one last.

    It is the chain's name, or its number, or `default`; where several would be called so, with its number behind it:
    `web (2)`.

    Args:
        listener: `envoy.config.listener.v3.Listener`.
    """
    chains = enumerate(objects(either(listener, "filter_chains")))
    named = [(str(each.get("name") or number), str(number)) for number, each in chains]
    if isinstance(default := either(listener, "default_filter_chain"), dict):
        named.append((str(default.get("name") or DEFAULT), DEFAULT))
    counted = Counter(name for name, _ in named)
    found: list[str] = []
    taken = {name for name, number in counted.items() if number == 1}
    for name, number in named:
        told = name
        while counted[name] > 1 and (told == name or told in taken):
            told += f" ({number})"
        taken.add(told)
        found.append(told)
    return found
