"""The alerts of TLS by their names, in records that are not encrypted too."""

from typing import Final

ALERT: Final = 21
"""A record's type; that of what shakes hands is `HANDSHAKE`."""
HANDSHAKE: Final = 22
_HEADER = 5
_LONGEST = (1 << 14) + 256

# IANA's registry "TLS Alerts"; the names are those of RFC 8446 and its forerunners.
_NAMES = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
    121: "ech_required",
}
CLOSE_NOTIFY: Final = _NAMES[0]


def alert_name(content: bytes) -> str:
    """The name of the alert with that content: its level and its number."""
    return _NAMES.get(content[1], f"alert {content[1]}") if len(content) == 2 else "an alert of no form"


def first_record(data: bytes) -> tuple[int, bytes] | None:
    """Type and content of the record with which `data` begins; None as long as not all of it is there.

    Raises: ValueError for what is no record of SSL 3.0 or TLS.
    """
    begin = data[:_HEADER]
    length = int.from_bytes(begin[3:], "big")
    if (data and not 20 <= data[0] <= 24) or (len(begin) > 1 and begin[1] != 3) or length > _LONGEST:
        raise ValueError("no record of TLS")
    if len(data) < _HEADER + length or len(begin) < _HEADER:
        return None
    return data[0], data[_HEADER : _HEADER + length]
