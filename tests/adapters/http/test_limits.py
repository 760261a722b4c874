"""Each limit of the table is driven past its end, and the tally stays small and fair."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhood.adapters.http.limits import LIMITS, Bucket, Limit, Limiter, address_key
from fedhood.kernel.errors import TooMany


class Hand:
    """A clock hand that a test moves."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


def burst(limit: Limit) -> int:
    return limit.burst or limit.rate


def limiter_of(hand: Hand, limit: Limit, *, most_keys: int = 1_000) -> Limiter:
    return Limiter(now=hand, limits={Bucket.POSTS: limit}, most_keys=most_keys)


def test_every_bucket_has_its_limit() -> None:
    assert set(LIMITS) == set(Bucket)


@pytest.mark.parametrize("bucket", list(Bucket))
def test_a_limit_lets_its_burst_pass_and_refuses_the_next(bucket: Bucket) -> None:
    hand = Hand()
    limiter = Limiter(now=hand)
    for _ in range(burst(LIMITS[bucket])):
        limiter.check(bucket, "a")
    with pytest.raises(TooMany) as refused:
        limiter.check(bucket, "a")
    wait = refused.value.facts["retry_after"]
    assert isinstance(wait, int)
    assert wait >= 1
    assert refused.value.facts["bucket"] == bucket.value
    hand.at += wait
    limiter.check(bucket, "a")


def test_one_try_is_earned_back_after_one_interval_and_not_before() -> None:
    hand = Hand()
    limiter = limiter_of(hand, Limit(rate=10, per=100))
    for _ in range(10):
        limiter.check(Bucket.POSTS, "a")
    hand.at += 9.5
    with pytest.raises(TooMany) as refused:
        limiter.check(Bucket.POSTS, "a")
    assert refused.value.facts["retry_after"] == 1
    hand.at += 0.5
    limiter.check(Bucket.POSTS, "a")
    with pytest.raises(TooMany) as refused:
        limiter.check(Bucket.POSTS, "a")
    assert refused.value.facts["retry_after"] == 10


def test_a_refused_try_does_not_make_the_wait_longer() -> None:
    hand = Hand()
    limiter = limiter_of(hand, Limit(rate=1, per=60))
    limiter.check(Bucket.POSTS, "a")
    for _ in range(100):
        with pytest.raises(TooMany):
            limiter.check(Bucket.POSTS, "a")
    hand.at += 60
    limiter.check(Bucket.POSTS, "a")


def test_keys_and_buckets_do_not_pay_for_each_other() -> None:
    limiter = Limiter(now=Hand(), limits={Bucket.POSTS: Limit(rate=1, per=9), Bucket.REPORTS: Limit(rate=1, per=9)})
    limiter.check(Bucket.POSTS, "a")
    limiter.check(Bucket.POSTS, "b")
    limiter.check(Bucket.REPORTS, "a")
    with pytest.raises(TooMany):
        limiter.check(Bucket.POSTS, "a")


def test_a_look_counts_nothing_and_agrees_with_the_check() -> None:
    limiter = limiter_of(Hand(), Limit(rate=2, per=60))
    for _ in range(10):
        limiter.peek(Bucket.POSTS, "a")
    limiter.check(Bucket.POSTS, "a")
    limiter.check(Bucket.POSTS, "a")
    with pytest.raises(TooMany):
        limiter.peek(Bucket.POSTS, "a")


def test_what_is_forgotten_is_forgiven() -> None:
    limiter = limiter_of(Hand(), Limit(rate=1, per=60))
    limiter.check(Bucket.POSTS, "a")
    limiter.forget(Bucket.POSTS, "a")
    limiter.forget(Bucket.POSTS, "never seen")
    limiter.check(Bucket.POSTS, "a")


def test_the_tally_never_holds_more_keys_than_it_may() -> None:
    limiter = limiter_of(Hand(), Limit(rate=1, per=60), most_keys=50)
    for number in range(1_000):
        limiter.check(Bucket.POSTS, str(number))
        assert len(limiter) <= 50


def test_whoever_owes_nothing_more_is_dropped_first() -> None:
    hand = Hand()
    limiter = limiter_of(hand, Limit(rate=10, per=100), most_keys=10)
    for number in range(9):
        limiter.check(Bucket.POSTS, str(number))
    hand.at += 11
    limiter.check(Bucket.POSTS, "fresh")
    limiter.check(Bucket.POSTS, "newest")
    assert len(limiter) == 2


def test_nobody_gets_free_by_inventing_keys() -> None:
    limiter = limiter_of(Hand(), Limit(rate=3, per=60), most_keys=20)
    for _ in range(3):
        limiter.check(Bucket.POSTS, "guilty")
    for number in range(500):
        limiter.check(Bucket.POSTS, str(number))
    with pytest.raises(TooMany):
        limiter.check(Bucket.POSTS, "guilty")


@given(
    rate=st.integers(1, 20),
    per=st.integers(1, 600),
    most=st.one_of(st.none(), st.integers(1, 50)),
    steps=st.lists(st.floats(0, 120, allow_nan=False), max_size=120),
)
def test_no_stretch_of_time_sees_more_than_the_burst_and_what_was_earned(
    rate: int, per: int, most: int | None, steps: list[float]
) -> None:
    hand, limit = Hand(), Limit(rate=rate, per=per, burst=most)
    limiter = limiter_of(hand, limit)
    passed: list[float] = []
    for step in steps:
        hand.at += step
        try:
            limiter.check(Bucket.POSTS, "a")
        except TooMany:
            continue
        passed.append(hand.at)
    for first, start in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst(limit) + (passed[last] - start) / limit.interval + 1e-3


@pytest.mark.parametrize(
    ("remote", "key"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_an_address_is_counted_by_household(remote: str | None, key: str) -> None:
    assert address_key(remote) == key
