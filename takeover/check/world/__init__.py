"""Makes what a configuration needs around it: names, addresses, certificates, services; as a scenario's files."""

from takeover.check.world.building import build

__all__ = ["build"]
