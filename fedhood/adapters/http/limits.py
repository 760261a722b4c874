"""The doorkeeper's tally: how often somebody may try something, kept in memory."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from heapq import nsmallest
from ipaddress import IPv6Address, IPv6Network, ip_address
from types import MappingProxyType

from fedhood.kernel.clock import monotonic
from fedhood.kernel.errors import TooMany

MOST_KEYS = 100_000
_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


class Bucket(StrEnum):
    """What is counted. Each counts under its own key: an address (`address_key`), an account id or a host name."""

    ANONYMOUS = "anonymous"  # per address
    SIGNED_IN = "signed-in"  # per account
    SIGN_IN_ACCOUNT = "sign-in-account"  # per account, known or not
    SIGN_IN_ADDRESS = "sign-in-address"  # per address
    CODE_TRIES = "code-tries"  # per address
    POSTS = "posts"  # per account
    REPORTS = "reports"  # per account
    INBOX_UNKNOWN = "inbox-unknown"  # per address
    INBOX_PEER = "inbox-peer"  # per host of an agreed peer
    INBOX_VISITORS = "inbox-visitors"  # per host of other software
    BAD_SIGNATURES = "bad-signatures"  # per address
    UNPROVED = "unproved"  # per address: deliveries that claim to be an agreed peer's, and are not
    PEER_ASKS = "peer-asks"  # per host of an agreed peer: how it is seen from here, what became of what it said
    TESTS = "tests"  # per account: a neighbour that is tested, a path that is looked up
    KEYS_MISSED = "keys-missed"  # per address: keys that deliveries from there named, and that could not be had


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """`rate` times in `per` seconds on average, and at most `burst` at once (`rate`, if None)."""

    rate: int
    per: int
    burst: int | None = None

    @property
    def interval(self) -> float:
        """Seconds after which one more try is earned."""
        return self.per / self.rate

    @property
    def tolerance(self) -> float:
        """Seconds by which tries may run ahead of the even pace: what makes a burst possible."""
        return self.interval * ((self.burst or self.rate) - 1)


LIMITS: Mapping[Bucket, Limit] = MappingProxyType(
    {
        Bucket.ANONYMOUS: Limit(rate=300, per=5 * _MINUTE),
        Bucket.SIGNED_IN: Limit(rate=1_500, per=5 * _MINUTE),
        Bucket.SIGN_IN_ACCOUNT: Limit(rate=10, per=_HOUR),
        Bucket.SIGN_IN_ADDRESS: Limit(rate=25, per=5 * _MINUTE),
        Bucket.CODE_TRIES: Limit(rate=30, per=_DAY),
        Bucket.POSTS: Limit(rate=30, per=15 * _MINUTE),
        Bucket.REPORTS: Limit(rate=20, per=_DAY),
        Bucket.INBOX_UNKNOWN: Limit(rate=300, per=5 * _MINUTE),
        Bucket.INBOX_PEER: Limit(rate=100, per=1, burst=6_000),
        Bucket.INBOX_VISITORS: Limit(rate=300, per=5 * _MINUTE),
        Bucket.BAD_SIGNATURES: Limit(rate=30, per=_MINUTE),
        Bucket.UNPROVED: Limit(rate=300, per=5 * _MINUTE),
        Bucket.PEER_ASKS: Limit(rate=5, per=1, burst=1_000),
        Bucket.TESTS: Limit(rate=30, per=5 * _MINUTE),
        Bucket.KEYS_MISSED: Limit(rate=5, per=5 * _MINUTE),
    }
)


class Limiter:
    """Counts tries per bucket and key by the generic cell rate algorithm: one number per key, no windows.

    A key that has been quiet may use its whole burst at once and earns one try every `per / rate` seconds after that.
    At most `most_keys` are remembered. When there are more, those go first that owe least: forgetting them gives away
    the fewest tries, and nobody gets free of a debt by inventing keys. Counts are of this process and do not outlive
    it. `now` gives seconds that only grow.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = monotonic,
        limits: Mapping[Bucket, Limit] = LIMITS,
        most_keys: int = MOST_KEYS,
    ) -> None:
        self._now = now
        self._limits = limits
        self._most_keys = most_keys
        # For each key the moment at which its debt is paid off.
        self._paid_at: dict[tuple[Bucket, str], float] = {}

    def check(self, bucket: Bucket, key: str) -> None:
        """Count one try. Raises TooMany, with `retry_after` in whole seconds (at least 1); a refused try costs nothing.

        Something that is counted only when it fails (a bad signature) is asked about with `peek` before and counted
        with `check` after.
        """
        now = self._now()
        paid_at = self._admitted(bucket, key, now)
        if len(self._paid_at) >= self._most_keys and (bucket, key) not in self._paid_at:
            self._make_room(now)
        self._paid_at[bucket, key] = paid_at + self._limits[bucket].interval

    def peek(self, bucket: Bucket, key: str) -> None:
        """Raise TooMany exactly if `check` would now; count nothing."""
        self._admitted(bucket, key, self._now())

    def forget(self, bucket: Bucket, key: str) -> None:
        """Forgive what this key owes, as after a sign-in that succeeded."""
        self._paid_at.pop((bucket, key), None)

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._paid_at)

    def _admitted(self, bucket: Bucket, key: str, now: float) -> float:
        """From when on the next try counts, if it may be made now."""
        paid_at = max(self._paid_at.get((bucket, key), now), now)
        wait = paid_at - self._limits[bucket].tolerance - now
        # Sums of intervals carry rounding errors; a millionth of a second early is on time.
        if wait > 1e-6:
            raise TooMany("too many tries", bucket=bucket.value, retry_after=max(1, math.ceil(wait - 1e-6)))
        return paid_at

    def _make_room(self, now: float) -> None:
        """Forget the keys that owe nothing, and a tenth more if that was not enough: rarely, so that it stays cheap."""
        self._paid_at = {key: paid_at for key, paid_at in self._paid_at.items() if paid_at > now}
        spare = self._most_keys // 10 + 1
        surplus = len(self._paid_at) - (self._most_keys - spare)
        for key in nsmallest(surplus, self._paid_at, key=self._paid_at.__getitem__):
            del self._paid_at[key]


@lru_cache(maxsize=1024)
def address_key(remote: str | None) -> str:
    """The key under which a client's address is counted: IPv4 whole, IPv6 by its /64, which is one household.

    An IPv4 address written as IPv6 counts as IPv4. What is no address shares one key, `unknown`.
    """
    try:
        address = ip_address(remote or "")
    except ValueError:
        return "unknown"
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address) >> 64 << 64, 64)))
