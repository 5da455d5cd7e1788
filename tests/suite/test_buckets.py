"""Buckets against attempts of a simulated one: the right bucket never contradicts them, a wrong one does."""

import random
import time

import pytest

from takeover.suite.buckets import Attempt, Bucket, until_refilled

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


def test_a_bucket_that_never_refills_is_told_at_the_deadline() -> None:
    with pytest.raises(TimeoutError, match=r"0 refills of 1 within 0\.1 s: 0 of \d+ attempts passed"):
        until_refilled(lambda: False, deadline=0.1)


def test_a_refill_of_which_nothing_is_known_precisely_is_not_the_last() -> None:
    answers = iter([True, False, True, False, True])
    slow = iter([0.0, 0.0, 0.15, 0.0, 0.0])

    def send() -> bool:
        time.sleep(next(slow))  # as a busy machine
        return next(answers)

    assert [each.passed for each in until_refilled(send)] == [True, False, True, False, True]


def test_where_no_refill_is_precise_one_is_enough_at_the_deadline() -> None:
    answers = iter([True, False, *[True] * 9])

    def send() -> bool:
        time.sleep(0.12)
        return next(answers)

    assert [each.passed for each in until_refilled(send, deadline=0.5)][:3] == [True, False, True]
