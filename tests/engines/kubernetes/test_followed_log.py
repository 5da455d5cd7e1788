"""A log that is followed: whole, and of what runs now."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from takeover.engines.kubernetes import followed_log
from takeover.engines.kubernetes.followed_log import FollowedLog

OLD, NEW = "old 1\nold 2\nold 3\n", "new 1\n"


class Container:
    """One that writes, ends and is started again, as its API tells it."""

    def __init__(self) -> None:
        self.whole = OLD
        self.follows = 0
        self._ended = asyncio.Event()

    async def log(self, *_: Any) -> str:
        return self.whole

    async def follow(self, *_: Any) -> AsyncIterator[bytes]:
        self.follows += 1
        ended = self._ended
        yield self.whole.encode()
        await ended.wait()

    def start_again(self) -> None:
        self.whole = NEW
        self._ended.set()
        self._ended = asyncio.Event()


async def looks(log: FollowedLog, number: int) -> list[str]:
    seen = []
    for _ in range(number):
        seen.append(await log.text())
        await asyncio.sleep(followed_log._ASK_AGAIN / 3)
    return seen


def test_what_was_started_again_has_its_own_log_from_then_on() -> None:
    async def look() -> tuple[list[str], int]:
        container: Any = Container()
        log = FollowedLog(container, "/log", "main")
        assert set(await looks(log, 3)) == {OLD}
        container.start_again()
        seen = await looks(log, 20)
        log.forget()
        return seen, container.follows

    seen, follows = asyncio.run(look())
    assert NEW in seen
    assert set(seen[seen.index(NEW) :]) == {NEW}
    assert follows == 2


def test_the_end_of_what_ran_before_does_not_come_back() -> None:
    """Who follows anew may be given the old log, where the whole one is the new one already."""

    class Late(Container):
        async def follow(self, *_: Any) -> AsyncIterator[bytes]:
            yield OLD.encode()
            await asyncio.sleep(60)

    async def look() -> list[str]:
        container: Any = Late()
        container.whole = NEW
        log = FollowedLog(container, "/log", "main")
        seen = await looks(log, 6)
        log.forget()
        return seen

    assert set(asyncio.run(look())) == {NEW}


def test_what_arrives_is_told_at_once() -> None:
    class Growing(Container):
        async def follow(self, *_: Any) -> AsyncIterator[bytes]:
            yield "old 1\n½".encode()[:-1]
            await asyncio.sleep(0)
            yield "old 1\n½".encode()[-1:] + b" more\n"
            await asyncio.sleep(60)

    async def look() -> str:
        container: Any = Growing()
        container.whole = "old 1\n\ufffd"
        log = FollowedLog(container, "/log", "main")
        assert await log.text() == "old 1\n\ufffd"
        container.whole = "never asked again"
        await asyncio.sleep(0.01)
        text = await log.text()
        log.forget()
        return text

    assert asyncio.run(look()) == "old 1\n½ more\n"
