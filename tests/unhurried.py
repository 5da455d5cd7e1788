"""Settings of hypothesis under which a slow machine fails no test: no example is slow by the clock."""

from hypothesis import HealthCheck, settings

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
