"""Who looks after a place: the right is handed on and given back, people are helped back in, rules are written.

All of it stands in the log, and whoever it concerns is told. Nobody gives out, takes or takes over a right that they
do not hold themselves: a link for somebody is their right to come in, so it counts as theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core import access, accounts, households, neighbourhoods, visitors
from fedhood.core.access import NOBODY, Permission, Role
from fedhood.core.accounts import AccountState
from fedhood.core.moderation.model import MOST_WORDS, KeeperNamed, KeeperRelieved, LinkMade
from fedhood.core.moderation.tables import ActionTable
from fedhood.kernel import text as texts
from fedhood.kernel.errors import Conflict, Forbidden, NotFound

if TYPE_CHECKING:
    from fedhood.core.access import Viewer
    from fedhood.core.accounts import Account
    from fedhood.kernel.database import UnitOfWork


def issue_link(uow: UnitOfWork, *, by: Viewer, account: int) -> str:
    """The token of a link that signs a resident in once; earlier ones end. They read afterwards who made it.

    Raises NotFound for nobody of this moderator's, Forbidden for somebody who may do more than this moderator.
    """
    person, home = _resident(uow, by, account, Permission.INVITE)
    _check_not_above(uow, by, person)
    token = access.make_link(uow, account=person.id, by=by.account)
    note(uow, by=by, neighbourhood=home, action="link", person=person.id)
    uow.record(LinkMade(neighbourhood=home, account=person.id, by=by.account or 0))
    return token


def entrust(uow: UnitOfWork, *, by: Viewer, account: int) -> None:
    """A moderator lets a resident look after their neighbourhood too. Raises NotFound, Conflict (does so already)."""
    person, home = _resident(uow, by, account, Permission.MODERATE)
    if Permission.MODERATE in access.permissions(uow.db, account=person.id, neighbourhood=home):
        raise Conflict("they look after the place already", code="so-already")
    access.give(uow, account=person.id, role=Role.MODERATOR, neighbourhood=home, by=by.account)
    note(uow, by=by, neighbourhood=home, action="entrust", person=person.id)
    uow.record(KeeperNamed(neighbourhood=home, account=person.id, by=by.account or 0))


def link_from_outside(uow: UnitOfWork, *, account: int) -> str:
    """Whoever keeps the machine makes a link for somebody of this server: told and, for a resident, logged."""
    person = accounts.get(uow.db, account)
    token = access.make_link(uow, account=account, by=None)
    if person.neighbourhood is not None:
        note(uow, by=NOBODY, neighbourhood=person.neighbourhood, action="link", person=account)
    uow.record(LinkMade(neighbourhood=person.neighbourhood, account=account, by=None))
    return token


def entrust_from_outside(uow: UnitOfWork, *, account: int, everywhere: bool) -> None:
    """Whoever keeps the machine makes a resident a moderator of their neighbourhood, or of the whole server.

    Raises NotFound, Conflict (is so already).
    """
    person = accounts.get(uow.db, account)
    home = person.neighbourhood
    if person.peer is not None or home is None or person.state is not AccountState.ACTIVE:
        raise NotFound
    if (Role.MODERATOR, None if everywhere else home) in access.rights_of(uow.db, account):
        raise Conflict(f"{person.name} does so already", code="so-already")
    access.give(uow, account=account, role=Role.MODERATOR, neighbourhood=None if everywhere else home, by=None)
    note(uow, by=NOBODY, neighbourhood=home, action="entrust", person=account)
    uow.record(KeeperNamed(neighbourhood=home, account=account, by=None))


def relieve(uow: UnitOfWork, *, by: Viewer, account: int) -> None:
    """A resident looks after their neighbourhood no longer: they gave it back, or another moderator says so.

    Raises NotFound, Forbidden for somebody who may do more than this moderator, Conflict for the last one and for
    somebody who does not look after it.
    """
    person, home = _resident(uow, by, account, Permission.MODERATE)
    _check_not_above(uow, by, person)
    if Permission.MODERATE not in access.permissions(uow.db, account=person.id, neighbourhood=home):
        raise Conflict("they do not look after the place", code="so-already")
    others = access.others_who_may(uow, account=person.id, permission=Permission.MODERATE, neighbourhood=home)
    if not others or (_keeps_the_server(uow, person.id) and not any(_keeps_the_server(uow, one) for one in others)):
        raise Conflict("somebody has to look after the place", code="last-keeper")
    for where in (home, None):
        access.take(uow, account=person.id, role=Role.MODERATOR, neighbourhood=where)
    note(uow, by=by, neighbourhood=home, action="relieve", person=person.id)
    uow.record(KeeperRelieved(neighbourhood=home, account=person.id, by=by.account or 0))


def set_rules(uow: UnitOfWork, *, by: Viewer, neighbourhood: int, rules: str) -> None:
    """A moderator writes the rules of a neighbourhood. Raises Unauthenticated, Forbidden, Invalid (rules)."""
    access.require(by, Permission.MODERATE, neighbourhood)
    neighbourhoods.set_rules(uow, neighbourhood=neighbourhood, rules=rules)
    note(uow, by=by, neighbourhood=neighbourhood, action="rules")


def receive_visitors(uow: UnitOfWork, *, by: Viewer, neighbourhood: int, on: bool) -> None:
    """A moderator says whether people on other software may follow a neighbourhood and answer there.

    Raises Unauthenticated, Forbidden, Conflict when it is so already.
    """
    access.require(by, Permission.MODERATE, neighbourhood)
    if not visitors.receive(uow, neighbourhood=neighbourhood, on=on):
        raise Conflict(code="so-already")
    note(uow, by=by, neighbourhood=neighbourhood, action="visitors" if on else "no-visitors")


def merge_homes(uow: UnitOfWork, *, by: Viewer, account: int, other: int) -> None:
    """A moderator says that two residents live in one home: all of `other`'s home move to that of `account`.

    Raises NotFound, Conflict (it is one home already).
    """
    person, home = _resident(uow, by, account, Permission.MODERATE)
    second, place = _resident(uow, by, other, Permission.MODERATE)
    keep = households.household_of(uow.db, person.id)
    joining = households.household_of(uow.db, second.id)
    if keep is None or joining is None or home != place:
        raise NotFound
    if keep == joining:
        raise Conflict("they live in one home already", code="so-already")
    households.merge(uow, by=by, keep=keep, other=joining)
    note(uow, by=by, neighbourhood=home, action="merge", person=person.id)


def invite_clerk(uow: UnitOfWork, *, by: Viewer, name: str, language: str) -> str:
    """A clerk of the city invites another. The token of the link with which they come in first.

    Raises Unauthenticated, Forbidden, Invalid (name).
    """
    access.require(by, Permission.COUNT, None)
    account = accounts.create(uow, name=name, neighbourhood=None, language=language)
    access.give(uow, account=account, role=Role.CLERK, neighbourhood=None, by=by.account)
    return access.make_link(uow, account=account, by=by.account)


def renew_clerk_link(uow: UnitOfWork, *, by: Viewer, account: int) -> str:
    """The token of a new link for a clerk who lost theirs. Raises Unauthenticated, Forbidden, NotFound."""
    access.require(by, Permission.COUNT, None)
    return access.make_link(uow, account=_clerk(uow, account), by=by.account)


def dismiss_clerk(uow: UnitOfWork, *, by: Viewer, account: int) -> None:
    """A clerk counts for the city no longer, and is signed out. Raises Forbidden, NotFound, Conflict for the last."""
    access.require(by, Permission.COUNT, None)
    clerk = _clerk(uow, account)
    if not access.others_who_may(uow, account=clerk, permission=Permission.COUNT, neighbourhood=0):
        raise Conflict("somebody has to count for the city", code="last-clerk")
    access.take(uow, account=clerk, role=Role.CLERK, neighbourhood=None)
    access.close_all(uow, account=clerk)


def _clerk(uow: UnitOfWork, account: int) -> int:
    if (Role.CLERK, None) not in access.rights_of(uow.db, account):
        raise NotFound
    return account


def _resident(uow: UnitOfWork, by: Viewer, account: int, permission: Permission) -> tuple[Account, int]:
    """A living resident of a neighbourhood where this moderator may do this. Raises NotFound for anybody else."""
    person = accounts.get(uow.db, account)
    home = person.neighbourhood
    if person.peer is not None or home is None or person.state is not AccountState.ACTIVE:
        raise NotFound
    if not access.may(by, permission, home):
        raise NotFound
    return person, home


def _keeps_the_server(uow: UnitOfWork, account: int) -> bool:
    """Whether somebody looks after all of several neighbourhoods; where there is but one, to keep that is enough."""
    return len(neighbourhoods.ours(uow.db)) > 1 and (Role.MODERATOR, None) in access.rights_of(uow.db, account)


def _check_not_above(uow: UnitOfWork, by: Viewer, person: Account) -> None:
    if person.id != by.account and not access.covers(by.rights, access.rights_of(uow.db, person.id)):
        raise Forbidden("they may do more here than you", code="may-do-more")


def note(
    uow: UnitOfWork,
    *,
    by: Viewer,
    neighbourhood: int,
    action: str,
    post: int | None = None,
    report: int | None = None,
    person: int | None = None,
    reason: str = "",
) -> None:
    """One more line in the log of a neighbourhood."""
    ActionTable.insert(
        neighbourhood=neighbourhood,
        moderator=by.account,
        action=action,
        object=post,
        report=report,
        person=person,
        reason=texts.words(reason, field="reason", most=MOST_WORDS, least=0),
        at=uow.now,
    ).execute(uow.db)
