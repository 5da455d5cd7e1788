"""Addresses from which clients come: the Pod of a world has them beside those that are dialled."""

import ipaddress
from collections.abc import Iterable

from takeover.check.records import World
from takeover.peers.world import table


def have_clients_at(world: World, sources: Iterable[str]) -> None:
    """Gives these addresses to the world's Pod, too. Those of loopback it has."""
    file = world.scenario / "world" / table.FILE
    told = table.parsed(file.read_text(encoding="utf-8"))
    more = [each for each in sources if not ipaddress.ip_address(each).is_loopback and each not in told.addresses]
    if more:
        file.write_text(table.written(told._replace(addresses=(*told.addresses, *more))), encoding="utf-8")
