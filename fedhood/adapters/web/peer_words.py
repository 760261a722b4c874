"""What the pages say of another place: its name, how far the two came, what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.web.languages import N_
from fedhood.core.peers import NEIGHBOURS, PeerState, Trust
from fedhood.kernel.settings import Profile

if TYPE_CHECKING:
    from fedhood.adapters.web.render import Words
    from fedhood.core.peers import Agreement, Peer


def name_of(peer: Peer) -> str:
    """What the other place is called, without the word by which its machine tells itself apart."""
    return peer.name.removesuffix(" (server)") or peer.host


_UNREADABLE = N_("The answer from this address could not be understood.")
_NOBODY = N_("Nobody answers at this address. Is it written right?")
_UNSAFE = N_("No safe connection could be made to this address.")
_TROUBLE = {
    "unreachable": _NOBODY,
    "forbidden-address": _NOBODY,  # in the same words: which names mean machines of this house is nobody's business
    "timeout": N_("Nobody answered in time."),
    "no-such-name": N_("There is no such address. Is it written right?"),
    "no-name-server": N_("Addresses cannot be looked up from here just now."),
    "certificate-lapsed": N_("The certificate of this address has run out. Whoever runs it must renew it."),
    **dict.fromkeys(("tls", "certificate-unknown", "certificate-name", "certificate-too-new"), _UNSAFE),
    "not-fedhood": N_("Somebody answers at this address, but it is no place like this one."),
}


def trouble_of(peer: Peer, words: Words) -> str:
    """Why a place is not found yet; empty while nothing is wrong."""
    if peer.state is not PeerState.LOOKING or not peer.last_error:
        return ""
    return words.gettext(_TROUBLE.get(peer.last_error, _UNREADABLE))


# what the other side asks to be, before anybody presses a button: said by a neighbourhood, and by a city
_ASKS: dict[tuple[Profile, Trust], str] = {
    (Profile.NEIGHBOURHOOD, Trust.NEIGHBOUR): N_(
        "They ask to be a neighbour: each of you reads what the other shows next door."
    ),
    (Profile.NEIGHBOURHOOD, Trust.CITY): N_(
        "They ask to be the city: they get figures of each quarter, may write to you all, and read what you let them."
    ),
    (Profile.CITY, Trust.CITY): N_(
        "They hand the figures of each quarter in to you; you may write to everybody there, and read what they let you."
    ),
}

_SAID: dict[PeerState, tuple[str, str]] = {
    PeerState.STRANGER: ("wait", N_("Visitors come from there, and nothing else.")),
    PeerState.HEARD: ("open", N_("Somebody there speaks to the whole city. You have agreed nothing with them.")),
    PeerState.LOOKING: ("wait", N_("We are looking for them.")),
    PeerState.FOUND: ("open", N_("Found. Call each other and compare the letters.")),
    PeerState.ASKED_US: ("open", N_("They ask to be your neighbours. Compare the letters.")),
    PeerState.AGREED: ("done", N_("You are neighbours.")),
    PeerState.REFUSED: ("no", N_("One of the two said no.")),
    PeerState.ENDED: ("late", N_("This has ended.")),
}
_ASKED_FOR_FIGURES: dict[Profile, str] = {
    Profile.NEIGHBOURHOOD: N_("They ask to be your city. Compare the letters."),
    Profile.CITY: N_("They would like to hand their figures in to you. Compare the letters."),
}
_FOR_EVERYONE = N_("You read of each other only what is for everyone.")
_IN_QUESTION = N_("Their letters are in question. Call them.")
_BLOCKED = N_("You hear nothing of them any more.")

# between a city and a neighbourhood nobody is a neighbour: what each page says of the other
_AGREED_WITH_CITY: dict[Profile, tuple[str, str]] = {
    Profile.NEIGHBOURHOOD: (
        "done",
        N_("This is the city. It gets figures, may write to you, and reads what you let it read."),
    ),
    Profile.CITY: ("done", N_("They hand their figures in to you.")),
}


def state_of(peer: Peer, words: Words, ours: Profile, *, theirs: Agreement | None) -> tuple[str, str]:
    """(look, words): where the two stand, and whose turn it is. `theirs`: what the other side agreed to, if it did."""
    if peer.suspended_at is not None:
        return "no", words.gettext(_IN_QUESTION)
    pressed = peer.state is PeerState.FOUND and peer.confirmed_at is not None
    if pressed or (peer.state is PeerState.AGREED and theirs is None):
        return "wait", words.gettext("You pressed. We wait for them to press too.")
    if peer.trust is Trust.BLOCKED:
        return "no", words.gettext(_BLOCKED)
    kind, said = _SAID[peer.state]
    if peer.state is PeerState.AGREED and (peer.trust is Trust.FEDIVERSE or is_less(peer, theirs)):
        return "late", words.gettext(_FOR_EVERYONE)
    if peer.trust is Trust.CITY and peer.state is PeerState.AGREED:
        kind, said = _AGREED_WITH_CITY[ours]
    elif peer.trust is Trust.CITY and peer.state is PeerState.ASKED_US:
        said = _ASKED_FOR_FIGURES[ours]
    return kind, words.gettext(said)


def is_less(peer: Peer, theirs: Agreement | None) -> bool:
    """Whether a neighbour shows us no more than what is for everyone."""
    return peer.trust is Trust.NEIGHBOUR and theirs is not None and NEIGHBOURS not in theirs.scopes


def asks_to_be(peer: Peer, words: Words, ours: Profile) -> str:
    """What they ask to be, in words, before anybody presses; empty when there is nothing to say."""
    asked = _ASKS.get((ours, peer.trust), "")
    return words.gettext(asked) if asked else ""


def reads_along(peer: Peer) -> bool:
    """Whether the two would read each other: between a city and a neighbourhood nobody does."""
    return peer.trust is not Trust.CITY
