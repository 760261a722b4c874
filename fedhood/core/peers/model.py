"""The servers next door and the city: what each was granted, and how an agreement comes about.

HEARD (through a city's hub) ──named here, or they ask──▶ as if never heard of
LOOKING ──found──▶ FOUND ──our Follow is sent; their letters are shown──┐
(their Follow arrives) ──▶ ASKED_US ──────────────────────────────────┤
▼
"they match" pressed here, and their Follow here ──▶ AGREED ──▶ ENDED
└──▶ REFUSED
"""

from __future__ import annotations

import dataclasses
import enum
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from fedhood.kernel.errors import Invalid
from fedhood.kernel.facts import Fact

if TYPE_CHECKING:
    from datetime import datetime

# strangers that wait for an answer: altogether, and under one registered name
MOST_PENDING = 20
MOST_OF_ONE_NAME = 3
# servers whose people are heard through a city's hub alone
MOST_HEARD = 1000
VALID = timedelta(days=365)
# before its end an agreement may be renewed by one press, and those who keep the place are told
ENDS_SOON = timedelta(days=30)
# what needs the word of both: nobody is told what they cannot answer
NEIGHBOURS = "neighbours"
BY_BOTH = frozenset({NEIGHBOURS, "direct"})


class PeerState(enum.StrEnum):
    """How far the two came. STRANGER: a server of other software, from which people follow or answer.

    HEARD: not at all, but somebody there speaks to the whole city that we are of too.
    """

    STRANGER = "stranger"
    HEARD = "heard"
    LOOKING = "looking"
    FOUND = "found"
    ASKED_US = "asked-us"
    AGREED = "agreed"
    REFUSED = "refused"
    ENDED = "ended"


class Trust(enum.StrEnum):
    """What the other is to us."""

    NEIGHBOUR = "neighbour"
    CITY = "city"
    FEDIVERSE = "fediverse"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"


