"""What lies below a probe's protocol, as probes.yaml says it of the probe or of its group."""

from msgspec import UNSET
from msgspec.structs import replace

from takeover.model.request import ProbeRequest
from takeover.probes.entries import GroupEntry, ProbeEntry
from takeover.probes.layers.connection import PLAIN, Layers
from takeover.scenario.loader import Scenario


def layers_of(scenario: Scenario, group: GroupEntry, entry: ProbeEntry) -> Layers:
    """The probe's layers. Raises: BadInputError "FILE:LINE: …"."""
    proxy = group.proxy if entry.proxy is UNSET else entry.proxy
    tls = group.tls if entry.tls is UNSET else entry.tls
    if proxy is None and tls is None:
        return PLAIN
    from takeover.probes.layers.proxy import header
    from takeover.probes.layers.tls import tls_of

    return Layers(b"" if proxy is None else header(proxy), None if tls is None else tls_of(tls, scenario.library.roots))


def recorded(request: ProbeRequest, layers: Layers, entry: ProbeEntry) -> ProbeRequest:
    """The request with its layers, from which address it comes, and how often it is made at once."""
    if layers == PLAIN and entry.connections == 1 and not entry.source_address:
        return request
    return replace(
        request,
        proxy=layers.proxy.decode("latin-1") or None,
        tls=None if layers.tls is None else layers.tls.offer,
        connections=entry.connections,
        source_address=entry.source_address,
    )
