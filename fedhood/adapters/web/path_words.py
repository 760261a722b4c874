"""What became of a letter, in words: here, on its way and there, and what a dry run came to. Never what it says.

The command line says the same sentences in English. A test fails on anything of the closed lists without words.
"""

from __future__ import annotations

from fedhood.adapters.http.paths import Ending, Fate, Reason, Sending, Way
from fedhood.adapters.web.languages import N_

_NOTHING = N_("There is nothing to do.")
_TEST = N_("Test the way to them: it says what is wrong.")

# what a letter is about, by the first word of its verb: whoever looks after a place is no reader of what goes between
_A_POST = N_("A post")
_AN_ANSWER = N_("An answer")
_HELP = N_("News of a request for help")
_BETWEEN_TWO = N_("Something between two people")
_TAKEN_BACK = N_("Word that something was taken back")
_MATTERS: dict[str, str] = {
    "post": _A_POST,
    "reply": _AN_ANSWER,
    "help": _HELP,
    "thanks": N_("Thanks"),
    "offer": _BETWEEN_TWO,
    "message": _BETWEEN_TWO,
    "flag": N_("A report to those who look after it"),
    "person": _TAKEN_BACK,
    "metrics": N_("Figures of a quarter"),
    "city": N_("A message from the city"),
    "peer": N_("Word about what you agreed"),
    "follower": _A_POST,
    "visitor": _AN_ANSWER,
    "answer": _AN_ANSWER,
    "hub": _A_POST,
}
_FOLLOWING = N_("Word to somebody who follows from elsewhere")
_OF_VERBS: dict[str, str] = {
    "help.confirm": _BETWEEN_TWO,
    "follower.accept": _FOLLOWING,
    "follower.reject": _FOLLOWING,
    "hub.follow": _MATTERS["peer"],
    "hub.accept": _MATTERS["peer"],
}
_REMOVALS = (".delete", ".undo")


def matter(verb: str) -> str:
    """What a letter with this verb is about. Raises KeyError for a verb that there is not."""
    if verb in _OF_VERBS:
        return _OF_VERBS[verb]
    if verb.endswith(_REMOVALS) and not verb.startswith("peer."):
        return _TAKEN_BACK
    return _MATTERS[verb.partition(".")[0]]


# (look, what became of it here, advice)
SENT: dict[Sending, tuple[str, str, str]] = {
    Sending.WAITING: ("wait", N_("It waits here to be sent."), _TEST),
    Sending.DONE: ("done", N_("It was sent, and they took it."), _NOTHING),
    Sending.REFUSED: ("no", N_("It was sent, and they refused it."), _TEST),
    Sending.EXPIRED: ("no", N_("Nobody took it for too long, so it is sent no more."), _TEST),
    Sending.DROPPED: (
        "late",
        N_("It was not sent: what you agreed no longer covers it, or it was taken back."),
        _NOTHING,
    ),
    Sending.HELD: (
        "late",
        N_("It is held here until you have compared letters again."),
        N_("Call them, on a number you know, and compare the letters on the page of this neighbour."),
    ),
    Sending.OTHER: ("late", N_("It was put aside here."), _NOTHING),
}

# (look, what became of it where it arrived)
FATES: dict[Fate, tuple[str, str]] = {
    Fate.WAITING: ("wait", N_("It waits to be read.")),
    Fate.UNDERSTOOD: ("done", N_("It was read, and what follows from it was done.")),
    Fate.REFUSED: ("no", N_("It was read and not taken.")),
    Fate.IGNORED: ("late", N_("It was put away unread.")),
    Fate.PARKED: ("open", N_("It was put off, and is tried again for three days.")),
    Fate.DEAD: ("no", N_("It was tried for three days, and then given up.")),
}

_CALL = N_("If it happens again, call each other.")
_NEWER = N_("Perhaps one of you runs an older version: bring both up to date.")

# why it was not taken in, said so that it holds on either side, and what to do about it
REASONS: dict[Reason, tuple[str, str]] = {
    Reason.CLOCK: (
        N_("It was signed by a clock that is ahead of the reader’s."),
        N_("On both machines, let the network set the clock."),
    ),
    Reason.MISSING: (
        N_("It is about something that the reader does not have, or not yet."),
        N_("If it comes within three days, all is well. If it does not, write again what it was about."),
    ),
    Reason.REMOVED: (N_("It, or what it is about, was taken back."), _NOTHING),
    Reason.LATE: (N_("What it is about had gone on without it."), _NOTHING),
    Reason.NOT_AGREED: (
        N_("What the two agreed does not cover it."),
        N_("Compare on both pages who reads along, and until when you said yes."),
    ),
    Reason.NOT_THEIRS: (N_("It does what only somebody else may do, or contradicts what is known."), _CALL),
    Reason.PROOF: (N_("It is not proved that who is said to have written it did."), _CALL),
    Reason.KEY: (
        N_("It was signed with a key that the reader does not know, or not yet."),
        N_("Test the way to each other: it says whether the letters still match."),
    ),
    Reason.SILENCE: (N_("Somebody else had to be asked about it, and did not answer."), _TEST),
    Reason.UNREADABLE: (N_("It does not have the form that it should have."), _NEWER),
    Reason.UNKNOWN_KIND: (N_("It is of a kind that the reader does not know."), _NEWER),
    Reason.FULL: (N_("There was no room for it just then."), _CALL),
    Reason.FAULT: (
        N_("Something went wrong where it was read."),
        N_("Whoever hosts the reader’s side must look at the log, and report what it says."),
    ),
    Reason.OTHER: (
        N_("It was refused for a reason that has no name here."),
        N_("Whoever hosts the reader’s side finds the reason in the log."),
    ),
}

WAYS: dict[Way, str] = {
    Way.CAVAGE: N_("It was delivered, and known by its signature (draft-cavage-12)."),
    Way.RFC9421: N_("It was delivered, and known by its signature (RFC 9421)."),
    Way.ASKED: N_("It had been missed, and was asked for."),
    Way.CARRIED: N_("Another neighbour brought it, and its author’s signature held."),
}

NOT_TOLD = N_("They tell nothing of it. It did not come, it is long ago, or what they run is older.")
NOT_ASKED = N_("It was not sent yet, so they were not asked.")
UNREACHED = N_("They could not be asked just now.")

# (look, what a dry run came to, advice)
ENDINGS: dict[Ending, tuple[str, str, str]] = {
    Ending.TAKEN_IN: ("done", N_("Now it would be taken in."), N_("If it was put off, it is taken in by itself.")),
    Ending.PUT_OFF: ("open", N_("Now it would be put off once more."), _NOTHING),
    Ending.REFUSED: ("no", N_("Now it would be refused."), _CALL),
    Ending.IGNORED: ("late", N_("Now it would be put away unread."), _NEWER),
    Ending.ASKS: (
        "open",
        N_("Somebody else would have to be asked first. A dry run asks nobody."),
        N_("Test the way to them: they must answer before it can be read."),
    ),
    Ending.FAULT: (
        "no",
        N_("Now something would go wrong here."),
        N_("Whoever hosts your own place finds it in the log, and should report it."),
    ),
    Ending.NOT_KEPT: ("late", N_("What it said is not kept any more."), _NOTHING),
}
