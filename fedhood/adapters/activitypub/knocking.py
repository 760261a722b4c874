"""By which scheme a host is knocked at, whether once more by the other, and what its answers teach. Pure.

    nothing known ──▶ cavage            the older scheme, which nearly everybody reads
    says that it reads RFC 9421, was     ──▶ RFC 9421, with the Ed25519 key where it says that too
    heard to sign by it, or took it after
    refusing the older one
    400 or 401 ──▶ the other scheme, once, at once

A 2xx to the first knock teaches nothing: some servers say it before they look at the signature, or without looking.
One to the second does: what it refused a moment ago it takes now. Whatever was learnt holds for thirty days.

    plan = knocking.plan(known, capabilities, now)
    answer = await post(knocking.sign(plan, …))
    again = knocking.second(plan, answer.status)
    if again is not None:
        answer = await post(knocking.sign(again, …))
        known = knocking.answered(known, again, answer.status, now)

`knocks.knock` is this with a memory.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import message_signatures, signatures
from fedhood.adapters.activitypub.actors import MAIN_KEY, PROOF_KEY
from fedhood.adapters.activitypub.key_documents import KeyKind
from fedhood.adapters.activitypub.signed_requests import Scheme
from fedhood.kernel import urls

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import datetime

    from fedhood.adapters.activitypub.keys import KeyPair

HOLDS = timedelta(days=30)
WORTH_NOTING = timedelta(days=1)  # after which what was learnt is written down again

_REFUSED = frozenset({400, 401})


class How(enum.StrEnum):
    """How we know which scheme a host reads: it took one after refusing the other, or was heard to sign by it."""

    ANSWERED = "answered"
    HEARD = "heard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was learnt about a host, and when."""

    scheme: Scheme
    how: How
    learnt_at: datetime

    def holds(self, now: datetime) -> bool:
        """Whether it is not too long ago."""
        return now - self.learnt_at < HOLDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one request is signed. `is_second`: the other scheme was refused a moment ago."""

    scheme: Scheme
    key: KeyKind = KeyKind.RSA
    is_second: bool = False


def plan(known: Known | None, capabilities: Container[str], now: datetime) -> Plan:
    """How to knock first. `capabilities` is what the host's instance actor says that it implements (FEP-844e).

    What was learnt from a refusal goes before what the host says of itself: a proxy of its own may be in the way.
    """
    scheme = Scheme.RFC9421 if message_signatures.CAPABILITY in capabilities else Scheme.CAVAGE
    if known is not None and known.holds(now):
        scheme = known.scheme
    if scheme is Scheme.RFC9421 and message_signatures.CAPABILITY_ED25519 in capabilities:
        return Plan(scheme=scheme, key=KeyKind.ED25519)
    return Plan(scheme=scheme)


def second(tried: Plan, status: int) -> Plan | None:
    """How to knock once more after this answer, None for not at all: only after a 400 or 401, and never a third time.

    Never after a 5xx: it is no word on the signature, and a second knock would hide that something is broken.
    """
    if tried.is_second or status not in _REFUSED:
        return None
    other = Scheme.CAVAGE if tried.scheme is Scheme.RFC9421 else Scheme.RFC9421
    return Plan(scheme=other, is_second=True)


def counts(first: int, again: int) -> bool:
    """Whether of the two answers the second is the one that counts.

    It is, unless it refuses too; then the more hopeful does: a 401 may be better later, a 400 never.
    """
    return again not in _REFUSED or (again == 401 and first == 400)


def answered(known: Known | None, tried: Plan, status: int, now: datetime) -> Known | None:
    """What is known after this answer: that a host reads a scheme is learnt from a second knock alone."""
    if tried.is_second and 200 <= status < 300:
        return Known(scheme=tried.scheme, how=How.ANSWERED, learnt_at=now)
    return known


def heard(known: Known | None, scheme: Scheme, now: datetime) -> Known | None:
    """What is known after a request of the host was verified: who signs by RFC 9421 reads it.

    That it signs by the older one says nothing, and what it refused itself counts for more than what it sends.
    """
    if scheme is not Scheme.RFC9421 or (known is not None and known.how is How.ANSWERED and known.holds(now)):
        return known
    return Known(scheme=scheme, how=How.HEARD, learnt_at=now)


def is_news(before: Known | None, after: Known | None) -> bool:
    """Whether it is worth writing down: it says something else, or the old word is more than a day old."""
    if after is None or before is None:
        return after is not before
    same = (before.scheme, before.how) == (after.scheme, after.how)
    return not same or after.learnt_at - before.learnt_at >= WORTH_NOTING


def sign(
    plan: Plan, *, method: str, url: str, body: bytes | None, signer: str, pair: KeyPair, date: datetime
) -> dict[str, str]:
    """The headers to send with a request for this URL, signed by an actor of ours (`signer`) with one of its keys.

    To be called for every attempt; with RSA it is 0.6 ms of arithmetic.
    """
    base = urls.origin(url)
    target = url[len(base) :].partition("#")[0] or "/"
    key_id = signer + (MAIN_KEY if plan.key is KeyKind.RSA else PROOF_KEY)
    if plan.scheme is Scheme.CAVAGE:
        host = urls.authority(url)
        return signatures.sign_request(
            method=method, target=target, host=host, body=body, key_id=key_id, key=pair.rsa, date=date
        )
    key = pair.rsa if plan.key is KeyKind.RSA else pair.ed25519
    return message_signatures.sign_request(
        method=method, base=base, target=target, body=body, key_id=key_id, key=key, date=date
    )