GRANTS: dict[Trust, tuple[str, ...]] = {
    Trust.NEIGHBOUR: ("public", "neighbours", "direct"),
    Trust.CITY: ("public", "city", "aggregate", "direct"),
    Trust.FEDIVERSE: ("public",),
    Trust.UNKNOWN: (),
    Trust.BLOCKED: (),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another server, as we know it. `agreed_at`: when we last agreed with it under the key that it has.

    `agreed_key`: the key under which we last agreed, also after an end. `suspended_at`: since when its key is in
    question and nothing goes either way; `other_key`: the key that it shows instead (multikey, public_key_pem,
    fingerprint), None when it shows the agreed one again. `missed_at`: since when it is not found at its address.
    """

    id: int
    host: str
    name: str
    state: PeerState
    trust: Trust
    actor_uri: str | None
    inbox: str | None
    shared_inbox: str | None
    peer_inbox: str | None
    multikey: str | None
    public_key_pem: str | None
    fingerprint: str | None
    capabilities: list[str] | None
    offered_groups: list[dict[str, str]] | None
    their_follow_uri: str | None
    our_follow_uri: str | None
    confirmed_at: datetime | None
    agreed_at: datetime | None
    agreed_key: str | None
    suspended_at: datetime | None
    other_key: dict[str, str] | None
    looked_at: datetime | None
    missed_at: datetime | None
    confirmed_by: int | None
    chosen_pairs: list[list[Any]] | None
    last_error: str | None
    added_at: datetime
    stream_epoch: int
    stream_next: int

    @property
    def shown_fingerprint(self) -> str | None:
        """The letters of the key that it shows now, as far as we looked."""
        return self.fingerprint if self.other_key is None else self.other_key["fingerprint"]

    @property
    def is_other_hand(self) -> bool:
        """Whether, nothing being agreed, its key is another than the one under which this name was last agreed with."""
        known = self.agreed_key is None or self.agreed_key == self.multikey
        return not known and self.state is not PeerState.AGREED

    @property
    def is_of_strangers(self) -> bool:
        """Whether it never was more to us than where visitors come from: it did not tell of an actor of its own."""
        return self.actor_uri is None and self.trust is not Trust.BLOCKED

    @property
    def may_take_back(self) -> bool:
        """Whether what it told us is its to take back: from who was ever a neighbour, whatever is agreed now."""
        return self.trust is not Trust.BLOCKED and (self.state is PeerState.AGREED or self.agreed_at is not None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What one side granted the other. `pairs`: which neighbourhood of its own (id) it wants read by which (id)."""

    trust: Trust
    scopes: tuple[str, ...]
    valid_until: datetime
    updated_at: datetime
    pairs: tuple[tuple[int, int], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerFound(Fact):
    """We know a server's letters now, and ask it to be our neighbour."""

    kind: ClassVar[str] = "peer.found"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerAsked(Fact):
    """A server asks to be our neighbour."""

    kind: ClassVar[str] = "peer.asked"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerAgreed(Fact):
    """We agreed to their asking. `ask_too`: we have not asked them yet."""

    kind: ClassVar[str] = "peer.agreed"
    ask_too: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerGranted(Fact):
    """A server said yes to us, and what it grants."""

    kind: ClassVar[str] = "peer.granted"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerAskedAgain(Fact):
    """A server that we agreed with asks once more: it did not hear our yes, or lost it."""

    kind: ClassVar[str] = "peer.asked-again"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerChanged(Fact):
    """What one of two who agreed grants the other is another now: by our word (`by_us`) or theirs, `more` or `less`.

    It may be both: one neighbourhood reads along, another one no more.
    """

    kind: ClassVar[str] = "peer.changed"
    by_us: bool
    more: bool
    less: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerEnding(Fact):
    """What was agreed ends within a month, on one side or both."""

    kind: ClassVar[str] = "peer.ending"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerRenewed(Fact):
    """We said yes for another year."""

    kind: ClassVar[str] = "peer.renewed"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerKeyChanged(Fact):
    """A server that we agreed with shows another key than the one that was compared: nothing goes either way."""

    kind: ClassVar[str] = "peer.key-changed"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerKeyConfirmed(Fact):
    """Somebody compared letters again, and they matched: all goes on. `renewed`: it is another key than before."""

    kind: ClassVar[str] = "peer.key-confirmed"
    renewed: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerKeyAnnounced(Fact):
    """A server has another key, and the one that was compared says so. `lifted`: it had been in question already."""

    kind: ClassVar[str] = "peer.key-announced"
    lifted: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerReplaced(Fact):
    """A server is about to be agreed with under another key than the last time: nothing of before is its own."""

    kind: ClassVar[str] = "peer.replaced"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerBlocked(Fact):
    """Nothing more of a server is heard here, nor of who is at home there."""

    kind: ClassVar[str] = "peer.blocked"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerSilent(Fact):
    """A server gave no answer on seven days: it is tried once a day from now on."""

    kind: ClassVar[str] = "peer.silent"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerRefusing(Fact):
    """A server did not allow three letters in a row, or did not recognise us in them."""

    kind: ClassVar[str] = "peer.refusing"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerRefused(Fact):
    """We said no."""

    kind: ClassVar[str] = "peer.refused"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerEnded(Fact):
    """The two go separate ways. `by_us`: it was our word."""

    kind: ClassVar[str] = "peer.ended"
    by_us: bool


# a list fits into one document of 10,000 JSON values
MOST_LISTED = 1000
MOST_LISTED_GROUPS = 2000


class Change(enum.StrEnum):
    """What a city's list says that we do not know yet: an answer is asked for, and nothing follows by itself."""

    JOINED = "joined"
    LEFT = "left"
    LETTERS = "letters"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A server on a city's list, with its letters and the Group ids of its neighbourhoods."""

    host: str
    name: str
    actor_uri: str
    fingerprint: str
    groups: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PublishedList:
    """What a city publishes, in the order of the hosts."""

    entries: tuple[Listed, ...]
    updated_at: datetime


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FollowedList:
    """A city's list that is followed here; `trouble` says why it could not be read last, in a word."""

    peer: int
    followed_at: datetime
    fetched_at: datetime | None
    updated_at: datetime | None
    trouble: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Something to answer about one server of a city's list. `known` is our id of it, None when we do not know it."""

    city: int
    change: Change
    host: str
    name: str
    fingerprint: str
    known: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListChanged(Fact):
    """A city's list says something that somebody here should answer."""

    kind: ClassVar[str] = "peer.list-changed"


# the last part begins with a letter: names that end in a number are addresses in disguise (127.1, 0x7f.1)
_NAME = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_LOOPBACK = re.compile(r"[a-z0-9-]{1,63}\.localhost:[1-9][0-9]{0,4}")


def host_of(pasted: str) -> str:
    """The host of an address as somebody pasted it, in lower case and ASCII. Raises Invalid for what is no public name.

    A port is taken on a name of this machine alone (`elm.localhost:8080`), as in the demo.
    """
    text = pasted.strip().lower()
    try:
        host = urlsplit(text if "//" in text else f"//{text}").netloc.rstrip(".")
        if not host.isascii():
            host = host.encode("idna").decode("ascii")
    except ValueError:  # brackets that hold no address, letters that no name has
        host = ""
    if _LOOPBACK.fullmatch(host) or _NAME.fullmatch(host):
        return host
    raise Invalid("this is not the address of a neighbour", code="host", field="host")
