"""What a node has ACKed of a type, on whichever of its streams: an Envoy that comes again has it still."""

from collections.abc import Mapping


class Held:
    """Nothing is known of it before its first ACK: the version that an Envoy brings may be another control plane's."""

    def __init__(self) -> None:
        self._content: dict[str, object] | None = None

    def acked(self, content: Mapping[str, object], *, is_whole: bool) -> None:
        """Takes an ACK.

        Args:
            content: name → content of what was sent.
            is_whole: whether what was not sent is gone.
        """
        before = {} if is_whole or self._content is None else self._content
        self._content = {**before, **content}

    def has(self, wanted: Mapping[str, object]) -> bool:
        """Whether all of that is there, as it is wanted."""
        return all((self._content or {}).get(name) == each for name, each in wanted.items())

    def has_just(self, wanted: Mapping[str, object]) -> bool:
        """Whether that is there, as it is wanted, and nothing else."""
        return self._content == wanted
