"""How long Envoy waits for the services that it asks, some only 20 ms, and how long it has clients wait.

A busy machine takes longer than the one, and a probe is over before the other.
"""

from takeover.check.messages import seconds
from takeover.check.world.configuration import Configuration, content_of, inner, kind_of, objects, set_field
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either

_SHORTEST = 0.25  # seconds
_PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    ".ratelimit.v3.RateLimit": (("timeout",),),
    ".ext_authz.v3.ExtAuthz": (("grpc_service", "timeout"), ("http_service", "server_uri", "timeout")),
    ".ext_proc.v3.ExternalProcessor": (("message_timeout",),),
}
"""By the end of a message's name where its times stand."""
_DELAYS = "fixed_delay"
_LONGEST = 0.1  # seconds


def wait_for_services(configuration: Configuration) -> None:
    """Has filters wait no less than a quarter of a second."""
    found = False
    for _, document in configuration.documents():
        for _, each in list(objects(document)):
            for fields in _PLACES.get(_end(kind_of(each)), ()):
                found |= _longer(content_of(each), fields)
    if found:
        configuration.differs(
            f"answers of services are waited for {_SHORTEST} s at least",
            "by itself a rate limit waits 20 ms, and on a busy machine that would be chance",
        )


def delay_less(configuration: Configuration) -> None:
    """Has faults delay no longer than a tenth of a second."""
    found = 0.0
    for _, document in configuration.documents():
        for _, each in list(objects(document)):
            if (delay := seconds(either(each, _DELAYS))) > _LONGEST:
                set_field(each, _DELAYS, f"{_LONGEST}s")
                found = max(found, delay)
    if found:
        what = f"delays of faults are of {_LONGEST} s, not up to {found:g} s"
        configuration.differs(what, "a probe would be over before")


def _end(kind: str) -> str:
    """The last three words of a message's name."""
    return "." + ".".join(kind.split(".")[-3:])


def _longer(content: JsonObject, fields: tuple[str, ...]) -> bool:
    *outer, name = fields
    holder = inner(content, *outer)
    if outer and not holder:
        return False
    if seconds(either(holder, name)) >= _SHORTEST:
        return False
    set_field(holder, name, f"{_SHORTEST}s")
    return True
