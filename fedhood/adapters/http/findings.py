"""What is found when a neighbour is tested: the steps in their order, and a closed list of what each can find. Pure.

    name ─▶ address ─▶ connection ─▶ certificate ─▶ nodeinfo ─▶ actor ─▶ webfinger ─▶ echo ─▶ clock

The words for people, and one advice for each that is not well, are the pages' (`web.host_findings`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

Fact: TypeAlias = str | int | datetime


class Step(enum.StrEnum):
    """What is looked at, one after the other."""

    NAME = "name"
    ADDRESS = "address"
    CONNECTION = "connection"
    CERTIFICATE = "certificate"
    NODEINFO = "nodeinfo"
    ACTOR = "actor"
    WEBFINGER = "webfinger"
    ECHO = "echo"
    CLOCK = "clock"


class Outcome(enum.StrEnum):
    """How one step stands. SKIPPED: nothing could be found out, or there was nothing to."""

    WELL = "ok"
    LOOK = "look"
    ILL = "bad"
    SKIPPED = "-"


class Found(enum.StrEnum):
    """What a step found."""

    NAME_KNOWN = "name-known"
    NO_SUCH_NAME = "no-such-name"
    NO_NAME_SERVER = "no-name-server"
    NAME_LATE = "name-late"

    ADDRESS_GOOD = "address-good"
    ADDRESS_MIXED = "address-mixed"
    FORBIDDEN_ADDRESS = "forbidden-address"

    CONNECTED = "connected"
    UNREACHABLE = "unreachable"
    CONNECTION_LATE = "connection-late"

    CERTIFICATE_GOOD = "certificate-good"
    CERTIFICATE_SOON = "certificate-soon"
    NO_CERTIFICATE = "no-certificate"
    CERTIFICATE_LAPSED = "certificate-lapsed"
    CERTIFICATE_UNKNOWN = "certificate-unknown"
    CERTIFICATE_NAME = "certificate-name"
    CERTIFICATE_TOO_NEW = "certificate-too-new"
    TLS = "tls"

    NODEINFO_GOOD = "nodeinfo-good"
    NO_NODEINFO = "no-nodeinfo"
    OTHER_INSTANCE = "other-instance"

    ACTOR_GOOD = "actor-good"
    NO_ACTOR = "no-actor"
    KEY_OTHER = "key-other"

    WEBFINGER_GOOD = "webfinger-good"
    NO_WEBFINGER = "no-webfinger"
    WEBFINGER_OTHER = "webfinger-other"

    ECHO_GOOD = "echo-good"
    ECHO_OLDER = "echo-older"
    ECHO_STRANGER = "echo-stranger"
    NOT_AGREED = "not-agreed"

    CLOCK_SAME = "clock-same"
    CLOCK_NEAR = "clock-near"
    CLOCK_AHEAD = "clock-ahead"
    CLOCK_BEHIND = "clock-behind"
    CLOCK_FAR_AHEAD = "clock-far-ahead"
    CLOCK_FAR_BEHIND = "clock-far-behind"
    NO_TIME = "no-time"

    LATE = "late"
    LOST = "lost"
    PROXY_ALONE = "proxy-alone"
    THEIR_FAULT = "their-fault"
    TOO_OFTEN = "too-often"
    STRANGE_ANSWER = "strange-answer"

    NOT_TRIED = "not-tried"
    OUT_OF_TIME = "out-of-time"


_WELL = (
    Found.NAME_KNOWN,
    Found.ADDRESS_GOOD,
    Found.CONNECTED,
    Found.CERTIFICATE_GOOD,
    Found.NODEINFO_GOOD,
    Found.ACTOR_GOOD,
    Found.WEBFINGER_GOOD,
    Found.ECHO_GOOD,
    Found.ECHO_OLDER,
    Found.CLOCK_SAME,
    Found.CLOCK_NEAR,
)
_LOOK = (
    Found.ADDRESS_MIXED,
    Found.CERTIFICATE_SOON,
    Found.NO_WEBFINGER,
    Found.WEBFINGER_OTHER,
    Found.CLOCK_AHEAD,
    Found.CLOCK_BEHIND,
    Found.TOO_OFTEN,
)
_SKIPPED = (Found.NO_CERTIFICATE, Found.NOT_AGREED, Found.NO_TIME, Found.NOT_TRIED, Found.OUT_OF_TIME)
OUTCOMES: dict[Found, Outcome] = {
    **dict.fromkeys(Found, Outcome.ILL),
    **dict.fromkeys(_WELL, Outcome.WELL),
    **dict.fromkeys(_LOOK, Outcome.LOOK),
    **dict.fromkeys(_SKIPPED, Outcome.SKIPPED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one step found, with the facts that the sentence about it holds."""

    step: Step
    found: Found
    facts: dict[str, Fact] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """How the step stands."""
        return OUTCOMES[self.found]
