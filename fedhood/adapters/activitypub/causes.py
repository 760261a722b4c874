"""The room of why: what the postman noted about a letter or a host, as one of a closed list of causes."""

from __future__ import annotations

from fedhood.adapters.activitypub.outbox import DROPPED, HELD, WAITING
from fedhood.core.deliveries import Cause, Fate, Matter

FORGOTTEN = "forgotten"
FATES: dict[str, Fate] = {
    WAITING: Fate.WAITING,
    HELD: Fate.WAITING,
    "done": Fate.ARRIVED,
    "refused": Fate.REFUSED,
    "expired": Fate.NOT_SENT,
    DROPPED: Fate.NOT_SENT,
    FORGOTTEN: Fate.FORGOTTEN,
}
# what the other side never answered: a code of `Client`, or of a document that cannot be had
_NOT_REACHED = {
    "no-such-name": Cause.NO_SUCH_NAME,
    "no-name-server": Cause.NO_NAME_SERVER,
    "unreachable": Cause.UNREACHABLE,
    "forbidden-address": Cause.FORBIDDEN_ADDRESS,
    "timeout": Cause.TIMEOUT,
    "certificate-lapsed": Cause.CERTIFICATE_LAPSED,
    "certificate-unknown": Cause.CERTIFICATE_UNKNOWN,
    "certificate-name": Cause.CERTIFICATE_NAME,
    "certificate-too-new": Cause.CERTIFICATE_TOO_NEW,
    "tls": Cause.NO_SAFE_CONNECTION,
    "no-inbox": Cause.NO_INBOX,
    **dict.fromkeys(("bad-answer", "bad-url", "too-large", "redirects"), Cause.STRANGE_ANSWER),
}
# what we noted in our own words, up to the colon
_OURS = {
    "fault": Cause.FAULT,
    "no answer for too long": Cause.TOO_OLD,
    "the agreement does not cover it any more": Cause.NOT_COVERED,
    "the agreement has ended": Cause.ENDED,
    "is no more": Cause.TAKEN_BACK,
    "cannot be said": Cause.NOT_TO_BE_SAID,
    "forgotten": Cause.FORGOTTEN,
}
# of the other side's words those that say more than the number; no other one is kept (`answers`)
WORDS = {
    "Signature stale": Cause.CLOCK_SLOW,
    "Signature future": Cause.CLOCK_FAST,
    "Key in question": Cause.OUR_KEY_IN_QUESTION,
}
_STATUSES = {
    401: Cause.NOT_RECOGNISED,
    403: Cause.NOT_ALLOWED,
    404: Cause.NOT_FOUND,
    408: Cause.LATER,
    410: Cause.GONE,
    413: Cause.TOO_LARGE,
    425: Cause.LATER,
    429: Cause.TOO_MUCH_AT_ONCE,
    501: Cause.NOT_UNDERSTOOD,
    502: Cause.STOPPED,
    503: Cause.STOPPED,
    504: Cause.STOPPED,
}
_ANSWERED = "answered "
_BETWEEN_TWO = ("offer.", "message.", "help.confirm")
_MATTERS = {
    "post.create": Matter.POST,
    "post.update": Matter.POST,
    "post.delete": Matter.TAKEN_BACK,
    "reply.send": Matter.ANSWER,
    "reply.announce": Matter.ANSWER,
    "help.create": Matter.REQUEST,
    "help.update": Matter.REQUEST,
    "help.delete": Matter.TAKEN_BACK,
    "thanks.give": Matter.THANKS,
    "thanks.undo": Matter.TAKEN_BACK,
    "person.delete": Matter.TAKEN_BACK,
    "citizen.delete": Matter.TAKEN_BACK,
    "flag": Matter.REPORT,
    "follower.accept": Matter.FOLLOWING,
    "follower.reject": Matter.FOLLOWING,
    "follower.post": Matter.POST,
    "follower.edit": Matter.POST,
    "follower.delete": Matter.TAKEN_BACK,
    "visitor.answer": Matter.ANSWER,
    "answer.create": Matter.ANSWER,
    "answer.update": Matter.ANSWER,
    "answer.delete": Matter.TAKEN_BACK,
    "hub.create": Matter.POST,
    "hub.update": Matter.POST,
    "hub.delete": Matter.TAKEN_BACK,
}
_KINDS = {"peer": Matter.PEERING, "hub": Matter.PEERING, "metrics": Matter.FIGURES, "city": Matter.CITY}


def of_reason(reason: str | None) -> Cause:
    """What was noted, as a cause: a code of `Client`, `answered STATUS[: WORD]`, or a sentence of ours."""
    noted = reason or ""
    if noted.startswith(_ANSWERED):
        return _of_answer(noted.removeprefix(_ANSWERED))
    return _NOT_REACHED.get(noted) or _OURS.get(noted.partition(":")[0], Cause.STRANGE_ANSWER)


def _of_answer(answer: str) -> Cause:
    status, _, word = answer.partition(": ")
    if word in WORDS:
        return WORDS[word]
    number = int(status) if status.isascii() and status.isdigit() else 0
    return _STATUSES.get(number) or (Cause.BROKEN_THERE if number >= 500 else Cause.NOT_UNDERSTOOD)


def is_known(reason: str) -> bool:
    """Whether this is noted in words that are foreseen here."""
    return reason.startswith(_ANSWERED) or reason in _NOT_REACHED or reason.partition(":")[0] in _OURS


def matter_of(verb: str) -> Matter:
    """What a letter is about, as whoever looks after the server is told: of what goes from one to one, no more."""
    if verb.startswith(_BETWEEN_TWO):
        return Matter.BETWEEN_TWO
    return _MATTERS.get(verb) or _KINDS[verb.partition(".")[0]]
