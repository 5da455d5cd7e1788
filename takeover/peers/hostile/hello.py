"""What a client offers by the first message of TLS (RFC 8446, 4.1.2), read from its bytes before anybody answers it."""

import struct

from takeover.peers.hostile.connections import Connection

_HANDSHAKE, _CLIENT_HELLO = 22, 1
_RECORD, _MESSAGE = struct.Struct("!BHH"), struct.Struct("!B3s")

_EXTENSIONS = {
    0: "server_name", 5: "status_request", 10: "supported_groups", 11: "ec_point_formats", 13: "signature_algorithms",
    16: "alpn", 17: "status_request_v2", 18: "signed_certificate_timestamp", 21: "padding", 22: "encrypt_then_mac",
    23: "extended_master_secret", 27: "compress_certificate", 28: "record_size_limit", 34: "delegated_credential",
    35: "session_ticket", 41: "pre_shared_key", 42: "early_data", 43: "supported_versions", 44: "cookie",
    45: "psk_key_exchange_modes", 49: "post_handshake_auth", 50: "signature_algorithms_cert", 51: "key_share",
    0xFE0D: "encrypted_client_hello", 0xFF01: "renegotiation_info",
}  # fmt: skip
_GROUPS = {
    23: "secp256r1", 24: "secp384r1", 25: "secp521r1", 29: "x25519", 30: "x448", 256: "ffdhe2048", 257: "ffdhe3072",
    512: "MLKEM512", 513: "MLKEM768", 514: "MLKEM1024", 0x11EB: "SecP256r1MLKEM768", 0x11EC: "X25519MLKEM768",
    0x11ED: "SecP384r1MLKEM1024", 0x6399: "X25519Kyber768Draft00",
}  # fmt: skip
_SIGNATURES = {
    0x0201: "rsa_pkcs1_sha1", 0x0203: "ecdsa_sha1", 0x0401: "rsa_pkcs1_sha256", 0x0501: "rsa_pkcs1_sha384",
    0x0601: "rsa_pkcs1_sha512", 0x0403: "ecdsa_secp256r1_sha256", 0x0503: "ecdsa_secp384r1_sha384",
    0x0603: "ecdsa_secp521r1_sha512", 0x0804: "rsa_pss_rsae_sha256", 0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512", 0x0807: "ed25519", 0x0808: "ed448", 0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384", 0x080B: "rsa_pss_pss_sha512", 0x0904: "mldsa44", 0x0905: "mldsa65", 0x0906: "mldsa87",
}  # fmt: skip
_VERSIONS = {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
_COMPRESSIONS = {1: "zlib", 2: "brotli", 3: "zstd"}
# Extensions that are a list of numbers of two bytes: how long its length is, and what they are called.
_LISTS = {10: (2, _GROUPS), 13: (2, _SIGNATURES), 27: (1, _COMPRESSIONS), 43: (1, _VERSIONS)}


def peek(connection: Connection) -> dict[str, object]:
    """What the first message offers, which stays to be received; nothing where none has come that can be read."""
    head = connection.peek(_RECORD.size)
    if len(head) < _RECORD.size or head[0] != _HANDSHAKE:
        return {}
    _, _, length = _RECORD.unpack(head)
    return read(connection.peek(_RECORD.size + length)[_RECORD.size :])


def read(message: bytes) -> dict[str, object]:
    """What a ClientHello offers, in its order; nothing of what is none, or goes on in another record."""
    try:
        return _read(_Bytes(message))
    except (struct.error, IndexError):
        return {}


class _Bytes:
    """Takes one part after the other. Raises: IndexError where there are not so many left."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def __bool__(self) -> bool:
        return bool(self._left)

    def take(self, size: int) -> bytes:
        if size > len(self._left):
            raise IndexError
        taken, self._left = self._left[:size], self._left[size:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def counted(self, size: int) -> "_Bytes":
        """What a length of so many bytes stands before."""
        return _Bytes(self.take(self.number(size)))

    def numbers(self, size: int) -> list[int]:
        found = []
        while self:
            found.append(self.number(size))
        return found


def _read(message: _Bytes) -> dict[str, object]:
    if message.number(1) != _CLIENT_HELLO:
        return {}
    hello = message.counted(3)
    told: dict[str, object] = {"version": _name(_VERSIONS, hello.number(2))}
    hello.take(32)  # of chance
    told["session"] = len(hello.counted(1).numbers(1))
    told["ciphers"] = [_name({}, each) for each in hello.counted(2).numbers(2)]
    hello.counted(1)  # compression, which is long gone
    names: list[str] = []
    extensions = hello.counted(2) if hello else hello
    while extensions:
        kind, content = extensions.number(2), extensions.counted(2)
        names.append(_name(_EXTENSIONS, kind))
        if told_of := _extension(kind, content):
            told[names[-1]] = told_of
    return {**told, "extensions": names}


def _extension(kind: int, content: _Bytes) -> list[str]:
    """What is told of one beside its name."""
    if kind in _LISTS:
        size, names = _LISTS[kind]
        return [_name(names, each) for each in content.counted(size).numbers(2)]
    match kind:
        case 16:
            protocols, found = content.counted(2), []
            while protocols:
                found.append(bytes(protocols.counted(1).numbers(1)).decode("latin-1"))
            return found
        case 51:
            shares, found = content.counted(2), []
            while shares:
                found.append(_name(_GROUPS, shares.number(2)))
                shares.counted(2)
            return found
        case _:
            return []


def _name(names: dict[int, str], number: int) -> str:
    """What it is called; those that stand for nothing (RFC 8701) are all one."""
    if number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF:
        return "grease"
    return names.get(number, f"0x{number:04x}")
