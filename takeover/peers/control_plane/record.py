"""The record: every stream, request, ACK, NACK, response and publication, with its time."""

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

_MOST_KEPT = 20_000
"""Entries; older ones are forgotten."""


class Record:
    """All that happened, numbered from 1. Entries are kept as they are told, which takes a tenth of the memory."""

    def __init__(self) -> None:
        self._entries: deque[bytes] = deque(maxlen=_MOST_KEPT)
        self._count = 0
        self._changed = asyncio.Event()
        self.heard: Callable[[str, dict[str, Any]], None] = lambda *_: None
        """Is told each entry's event and facts, in the same process."""

    def add(self, event: str, **facts: object) -> None:
        """One more entry.

        Args:
            event: "opened", "request", "ack", "nack", "response", "closed", "published" or "told".
            facts: what else is known of it; what is None or empty text is left out.
        """
        self._count += 1
        entry: dict[str, object] = {"number": self._count, "time": time.monotonic(), "event": event}
        entry |= {name: value for name, value in facts.items() if value not in (None, "")}
        self._entries.append(json.dumps(entry).encode())
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        self.heard(event, facts)

    def after(self, number: int) -> Iterable[bytes]:
        """The entries after that number, each as JSON."""
        wanted = self._count - max(number, 0)
        skipped = len(self._entries) - wanted
        return list(self._entries)[max(skipped, 0) :] if wanted > 0 else []

    @property
    def count(self) -> int:
        """The number of the last entry."""
        return self._count

    async def wait_for_more(self, seconds: float, after: int | None = None) -> None:
        """Waits until there is an entry after that number (by default, one more), or the seconds are over."""
        number = self._count if after is None else after
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._count <= number:
                    await self._changed.wait()
