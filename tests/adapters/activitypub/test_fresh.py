from fedhood.adapters.activitypub import fresh
from fedhood.adapters.activitypub.fresh import Fresh


def test_what_came_a_moment_ago_is_given_out_once_and_for_the_same_bytes_alone() -> None:
    kept = Fresh()
    kept.put("a", b"1", {"id": "a"})
    assert kept.take("a", b"2") is None, "other bytes with the same id say something else"
    kept.put("a", b"1", {"id": "a"})
    assert kept.take("a", b"1") == {"id": "a"}
    assert kept.take("a", b"1") is None


def test_of_too_many_the_oldest_goes_and_what_is_long_is_not_kept_at_all() -> None:
    kept = Fresh()
    for number in range(fresh.MOST + 1):
        kept.put(str(number), b"1", {"id": number})
    kept.put("long", b" " * (fresh.LONGEST + 1), {"id": "long"})
    assert kept.take("0", b"1") is None
    assert kept.take("long", b" " * (fresh.LONGEST + 1)) is None
    assert kept.take(str(fresh.MOST), b"1") == {"id": fresh.MOST}
