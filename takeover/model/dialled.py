"""A connection as the client that opened it saw it: what it dialled, what it got."""

from typing import Literal, TypeAlias

import msgspec

ClientEnd: TypeAlias = Literal["closed", "reset", "open", "refused", "unanswered", "unresolved", "failed"]
"""How a connection ended for its client. "closed", "reset": by the other side; "open": not before the client left it.

The others never came about: "refused" by a kernel, "unanswered" in time, "unresolved" by name, "failed" otherwise.
"""


class Dialled(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One connection.

    Args:
        to: what was dialled, "HOST:PORT".
        client: the client's own address and port, as a destination sees it; empty where no connection came about.
        is_earlier: whether it was dialled before the block, and used in it.
        received: how many bytes came.
        status: of the first answer, where HTTP/1 came.
        headers: the names of that answer's headers, in their order.
    """

    to: str
    end: ClientEnd
    client: str = ""
    is_earlier: bool = False
    received: int = 0
    status: int | None = None
    headers: list[str] = []

    @property
    def came_about(self) -> bool:
        """Whether there was a connection."""
        return self.end in _ENDS

    @property
    def got(self) -> str:
        """What the client got, in words, such as "got 200, 233 bytes, then closed" or "connection refused"."""
        number = "not a byte" if not self.received else "1 byte" if self.received == 1 else f"{self.received} bytes"
        return self._ended(f"{self.status}, {number}" if self.status is not None else number)

    @property
    def outcome(self) -> str:
        """As `got`, but for how many bytes there were."""
        some = "not a byte" if not self.received else "bytes"
        return self._ended(str(self.status) if self.status is not None else some)

    def _ended(self, what: str) -> str:
        return f"got {what}, then {_ENDS[self.end]}" if self.came_about else _NEVER[self.end]

    def __str__(self) -> str:
        return f"dialled {self.to}: {self.got}"


_NEVER: dict[ClientEnd, str] = {
    "refused": "connection refused",
    "unanswered": "no answer to its connection",
    "unresolved": "no address of that name",
    "failed": "no connection",
}
_ENDS: dict[ClientEnd, str] = {"closed": "closed", "reset": "a reset", "open": "ended it itself"}
