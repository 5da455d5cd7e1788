"""The block of METADATA, a frame of HTTP/2 that Envoys have among themselves: what one says, and entries to write.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/protocol.proto (`allow_metadata`)
"""

from hpack import Decoder, HPACKError
from hpack.hpack import encode_integer

_MOST = 1 << 24
_LONGEST = 40
"""Characters of a value that are told as they are."""


def told(block: bytes) -> list[str]:
    """`key: value` of each entry by the keys: their order is of chance. Else what is wrong with it."""
    try:
        came = Decoder(max_header_list_size=_MOST).decode(block, raw=True)
    except HPACKError:
        return ["wrong"]
    return sorted(f"{bytes(key).decode('latin-1')}: {_short(bytes(value).decode('latin-1'))}" for key, value in came)


def entry(key: bytes, value: bytes) -> bytes:
    """One that no table keeps."""
    return b"\0" + bytes(encode_integer(len(key), 7)) + key + bytes(encode_integer(len(value), 7)) + value


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}… ({len(value)})"
