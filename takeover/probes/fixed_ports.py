"""Ports that a scenario's own files name: none of them is of chance, though the kernel gives such numbers, too."""

import re

from takeover.model.json import encode
from takeover.probes.normal_rules import EPHEMERAL
from takeover.scenario.loader import Scenario

_WRITTEN = re.compile(r"(?i)port\w*[\"']?\s*:\s*[\"']?(\d{5})\b|(?<=[\w.\]]):(\d{5})\b")
"""What a key says that is called after a port, and what follows an address or a name."""
_KEPT = re.compile(r":<port (\d{5})>")
_NONE = re.compile(r"(?!)()")


def fixed_ports(scenario: Scenario) -> frozenset[int]:
    """Those that the configs and objects of the scenario name, of all that the kernel might give a client."""
    texts = [*scenario.config_files().values(), encode(scenario.objects()).decode()]
    found = {int(each[1] or each[2]) for text in texts for each in _WRITTEN.finditer(text)}
    return frozenset(port for port in found if EPHEMERAL <= port < 1 << 16)


class FixedPorts:
    """Keeps these ports from the rule "client-port": an upstream's other port is a difference."""

    def __init__(self, ports: frozenset[int]) -> None:
        self._found = re.compile(rf":({'|'.join(map(str, sorted(ports)))})\b") if ports else _NONE

    def kept(self, text: str) -> str:
        """The text with each of them in a form that the rule does not find."""
        return self._found.sub(r":<port \1>", text)

    @staticmethod
    def restored(text: str) -> str:
        """The text with what was kept as it was."""
        return _KEPT.sub(r":\1", text)
