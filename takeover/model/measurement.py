"""What a test measured and judged by numbers, for reports: random choices, and token buckets over time."""

import msgspec


class _Measurement(msgspec.Struct, tag_field="kind", forbid_unknown_fields=True):
    pass


class ChoiceMeasurement(_Measurement, tag="choice"):
    """How often a random choice fell on one side, and what that was judged by.

    Args:
        number: how many choices there were.
        share: how probable the side is that was counted.
        counted: how often it was chosen.
        sides: what the side that was counted is called, and the other one.
        bounds: the fewest and the most that pass.
        p: how probable it is that a right choice falls as far from what is expected, or farther.
    """

    number: int
    share: float
    counted: int
    sides: tuple[str, str]
    bounds: tuple[int, int]
    p: float


class MeasuredAttempt(msgspec.Struct, forbid_unknown_fields=True):
    """One request: when it was answered, in seconds since the first one was sent, and whether the limit let it pass.

    `tokens` are the fewest and the most that can have been there when that was decided.
    """

    seconds: float
    passed: bool
    tokens: tuple[float, float]


class BucketMeasurement(_Measurement, tag="bucket"):
    """A token bucket's attempts in order. `fill_interval` is in seconds."""

    max_tokens: int
    tokens_per_fill: int
    fill_interval: float
    attempts: list[MeasuredAttempt]


Measurement = ChoiceMeasurement | BucketMeasurement
