"""Token buckets, judged by when requests were sent and answered.

When Envoy decided about a request is not known, only that it was between sending it and having its answer. So every
verdict is checked against the earliest and the latest moment at which it can have been made: a slow machine widens the
bounds and cannot fail the check; a bucket of another size or speed contradicts them.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import not_

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.model.measurement import BucketMeasurement, MeasuredAttempt

# Envoy takes the time from when its event loop last looked at the clock: with 1 token per 1 s, a request was seen to
# pass 0.97 s after the bucket had been emptied.
_CLOCK_LAG = 0.05
# How much faster or slower another bucket refills that is to be told from the one that is expected.
_APART = 1.25


@dataclass(frozen=True)
class Attempt:
    """One request: when it was sent and answered (monotonic seconds), and whether the limit let it pass."""

    sent: float
    answered: float
    passed: bool


@dataclass(frozen=True)
class Bucket:
    """A token bucket that was full before the first attempt. Tokens come continuously, up to `max_tokens`."""

    max_tokens: int
    tokens_per_fill: int
    fill_interval: float

    def contradiction(self, attempts: Sequence[Attempt]) -> str:
        """Why these attempts cannot have met this bucket; empty if they can. They were made one after the other.

        Where there are none, it says so: nothing was judged.

        Both bounds are lines over time, `tokens = line + time * rate`, never above `max_tokens`: the most that can be
        there, if every decision was made as early as it can have been, and the fewest, if as late.
        """
        if not attempts:
            return "no attempt was made"
        for number, (attempt, (at_least, at_most)) in enumerate(zip(attempts, self._levels(attempts), strict=True), 1):
            if attempt.passed and at_most < 1:
                return f"attempt {number} passed, but at most {at_most:.3f} tokens can have been there"
            if not attempt.passed and at_least >= 1:
                return f"attempt {number} was limited, but at least {at_least:.3f} tokens must have been there"
        return ""

    def measurement(self, attempts: Sequence[Attempt]) -> BucketMeasurement:
        """The attempts and the bucket's level at each, for a report."""
        begin = attempts[0].sent if attempts else 0.0
        measured = [
            MeasuredAttempt(
                round(attempt.answered - begin, 3),
                attempt.passed,
                (max(0.0, round(fewest, 3)), max(0.0, round(most, 3))),
            )
            for attempt, (fewest, most) in zip(attempts, self._levels(attempts), strict=True)
        ]
        return BucketMeasurement(self.max_tokens, self.tokens_per_fill, self.fill_interval, measured)

    def _levels(self, attempts: Sequence[Attempt]) -> Iterator[tuple[float, float]]:
        """For each attempt the fewest and the most tokens that can have been there when it was decided."""
        rate = self.tokens_per_fill / self.fill_interval
        most = fewest = math.inf
        for attempt in attempts:
            earliest, latest = attempt.sent - _CLOCK_LAG, attempt.answered
            yield min(self.max_tokens, fewest + earliest * rate), min(self.max_tokens, most + latest * rate)
            taken = 1 if attempt.passed else 0
            most = min(most, self.max_tokens - earliest * rate) - taken
            fewest = min(fewest, self.max_tokens - latest * rate) - taken


def attempt(send: Callable[[], bool]) -> Attempt:
    """Makes one attempt. `send` returns whether the limit let it pass."""
    sent = time.monotonic()
    passed = send()
    return Attempt(sent, time.monotonic(), passed)


def until_told_apart(
    bucket: Bucket, attempts: Sequence[Attempt], send: Callable[[], bool], deadline: float = 20.0
) -> list[Attempt]:
    """Goes on with attempts until they can be of no bucket that refills a quarter faster or slower; or not of this one.

    What one refill leaves open, on a busy machine where an attempt takes long, the next ones tell: what another speed
    makes of them adds up, and what is not known of a moment does not.

    Args:
        bucket: the one that is expected.
        attempts: those that were made before, from the first one on, when the bucket was full.

    Returns: all attempts.

    Raises: TimeoutError that says what was last seen, if that takes longer than `deadline` seconds.
    """
    made = [*attempts]
    others = [replace(bucket, fill_interval=bucket.fill_interval * factor) for factor in (1 / _APART, _APART)]

    def one_more() -> bool:
        made.append(attempt(send))
        return bool(bucket.contradiction(made)) or all(other.contradiction(made) for other in others)

    waiting = Retrying(retry=retry_if_result(not_), wait=wait_fixed(0.02), stop=stop_after_delay(deadline))
    try:
        waiting(one_more)
    except RetryError:
        passed, took = sum(each.passed for each in made), made[-1].answered - made[-1].sent
        raise TimeoutError(
            f"within {deadline:g} s {passed} of {len(made)} attempts passed, the last of which took {took:.3f} s: too "
            f"long to tell a refill each {bucket.fill_interval:g} s from one each "
            f"{' or '.join(f'{other.fill_interval:g}' for other in others)} s"
        ) from None
    return made
