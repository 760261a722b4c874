"""What is said of what goes to another place: what it is, what became of it, why, and whose turn it is.

The command line says the same, in English. A test fails on a cause that has no words here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.web.languages import N_
from fedhood.core.deliveries import Cause, Fate, Matter

if TYPE_CHECKING:
    from datetime import datetime

    from fedhood.adapters.web.render import Words
    from fedhood.core.deliveries import Standing, Verdict

_NOTHING = N_("There is nothing to do.")
_BY_ITSELF = N_("It is tried again by itself. Call them if it takes longer than a day.")
_REPORT = N_("This should not happen. Tell those who make fedhood, with what the log of this server says.")

# why, and what to do about it; "they" are those who look after the other place
CAUSES: dict[Cause, tuple[str, str]] = {
    Cause.IN_TURN: (N_("It goes out in its turn."), _NOTHING),
    Cause.PAUSED: (
        N_("Somebody here paused it: nothing goes to them."),
        N_("Let it go on when you like. All that waits goes out then."),
    ),
    Cause.KEY_IN_QUESTION: (
        N_("Their letters are in question, so nothing goes to them."),
        N_("Call them and compare the letters."),
    ),
    Cause.NO_SUCH_NAME: (
        N_("Their address is not known on the internet."),
        N_("Call them: the entry of their name (DNS) is missing, or they have another name now."),
    ),
    Cause.NO_NAME_SERVER: (
        N_("Addresses cannot be looked up from here just now."),
        N_("Look after the network of this machine. Nobody is reached until it works."),
    ),
    Cause.UNREACHABLE: (
        N_("Nobody answers at their address."),
        N_("Their machine or its network is off. Call them if it takes longer than a day."),
    ),
    Cause.FORBIDDEN_ADDRESS: (
        N_("Their name leads to an address that is not public, so nothing was sent there."),
        N_("Call them: the entry of their name (DNS) is wrong."),
    ),
    Cause.TIMEOUT: (N_("They did not answer in time."), _BY_ITSELF),
    Cause.CERTIFICATE_LAPSED: (N_("Their certificate has run out."), N_("Call them: they must renew it.")),
    Cause.CERTIFICATE_UNKNOWN: (
        N_("Nobody whom this machine trusts vouches for their certificate."),
        N_("Call them. If it is so with every place, this machine knows no authorities: install ca-certificates."),
    ),
    Cause.CERTIFICATE_NAME: (
        N_("Their certificate is for another name."),
        N_("Call them: the program in front of their server shows the wrong one."),
    ),
    Cause.CERTIFICATE_TOO_NEW: (
        N_("Their certificate does not hold yet."),
        N_("Look at the clock of this machine; if it is right, theirs is wrong."),
    ),
    Cause.NO_SAFE_CONNECTION: (
        N_("No safe connection can be made to them."),
        N_("Call them: the program in front of their server is set up wrong."),
    ),
    Cause.STRANGE_ANSWER: (
        N_("Their answer could not be understood."),
        N_("Perhaps something else answers at their address. Call them if it takes longer than a day."),
    ),
    Cause.NO_INBOX: (
        N_("It is not known yet where they take what is meant for them."),
        N_("That is looked up by itself. Call them if it takes longer than a day."),
    ),
    Cause.STOPPED: (
        N_("Their server has stopped, or has too much to do."),
        N_("It is tried again by itself. If it takes longer than a day, call them: they must start it."),
    ),
    Cause.BROKEN_THERE: (
        N_("Something goes wrong on their server."),
        N_("Call them: their log says what it is. Perhaps their disk is full."),
    ),
    Cause.TOO_MUCH_AT_ONCE: (
        N_("They get too much at once and ask us to wait."),
        N_("There is nothing to do. We wait as long as they ask."),
    ),
    Cause.LATER: (N_("They ask us to come back later."), _BY_ITSELF),
    Cause.NOT_RECOGNISED: (
        N_("They do not recognise our signature."),
        N_("Look whether this place can be opened from outside: they fetch our key here. Then call them."),
    ),
    Cause.OUR_KEY_IN_QUESTION: (
        N_("They see other letters of ours than those they compared."),
        N_("Call them and read your letters aloud."),
    ),
    Cause.CLOCK_SLOW: (
        N_("They say that our clock is slow; or theirs is fast."),
        N_("Look at both clocks."),
    ),
    Cause.CLOCK_FAST: (
        N_("They say that our clock is fast; or theirs is slow."),
        N_("Look at both clocks."),
    ),
    Cause.NOT_ALLOWED: (
        N_("They do not allow it."),
        N_("Call them: perhaps they ended or changed what you had agreed."),
    ),
    Cause.NOT_FOUND: (
        N_("They know nothing of the address to which it went."),
        N_("Call them: perhaps their server was set up anew."),
    ),
    Cause.GONE: (
        N_("They say that what it was meant for is gone for good."),
        N_("Call them. If they have stopped, end here what you had agreed."),
    ),
    Cause.TOO_LARGE: (N_("It was too large for them."), _REPORT),
    Cause.NOT_UNDERSTOOD: (
        N_("They could make nothing of it."),
        N_("Perhaps one of the two servers is too old: bring both up to date."),
    ),
    Cause.TOO_OLD: (
        N_("For too long they gave no answer, so it is not sent any more."),
        N_("If they come back within three months, they ask for it themselves."),
    ),
    Cause.ENDED: (N_("What you had agreed ended before it went."), _NOTHING),
    Cause.NOT_COVERED: (
        N_("It is not for them any more: they do not read along now, or it was hidden here."),
        N_("If they should read along, change who does. What is new goes to them then."),
    ),
    Cause.TAKEN_BACK: (N_("It was taken back, or said anew, before it went."), _NOTHING),
    Cause.NOT_TO_BE_SAID: (
        N_("This server stopped it: it would have gone to more people than it was meant for."),
        _REPORT,
    ),
    Cause.FAULT: (N_("This server failed to send it."), _REPORT),
    Cause.FORGOTTEN: (N_("Somebody here decided that it is not sent."), _NOTHING),
}

FATES: dict[Fate, tuple[str, str]] = {
    Fate.ARRIVED: ("done", N_("Arrived")),
    Fate.WAITING: ("wait", N_("Waits")),
    Fate.REFUSED: ("no", N_("Refused")),
    Fate.NOT_SENT: ("gap", N_("Not sent")),
    Fate.FORGOTTEN: ("gap", N_("Forgotten")),
}

MATTERS: dict[Matter, str] = {
    Matter.POST: N_("A post"),
    Matter.ANSWER: N_("An answer"),
    Matter.REQUEST: N_("News of a request for help"),
    Matter.THANKS: N_("Thanks"),
    Matter.BETWEEN_TWO: N_("Something between two people"),
    Matter.TAKEN_BACK: N_("Word that something was taken back"),
    Matter.REPORT: N_("A report to those who look after it"),
    Matter.FIGURES: N_("Figures of a quarter"),
    Matter.CITY: N_("A message from the city"),
    Matter.PEERING: N_("Word about what you agreed"),
    Matter.FOLLOWING: N_("Word to somebody who follows from elsewhere"),
}


def why(verdict: Verdict, words: Words) -> str:
    """Why something waits or did not arrive; empty for what arrived."""
    return words.gettext(CAUSES[verdict.cause][0]) if verdict.cause is not None else ""


def advice(verdict: Verdict, words: Words) -> str:
    """Whose turn it is, and what they can do; empty for what arrived."""
    return words.gettext(CAUSES[verdict.cause][1]) if verdict.cause is not None else ""


def next_try(verdict: Verdict, words: Words, now: datetime) -> str:
    """When it is tried next, of what is in trouble; empty while that depends on somebody, or is at once."""
    if verdict.since is None or verdict.next_try is None:
        return ""
    if verdict.next_try <= now:
        return words.gettext("It is tried just now.")
    return words.gettext("Next try: %(moment)s.", moment=words.day_and_hour(verdict.next_try, now))


def wrong_with(standing: Standing, words: Words, now: datetime) -> tuple[str, str] | None:
    """(look, words): what goes wrong with sending to a place; None while all is well."""
    since = standing.verdict.since
    if standing.paused_at is not None:
        return "wait", words.gettext("Paused since %(moment)s.", moment=words.moment(standing.paused_at, now))
    if since is not None:
        said = words.gettext("No answer since %(moment)s.", moment=words.moment(since, now))
        return "no" if standing.parked else "late", said
    return ("no", words.gettext("They do not take what is meant for them.")) if standing.refusing else None


def state_of(standing: Standing, words: Words, now: datetime) -> tuple[str, str]:
    """(look, words): how sending to a place goes."""
    wrong = wrong_with(standing, words, now)
    if wrong is not None:
        return wrong
    if standing.waiting:
        return "wait", words.gettext("Something is on its way to them.")
    if standing.lost:
        return "late", words.gettext("Nothing waits. Not all of it arrived lately.")
    if standing.of_last:
        return "done", words.gettext("All that was meant for them has arrived.")
    return "wait", words.gettext("Nothing has gone to them yet.")


def counts(standing: Standing, words: Words, now: datetime) -> list[str]:
    """How much waits and since when, how much arrived lately, and when the last of it did."""
    said: list[str] = []
    if standing.oldest is not None:
        oldest = words.moment(standing.oldest, now)
        said.append(
            words.ngettext(
                "%(n)s thing waits, written %(moment)s.",
                "%(n)s things wait, the first written %(moment)s.",
                standing.waiting,
                moment=oldest,
            )
        )
    if standing.of_last:
        said.append(
            words.gettext(
                "Of the last %(all)s: %(arrived)s arrived, %(lost)s did not.",
                all=words.number(standing.of_last),
                arrived=words.number(standing.arrived),
                lost=words.number(standing.lost),
            )
        )
    if standing.last_ok is not None:
        said.append(words.gettext("The last one arrived: %(moment)s.", moment=words.moment(standing.last_ok, now)))
    return said
