"""Works out the probes of a configuration."""

from takeover.check.derive.bounds import Bounds
from takeover.check.derive.probes import probes

__all__ = ["Bounds", "probes"]
