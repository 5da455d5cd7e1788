"""What a bootstrap needs in a world: an admin API, who it is, statistics that a run can read."""

from takeover.check.world.configuration import LISTENER, PREFIX, Configuration, copied, drop, inner, objects, set_field
from takeover.check.world.dialled import address_in
from takeover.scenario.envoy_config import either
from takeover.scenario.supplying import CONFIG_ID

_ADMIN, _USUAL = "admin", 9901
_INTERNAL_LISTENER = "envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
_SOCKET_ADDRESS = ("socket_address", "socketAddress")
_ANYWHERE = "0.0.0.0"  # noqa: S104 - a Pod's own


def complete(configuration: Configuration, name: str) -> int:
    """Adds it. Returns the port of the admin API, which is at every address."""
    bootstrap = configuration.bootstrap
    node = inner(bootstrap, "node")
    added = [field for field in ("id", "cluster") if not node.get(field)]
    if added:
        bootstrap["node"] = {**dict.fromkeys(added, name), **node}
        what = " and ".join(f"`node.{field}`" for field in added)
        configuration.differs(f"{what} is {name}", "the configuration has none")
    metadata = inner(bootstrap, "node", "metadata")
    metadata.pop(CONFIG_ID, None)
    stats = inner(bootstrap, "stats_config")
    if drop(stats, "stats_matcher"):
        configuration.differs("`stats_config.stats_matcher` is away", "this run reads all statistics")
    _internal_listeners(configuration)
    for _, found in objects(bootstrap):
        if "rtds_layer" in found or "rtdsLayer" in found:
            drop(found, "rtds_layer")
            found["static_layer"] = {}
            configuration.differs("a runtime layer that is served is empty", "its resource was not given")
    return _admin(configuration)


def _internal_listeners(configuration: Configuration) -> None:
    """Has a bootstrap that is made know internal listeners, where there are any: Envoy takes none else."""
    if configuration.given.kind != "config dump" or either(configuration.bootstrap, "bootstrap_extensions"):
        return
    if any(either(each, "internal_listener") is not None for each, _ in configuration.of_type(LISTENER)):
        config = {"@type": f"{PREFIX}{_INTERNAL_LISTENER}"}
        configuration.bootstrap["bootstrap_extensions"] = [
            {"name": "envoy.bootstrap.internal_listener", "typed_config": config}
        ]
        configuration.differs("the bootstrap has the extension of internal listeners", "there are such listeners")


def _admin(configuration: Configuration) -> int:
    admin = inner(configuration.bootstrap, _ADMIN)
    if drop(admin, "allow_paths"):
        configuration.differs("the admin API answers at every path", "this run asks it", configuration.place(_ADMIN))
    at = address_in(either(admin, "address"))
    port = at[1] if at is not None else 0
    if port and _is_dialled(configuration, port):
        port = 0  # what it says is other each time, and nobody could end its connections: ours is to answer there
    elif at is not None and port and at[0] == _ANYWHERE:
        return port
    port = port or free_port(configuration, _USUAL)
    place = configuration.place(_ADMIN)
    if not admin:
        configuration.differs(f"the admin API is at port {port}", "the configuration has none")
    else:
        was = f"{at[0]}:{at[1]}" if at is not None else "nowhere"
        configuration.differs(f"the admin API is at {_ANYWHERE}:{port}, not {was}", "this run asks it there", place)
    admin = copied(admin)
    set_field(admin, "address", {"socket_address": {"address": _ANYWHERE, "port_value": port}})
    configuration.bootstrap[_ADMIN] = admin
    return port


def _is_dialled(configuration: Configuration, port: int) -> bool:
    """Whether an address with that port is named besides: an admin API shares its port with nobody."""
    for _, document in configuration.documents():
        for path, found in objects(document):
            at = address_in({"socket_address": found}) if path and path[-1] in _SOCKET_ADDRESS else None
            if at is not None and at[1] == port and path[0] != _ADMIN:
                return True
    return False


def free_port(configuration: Configuration, first: int) -> int:
    """The first port from there on that nothing in the configuration has."""
    used = set[int]()
    for _, document in configuration.documents():
        for _, found in objects(document):
            used |= {value for key, value in found.items() if isinstance(value, int) and "ort" in key}
    while first in used:
        first += 1
    return first
