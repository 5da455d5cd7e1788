"""Messages of extensions that the installed Protobuf messages do not know, as Envoy itself reads such: a TypedStruct.

Our control plane sends Protobuf, and can write only what it knows; an Envoy that has the extension makes its message
of the struct. See "Extension configuration" in Envoy's documentation.
"""

import functools

from takeover.peers.control_plane.protos import UnknownTypeError, message_class
from takeover.scenario.typed_yaml import Json

_STRUCT = "type.googleapis.com/xds.type.v3.TypedStruct"


def as_structs(data: Json) -> Json:
    """A copy in which a TypedStruct stands in the place of what is not known."""
    if isinstance(data, list):
        return [as_structs(each) for each in data]
    if not isinstance(data, dict):
        return data
    url = data.get("@type")
    if isinstance(url, str) and not _is_known(url):
        return {"@type": _STRUCT, "type_url": url, "value": {key: each for key, each in data.items() if key != "@type"}}
    return {key: as_structs(value) for key, value in data.items()}


@functools.cache
def _is_known(url: str) -> bool:
    try:
        message_class(url)
    except UnknownTypeError:
        return False
    return True
