"""Something that arrived is read once more, for a look: what would come of it now. Nothing of it happens.

Nobody is asked (the way out is shut), and all that would be written is undone, whatever comes of it: the transaction in
which it is tried always ends by an error. What is told holds no word of what was said.
"""

from __future__ import annotations

import copy
import re
import traceback
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TypeVar

from fedhood.adapters.activitypub import reasons, taking_in, trace, unread, weighing
from fedhood.adapters.activitypub.forwarded import FORWARDED
from fedhood.adapters.activitypub.fresh import Fresh
from fedhood.adapters.activitypub.tables import NOT_TAKEN, InboundTable
from fedhood.adapters.activitypub.weighing import Believed, Outcome
from fedhood.adapters.http.client import Client
from fedhood.adapters.http.paths import Ending, Kept, Reason, Rehearsal
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import FedhoodError, NotFound, Overloaded, RemoteFailure
from fedhood.kernel.facts import FactTable
from fedhood.kernel.log import logger
from fedhood.kernel.through import Through

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.unread import Arrival
    from fedhood.adapters.http.client import Answer
    from fedhood.kernel.engine import UnitOfWork

P = ParamSpec("P")
T = TypeVar("T")

ON_A_PAGE = 20
ASKS = "dry-run"

_CHANGES = re.compile(
    r'\s*(?P<how>INSERT|UPDATE|DELETE)\s+(?:OR\s+\w+\s+)?(?:INTO\s+|FROM\s+)?"?(?P<table>\w+)', re.ASCII
)
_UNTAKEN = Compiled(
    lambda: (
        InboundTable.select(
            InboundTable.id,
            InboundTable.received_at,
            InboundTable.way,
            InboundTable.state,
            InboundTable.reason,
            InboundTable.attempts,
            InboundTable.next_at,
        )
        .where(
            InboundTable.peer == hole("peer"),
            NOT_TAKEN,
            InboundTable.state != FORWARDED,
            InboundTable.id < hole("before"),
        )
        .order_by(InboundTable.id.desc())
        .limit(hole("limit"))
    )
)


# -- what there is to look at ------------------------------------------------------------------------------------------


def untaken(db: peewee.Database, peer: int, before: int | None = None, limit: int = ON_A_PAGE) -> list[Kept]:
    """What a peer sent and was not taken in, as far as it is kept: the last first, below a number if one is given.

    What another brought in its name and is not proved yet is none of it.
    """
    rows = _UNTAKEN.rows(db, peer=peer, before=before or 1 << 62, limit=limit)
    return [
        Kept(
            id=row[0],
            arrived=trace.half(
                received_at=row[1], way=row[2], state=row[3], reason=row[4], attempts=row[5], next_at=row[6]
            ),
        )
        for row in rows
    ]


# -- a look ------------------------------------------------------------------------------------------------------------


async def rehearse(federation: Federation, number: int, *, peer: int | None = None) -> Rehearsal:
    """What would come of an arrival if it were read now. Raises NotFound, also when it is not of this peer (if given).

    What is kept aside until it is proved is not read by this.
    """
    row = await federation.database.read(unread.one, number)
    if row is None or row.state == FORWARDED or peer not in {None, row.peer}:
        raise NotFound("nothing that arrived is kept under this number")
    if not row.body:
        return Rehearsal(ending=Ending.NOT_KEPT)
    shut = replace(federation, client=_Shut(user_agent=""), database=_LookedAt(federation.database), fresh=Fresh())
    read = await weighing.weigh(shut, row)
    if isinstance(read, Outcome):
        return Rehearsal(ending=Ending.IGNORED, reason=reasons.of(read.reason), code=_code(read.reason))
    if isinstance(read, FedhoodError):
        return _refused(read)
    try:
        await federation.database.write(_try, row, read)
    except _Tried as tried:
        return tried.rehearsal
    raise AssertionError("a dry run ends by an error")


class _Tried(Exception):
    """A dry run has come to its end."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        super().__init__(rehearsal.ending.value)
        self.rehearsal = rehearsal


def _try(uow: UnitOfWork, row: Arrival, believed: Believed) -> NoReturn:
    """Take it in as the reader does, note what was done, and undo it. Raises `_Tried`, whatever comes of it."""
    uow.hold(row.about or row.uri)
    InboundTable.update(state=taking_in.UNDERSTOOD, reason=None).where(InboundTable.id == row.id).execute(uow.db)
    before = FactTable.select(FactTable.id).order_by(FactTable.id.desc()).limit(1)
    last = max((fact.id for fact in before.execute(uow.db)), default=0)
    changed: Counter[tuple[str, str]] = Counter()
    uow.db = _watched(uow.db, changed)
    try:
        believed.handler.receive(uow, believed.context)
    except FedhoodError as refusal:
        raise _Tried(_refused(refusal)) from refusal
    except Exception as fault:
        logger().error("inbound.fault", inbound=row.id, traceback=traceback.format_exc())
        raise _Tried(Rehearsal(ending=Ending.FAULT, reason=Reason.FAULT, code="fault")) from fault
    stated = Counter(fact.kind for fact in FactTable.select().where(FactTable.id > last).execute(uow.db))
    tables = tuple((table, how, rows) for (table, how), rows in sorted(changed.items()))
    raise _Tried(Rehearsal(ending=Ending.TAKEN_IN, facts=tuple(sorted(stated.items())), tables=tables))


def _refused(refusal: FedhoodError) -> Rehearsal:
    reason = reasons.of(refusal.code)
    if isinstance(refusal, RemoteFailure):
        ending = Ending.FAULT if reason is Reason.FAULT else Ending.ASKS
        return Rehearsal(ending=ending, reason=reason if ending is Ending.FAULT else None, code=refusal.code)
    put_off = isinstance(refusal, Overloaded) or refusal.code in taking_in.MAY_HOLD_LATER
    return Rehearsal(ending=Ending.PUT_OFF if put_off else Ending.REFUSED, reason=reason, code=refusal.code)


def _code(reason: str | None) -> str:
    return (reason or "").partition(":")[0]


def _watched(db: peewee.Database, changed: Counter[tuple[str, str]]) -> peewee.Database:
    """The same connection, in whose statements is noted what is done to which table, with to how many rows."""
    watched, run = copy.copy(db), db.execute_sql

    def noting(sql: str, params: Any = None) -> Any:
        before = _total(db)
        cursor: Any = run(sql, params)  # type: ignore[no-untyped-call]
        found = _CHANGES.match(sql)
        if found is not None:
            rows = cursor.rowcount if before is None else (_total(db) or 0) - before
            if rows > 0:
                changed[found["table"], found["how"].lower()] += rows
        return cursor

    vars(watched)["execute_sql"] = noting
    return watched


def _total(db: peewee.Database) -> int | None:
    """How many rows this connection has changed so far, where it counts: a cursor of SQLite does not say it at once."""
    total: int | None = getattr(db.connection(), "total_changes", None)
    return total


# -- what is shut ------------------------------------------------------------------------------------------------------


def _nobody_is_asked() -> RemoteFailure:
    return RemoteFailure("in a dry run nobody is asked", code=ASKS)


class _Shut(Client):
    """No way out."""

    async def get(self, url: str, **_: Any) -> Answer:
        """Raises RemoteFailure."""
        raise _nobody_is_asked()

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Raises RemoteFailure."""
        raise _nobody_is_asked()


class _LookedAt(Through):
    """A database in which nothing is written."""

    async def write(self, use_case: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Raises RemoteFailure: all that is written while something is believed was asked for before."""
        raise _nobody_is_asked()
