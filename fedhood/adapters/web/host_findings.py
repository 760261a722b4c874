"""What a test of a neighbour found, in words: a sentence for everything, and one advice where something is not well.

The command line says the same sentences in English.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.http.findings import Found, Outcome, Step
from fedhood.adapters.web.languages import N_

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fedhood.adapters.http.findings import Finding

STEPS: dict[Step, str] = {
    Step.NAME: N_("Their name on the internet"),
    Step.ADDRESS: N_("Their address"),
    Step.CONNECTION: N_("Connection"),
    Step.CERTIFICATE: N_("Certificate"),
    Step.NODEINFO: N_("What runs there"),
    Step.ACTOR: N_("Their letters"),
    Step.WEBFINGER: N_("Whether others find them"),
    Step.ECHO: N_("Whether they know you"),
    Step.CLOCK: N_("Clock"),
}

# how a mark looks: the names of the pages' own
LOOKS: dict[Outcome, str] = {
    Outcome.WELL: "done",
    Outcome.LOOK: "late",
    Outcome.ILL: "no",
    Outcome.SKIPPED: "wait",
}

_NOTHING = ""
_WAIT = N_("Test again in an hour. If it is still so, call them.")
_DNS = N_("Whoever hosts it there must look at the entry of the name (DNS).")
_MACHINE = N_("Whoever hosts it there must see whether the machine and its proxy are on, and the firewall open.")
_PROXY = N_("Whoever hosts it there must look at the certificate of their proxy.")
_START = N_("Whoever hosts it there must start fedhood.")
_LOG = N_("Whoever hosts it there must look at their log, and at the room on their disk.")
_CLOCKS = N_("On both machines, let the network set the clock.")

SAID: dict[Found, tuple[str, str]] = {
    Found.NAME_KNOWN: (N_("The name leads to %(addresses)s."), _NOTHING),
    Found.NO_SUCH_NAME: (N_("There is no such name."), _DNS),
    Found.NO_NAME_SERVER: (
        N_("Names cannot be looked up from here just now."),
        N_("Whoever hosts your own place must look at the network of this machine. Nobody is reached now."),
    ),
    Found.NAME_LATE: (N_("Looking up the name took too long."), _WAIT),
    Found.ADDRESS_GOOD: (N_("It is an address that may be asked."), _NOTHING),
    Found.ADDRESS_MIXED: (N_("Some of its addresses are not public; those are never asked."), _DNS),
    Found.FORBIDDEN_ADDRESS: (N_("The address is not a public one, so nothing is sent there."), _DNS),
    Found.CONNECTED: (N_("Somebody answers there."), _NOTHING),
    Found.UNREACHABLE: (N_("Nobody answers there."), _MACHINE),
    Found.CONNECTION_LATE: (N_("Nobody answered there in time."), _MACHINE),
    Found.CERTIFICATE_GOOD: (N_("It holds until %(until)s."), _NOTHING),
    Found.CERTIFICATE_SOON: (
        N_("It holds until %(until)s and was not renewed yet."),
        N_("Whoever hosts it there must see why their proxy does not renew it."),
    ),
    Found.NO_CERTIFICATE: (N_("Between machines of a demo there is none."), _NOTHING),
    Found.CERTIFICATE_LAPSED: (N_("It has run out."), _PROXY),
    Found.CERTIFICATE_UNKNOWN: (
        N_("Nobody whom this machine trusts vouches for it."),
        N_("Test another neighbour. If it is the same there, it is this machine: install ca-certificates."),
    ),
    Found.CERTIFICATE_NAME: (N_("It is of another name."), _PROXY),
    Found.CERTIFICATE_TOO_NEW: (
        N_("It does not hold yet."),
        N_("Look at the clock of this machine first: it may be slow."),
    ),
    Found.TLS: (N_("No safe connection could be made."), _PROXY),
    Found.NODEINFO_GOOD: (N_("A place like this one runs there."), _NOTHING),
    Found.NO_NODEINFO: (
        N_("Something answers, but it does not say that it is a place like this one."),
        N_("Whoever hosts it there must see whether their proxy passes everything on to fedhood."),
    ),
    Found.OTHER_INSTANCE: (
        N_("It says that it is another place than the one you know."),
        N_("Call them, on a number you know. Perhaps it was set up anew."),
    ),
    Found.ACTOR_GOOD: (N_("They show the letters that you compared."), _NOTHING),
    Found.NO_ACTOR: (
        N_("Their letters are not where they were."),
        N_("Call them, on a number you know. Perhaps it was set up anew."),
    ),
    Found.KEY_OTHER: (
        N_("They show other letters than those you compared."),
        N_("Call them, on a number you know, and compare the letters on the page of this neighbour."),
    ),
    Found.WEBFINGER_GOOD: (N_("Others on the internet find them by their name."), _NOTHING),
    Found.NO_WEBFINGER: (
        N_("Others on the internet do not find them by their name. Between you it does no harm."),
        N_("Whoever hosts it there must see whether their proxy passes /.well-known on to fedhood."),
    ),
    Found.WEBFINGER_OTHER: (
        N_("By their name somebody else is found. Between you it does no harm."),
        N_("Tell whoever hosts it there: something else answers under /.well-known."),
    ),
    Found.ECHO_GOOD: (N_("They know your signature (%(scheme)s), and you are their neighbour."), _NOTHING),
    Found.ECHO_OLDER: (
        N_("They know your signature. What they run is older and cannot say more; that is no fault."),
        _NOTHING,
    ),
    Found.ECHO_STRANGER: (
        N_("They answer you as they answer strangers."),
        N_("If the clocks below agree, call them: on their page of you it says what they wait for."),
    ),
    Found.NOT_AGREED: (N_("You are not neighbours, so they were not asked."), _NOTHING),
    Found.CLOCK_SAME: (N_("Their clock and yours agree."), _NOTHING),
    Found.CLOCK_NEAR: (N_("Their clock and yours are %(minutes)s min apart. That does no harm."), _NOTHING),
    Found.CLOCK_AHEAD: (
        N_("Their clock is %(minutes)s min ahead of yours. What they say is read here later."),
        _CLOCKS,
    ),
    Found.CLOCK_BEHIND: (
        N_("Their clock is %(minutes)s min behind yours. What you say is read there later."),
        _CLOCKS,
    ),
    Found.CLOCK_FAR_AHEAD: (
        N_("Their clock is %(minutes)s min ahead of yours. Neither of you takes what the other says."),
        _CLOCKS,
    ),
    Found.CLOCK_FAR_BEHIND: (
        N_("Their clock is %(minutes)s min behind yours. Neither of you takes what the other says."),
        _CLOCKS,
    ),
    Found.NO_TIME: (N_("They did not say what time it is there."), _NOTHING),
    Found.LATE: (N_("There was no answer in time."), _WAIT),
    Found.LOST: (N_("In the midst of the test nobody answered any more."), _WAIT),
    Found.PROXY_ALONE: (N_("Their proxy answers, and fedhood behind it does not."), _START),
    Found.THEIR_FAULT: (N_("Something goes wrong there."), _LOG),
    Found.TOO_OFTEN: (N_("They were asked too often just now."), N_("Test again in a few minutes.")),
    Found.STRANGE_ANSWER: (
        N_("The answer could not be understood."),
        N_("Whoever hosts it there must see whether their proxy passes everything on to fedhood."),
    ),
    Found.NOT_TRIED: (N_("Not tried: something before it went wrong."), _NOTHING),
    Found.OUT_OF_TIME: (N_("Not tried: the test had taken long enough."), N_("Test again.")),
}

ALL_WELL = N_("All is well between you and them.")
NOT_ALL_WELL = N_("Something is to be looked at. The first that is not well is most often the reason for the rest.")


def is_well(findings: list[Finding]) -> bool:
    """Whether nothing needs anybody's eyes."""
    return not any(one.outcome in {Outcome.LOOK, Outcome.ILL} for one in findings)


def facts_of(finding: Finding, day: Callable[[datetime], str]) -> dict[str, str]:
    """The facts as they stand in a sentence; `day` says a moment."""
    return {
        name: value if isinstance(value, str) else str(value) if isinstance(value, int) else day(value)
        for name, value in finding.facts.items()
    }
