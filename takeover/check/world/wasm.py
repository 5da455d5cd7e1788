"""A Wasm module that does nothing, in the place of one that nobody gave: what stands beside it can be probed then.

See the WebAssembly core specification, "Binary Format", and the Proxy-Wasm ABI 0.2.1.
"""

_I32, _FUNCTION = 0x7F, 0x60
_TYPES, _FUNCTIONS, _MEMORY, _EXPORTS, _CODE = 1, 3, 5, 7, 10
_CONST, _END = 0x41, 0x0B
_TRUE = 1
_SOMEWHERE = 1024
"""In its memory."""

# Name of an export → how many numbers it takes, and what it returns; None: nothing.
_CALLS: dict[str, tuple[int, int | None]] = {
    "proxy_abi_version_0_2_1": (0, None),
    "malloc": (1, _SOMEWHERE),
    "proxy_on_context_create": (2, None),
    "proxy_on_vm_start": (2, _TRUE),
    "proxy_on_configure": (2, _TRUE),
}


def module() -> bytes:
    """Its bytes."""
    calls = list(_CALLS.values())
    types = [bytes([_FUNCTION]) + _vector([bytes([_I32])] * takes) + _result(gives) for takes, gives in calls]
    code = [_counted(b"\0" + _body(gives) + bytes([_END])) for _, gives in calls]
    exports = [_name(name) + bytes([0]) + _number(index) for index, name in enumerate(_CALLS)]
    exports.append(_name("memory") + bytes([2, 0]))
    sections = (
        (_TYPES, _vector(types)),
        (_FUNCTIONS, _vector([_number(index) for index in range(len(calls))])),
        (_MEMORY, _vector([bytes([0, 1])])),
        (_EXPORTS, _vector(exports)),
        (_CODE, _vector(code)),
    )
    return b"\0asm\1\0\0\0" + b"".join(bytes([kind]) + _counted(content) for kind, content in sections)


def _result(gives: int | None) -> bytes:
    return _vector([] if gives is None else [bytes([_I32])])


def _body(gives: int | None) -> bytes:
    return b"" if gives is None else bytes([_CONST]) + _signed(gives)


def _vector(parts: list[bytes]) -> bytes:
    return _number(len(parts)) + b"".join(parts)


def _counted(content: bytes) -> bytes:
    return _number(len(content)) + content


def _name(text: str) -> bytes:
    return _counted(text.encode())


def _number(value: int) -> bytes:
    """By LEB128."""
    parts = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        parts.append(low | (0x80 if value else 0))
        if not value:
            return bytes(parts)


def _signed(value: int) -> bytes:
    """One that is not negative, by signed LEB128."""
    parts = bytearray()
    while value > 0x3F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
