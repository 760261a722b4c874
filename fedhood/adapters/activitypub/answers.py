"""What another server's answer to a letter means: one table of status classes."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub.causes import WORDS
from fedhood.adapters.http import strict_json
from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    from fedhood.adapters.http.client import Answer

LONGEST_REST = timedelta(hours=24)
_SHORTEST_REST = timedelta(seconds=1)
# a key that could not be fetched, a restart, too much at once: it may be better later
_LATER = frozenset({401, 408, 425, 429})


class Outcome(enum.Enum):
    """What became of one attempt."""

    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"
    DROPPED = "dropped"
    UNSAYABLE = "unsayable"
    RETRY = "retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One attempt: `status` when there was an answer, `reason` for the operator, `rest` when the other side asked."""

    outcome: Outcome
    status: int | None = None
    reason: str | None = None
    rest: timedelta | None = None


def judge(answer: Answer, now: datetime) -> Result:
    """What an answer means: 2xx done, 401, 408, 425, 429 and 5xx later (501 never), all else final."""
    status = answer.status
    if 200 <= status < 300:
        return Result(outcome=Outcome.DONE, status=status)
    reason = f"answered {status}{_reason(answer)}"
    if status in _LATER or (status >= 500 and status != 501):
        return Result(outcome=Outcome.RETRY, status=status, reason=reason, rest=_rest(answer, now))
    return Result(outcome=Outcome.REFUSED, status=status, reason=reason)


def _reason(answer: Answer) -> str:
    """The code or title of a problem document (RFC 9457), if it is one that says more to us than the status."""
    try:
        problem = strict_json.loads_object(answer.body)
    except Invalid:
        return ""
    word = problem.get("code") or problem.get("title")
    return f": {word}" if isinstance(word, str) and word in WORDS else ""


def _rest(answer: Answer, now: datetime) -> timedelta | None:
    """How long `Retry-After` (RFC 9110, 10.2.3) asks to wait, between a second and a day."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        asked = timedelta(seconds=int(text))
    else:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        asked = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return min(max(asked, _SHORTEST_REST), LONGEST_REST)
