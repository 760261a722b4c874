"""A form that is sent twice counts once: a double press, a page that is loaded anew."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from fedhood.core import access
from fedhood.kernel.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedhood.adapters.web.visit import Visit
    from fedhood.kernel.database import UnitOfWork

T = TypeVar("T")

SENT_BEFORE = "sent-before"
_REMEMBERED = timedelta(days=1)


def bucket(visit: Visit, form: dict[str, str], *fields: str) -> str:
    """By what a form is known again: its token, who sends it, and what it says. Other words are another form.

    Empty for a form without a token.
    """
    if not form.get("once"):
        return ""
    parts = (str(visit.account), form["once"], *(form.get(name, "") for name in fields))
    return f"form:{sha256(chr(0).join(parts).encode('utf-8', 'replace')).hexdigest()[:32]}"


def act(uow: UnitOfWork, use_case: Callable[..., T], /, *, bucket: str, **values: Any) -> T:
    """The use case, if this form was not sent before. Raises Conflict (`sent-before`), and what the use case raises.

    It is noted in the same transaction: what was refused may be sent again.
    """
    if bucket and access.count_try(uow, bucket=bucket, window=_REMEMBERED) > 1:
        raise Conflict("this form was sent before", code=SENT_BEFORE)
    return use_case(uow, **values)


def check(refused: Conflict) -> None:
    """Raise the conflict again unless it says that the form was sent before."""
    if refused.code != SENT_BEFORE:
        raise refused
