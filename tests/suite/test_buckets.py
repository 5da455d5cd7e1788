"""Buckets against attempts of a simulated one: the right bucket never contradicts them, a wrong one does."""

import random
import time

import pytest

from takeover.suite.buckets import Attempt, Bucket, attempt, until_told_apart

BUCKET = Bucket(max_tokens=2, tokens_per_fill=1, fill_interval=0.25)


def attempts(bucket: Bucket, seed: int, slowness: float, lag: float = 0.0) -> list[Attempt]:
    """What a client sees of `bucket` when sending and answering take up to `slowness` seconds each."""
    chance = random.Random(seed)  # noqa: S311
    now, tokens, last = 0.0, float(bucket.max_tokens), 0.0
    seen = []
    for _ in range(60):
        sent = now
        decided = max(last, sent + chance.uniform(0, slowness) - chance.uniform(0, lag))
        tokens = min(bucket.max_tokens, tokens + (decided - last) * bucket.tokens_per_fill / bucket.fill_interval)
        last, passed = decided, tokens >= 1
        tokens -= passed
        now = max(now, decided) + chance.uniform(0, slowness)
        seen.append(Attempt(sent, now, passed))
        now += 0.02
    return seen


@pytest.mark.parametrize("slowness", [0.001, 0.05, 0.5])
@pytest.mark.parametrize("lag", [0.0, 0.05])
def test_the_right_bucket_is_never_contradicted(slowness: float, lag: float) -> None:
    assert {BUCKET.contradiction(attempts(BUCKET, seed, slowness, lag)) for seed in range(200)} == {""}


@pytest.mark.parametrize(
    "wrong",
    [Bucket(1, 1, 0.25), Bucket(3, 1, 0.25), Bucket(2, 2, 0.25), Bucket(2, 1, 0.5), Bucket(2, 1, 0.125)],
)
def test_a_wrong_bucket_is_contradicted(wrong: Bucket) -> None:
    assert all(BUCKET.contradiction(attempts(wrong, seed, slowness=0.002)) for seed in range(200))


class Refilling:
    """A bucket of this moment that was full when it was made; whoever asks it waits so long, as on a busy machine."""

    def __init__(self, bucket: Bucket, slowness: float) -> None:
        self._bucket, self._slowness = bucket, slowness
        self._tokens, self._last = float(bucket.max_tokens), time.monotonic()

    def passes(self) -> bool:
        time.sleep(self._slowness)
        now = time.monotonic()
        filled = (now - self._last) * self._bucket.tokens_per_fill / self._bucket.fill_interval
        self._tokens, self._last = min(self._bucket.max_tokens, self._tokens + filled), now
        passed = self._tokens >= 1
        self._tokens -= passed
        time.sleep(self._slowness)
        return passed


@pytest.mark.parametrize("slowness", [0.0, 0.04])
@pytest.mark.parametrize(("interval", "is_right"), [(0.25, True), (0.2, False), (0.3125, False), (3600, False)])
def test_attempts_go_on_until_they_tell_the_right_bucket_from_others(
    slowness: float, interval: float, is_right: bool
) -> None:
    actual = Refilling(Bucket(2, 1, interval), slowness)
    attempts = until_told_apart(BUCKET, [attempt(actual.passes) for _ in range(3)], actual.passes)
    assert (BUCKET.contradiction(attempts) == "") is is_right


def test_what_takes_too_long_to_be_told_apart_is_told_at_the_deadline() -> None:
    actual = Refilling(BUCKET, 0.1)
    said = r"within 0\.3 s 2 of [23] attempts passed, the last of which took 0\.\d+ s: too long to tell"
    with pytest.raises(TimeoutError, match=said):
        until_told_apart(BUCKET, [], actual.passes, deadline=0.3)


def test_of_no_attempt_nothing_is_judged() -> None:
    assert BUCKET.contradiction([]) == "no attempt was made"
