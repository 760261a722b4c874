"""What follows from what: the one page where a fact meets notifications and the world outside.

A consequence only writes rows, in the transaction of the fact. Facts that are counted but move nothing stand in
WITHOUT; a test fails on a fact that is in neither table.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fedhood import city_consequences, peer_consequences, said_anew, visitor_consequences
from fedhood.adapters.activitypub import outbox, outbox_followers
from fedhood.core import (
    access,
    accounts,
    help_requests,
    households,
    interactions,
    metrics,
    moderation,
    neighbourhoods,
    notifications,
    posts,
)
from fedhood.core.help_requests import State
from fedhood.core.notifications import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedhood.kernel.database import UnitOfWork
    from fedhood.kernel.facts import Fact

Consequence = "Callable[[UnitOfWork, Any], None]"


def follow(uow: UnitOfWork, fact: Fact) -> None:
    """Let everything follow that the table says."""
    for consequence in TABLE.get(type(fact), ()):
        consequence(uow, fact)


def _tell(uow: UnitOfWork, account: int, kind: Kind, about: int, actor: int | None) -> None:
    """Tell somebody who lives here; people elsewhere hear it from their own server."""
    if accounts.get(uow.db, account).peer is None:
        notifications.tell(uow, account=account, kind=kind, object=about, actor=actor)


# -- posts ------------------------------------------------------------------------------------------------------------


def _post_published(uow: UnitOfWork, fact: posts.PostPublished) -> None:
    if fact.category != posts.Category.HELP and fact.audience != posts.Audience.NEIGHBOURHOOD:
        outbox.post_published(uow, post_id=fact.object or 0, version=1)
        outbox_followers.post_published(uow, post_id=fact.object or 0, version=1)


def _post_edited(uow: UnitOfWork, fact: posts.PostEdited) -> None:
    outbox.post_edited(uow, post_id=fact.object or 0, version=fact.version)
    outbox_followers.post_edited(uow, post_id=fact.object or 0, version=fact.version)


def _post_deleted(uow: UnitOfWork, fact: posts.PostDeleted) -> None:
    post = posts.row(uow.db, post_id=fact.object or 0)
    if post.kind is posts.Kind.HELP:
        request = help_requests.request_row(uow.db, post.id)
        if help_requests.is_live(request):
            help_requests.removed(uow, post=post, request=request)
        help_requests.forget_note(uow, post_id=post.id)
        outbox.help_deleted(uow, post_id=post.id)
    else:
        outbox.post_deleted(uow, post_id=post.id)
        outbox_followers.post_deleted(uow, post_id=post.id)


def _replied(uow: UnitOfWork, fact: posts.Replied) -> None:
    reply = posts.row(uow.db, post_id=fact.object or 0)
    _tell(uow, fact.to, Kind.REPLY, fact.post, reply.author)
    outbox.replied(uow, reply_id=reply.id)
    outbox_followers.answered(uow, reply_id=reply.id, version=reply.version)


def _reply_mirrored(uow: UnitOfWork, fact: posts.ReplyMirrored) -> None:
    reply = posts.row(uow.db, post_id=fact.object or 0)
    _tell(uow, fact.to, Kind.REPLY, fact.post, reply.author)
    if posts.row(uow.db, post_id=fact.post).uri is None:  # the thread is ours: we tell its places
        outbox.replied(uow, reply_id=reply.id)


def _reply_mirror_edited(uow: UnitOfWork, fact: posts.ReplyMirrorEdited) -> None:
    outbox.post_edited(uow, post_id=fact.object or 0, version=fact.version)


def _reply_mirror_deleted(uow: UnitOfWork, fact: posts.ReplyMirrorDeleted) -> None:
    outbox.post_deleted(uow, post_id=fact.object or 0)


def _thanked(uow: UnitOfWork, fact: interactions.Thanked) -> None:
    if fact.elsewhere:
        outbox.thanked(uow, post_id=fact.object or 0, account=fact.account)
    else:
        _tell(uow, fact.to, Kind.THANKS, fact.object or 0, fact.account)


def _thanks_arrived(uow: UnitOfWork, fact: interactions.ThanksArrived) -> None:
    _tell(uow, fact.to, Kind.THANKS, fact.object or 0, fact.account)


def _thanks_taken_back(uow: UnitOfWork, fact: interactions.ThanksTakenBack) -> None:
    if fact.elsewhere:
        outbox.thanks_taken_back(uow, post_id=fact.object or 0, account=fact.account)


# -- help -------------------------------------------------------------------------------------------------------------


def _asked(uow: UnitOfWork, fact: help_requests.HelpAsked) -> None:
    outbox.help_changed(uow, post_id=fact.object or 0, revision=1)


def _offered(uow: UnitOfWork, fact: help_requests.HelpOffered) -> None:
    _tell(uow, fact.asker, Kind.OFFER, fact.object or 0, fact.helper)


def _offer_sent(uow: UnitOfWork, fact: help_requests.HelpOfferSent) -> None:
    outbox.offer_sent(uow, offer_id=fact.offer)


def _offer_taken_back(uow: UnitOfWork, fact: help_requests.HelpOfferTakenBack) -> None:
    if fact.sent:
        outbox.offer_undone(uow, offer_id=fact.offer)
    else:
        _tell(uow, fact.asker, Kind.OFFER_TAKEN_BACK, fact.object or 0, fact.helper)


def _offer_refused(uow: UnitOfWork, fact: help_requests.HelpOfferRefused) -> None:
    _tell(uow, fact.helper, Kind.OFFER_REFUSED, fact.object or 0, fact.asker)
    outbox.offer_answered(uow, offer_id=fact.offer, accepted=False)


def _claimed(uow: UnitOfWork, fact: help_requests.HelpClaimed) -> None:
    _tell(uow, fact.helper, Kind.OFFER_ACCEPTED, fact.object or 0, fact.asker)
    outbox.offer_answered(uow, offer_id=fact.offer, accepted=True)
    outbox.help_changed(uow, post_id=fact.object or 0, revision=fact.revision)


def _released(uow: UnitOfWork, fact: help_requests.HelpReleased) -> None:
    if fact.by_helper:
        _tell(uow, fact.asker, Kind.RELEASED, fact.object or 0, fact.helper)
    else:
        _tell(uow, fact.helper, Kind.RELEASED, fact.object or 0, fact.asker)
        outbox.offer_answered(uow, offer_id=fact.offer, accepted=False)
    outbox.help_changed(uow, post_id=fact.object or 0, revision=fact.revision)


def _resolved(uow: UnitOfWork, fact: help_requests.HelpResolved) -> None:
    outbox.help_changed(uow, post_id=fact.object or 0, revision=fact.revision)
    if fact.thread is None or fact.helper is None:
        return
    _tell(uow, fact.asker, Kind.DID_YOU_MEET, fact.object or 0, fact.helper)
    _tell(uow, fact.helper, Kind.DID_YOU_MEET, fact.object or 0, fact.asker)
    outbox.help_confirmed(uow, thread_id=fact.thread)


def _withdrawn(uow: UnitOfWork, fact: help_requests.HelpWithdrawn) -> None:
    if fact.helper is not None:
        _tell(uow, fact.helper, Kind.CALLED_OFF, fact.object or 0, fact.asker)
    outbox.help_changed(uow, post_id=fact.object or 0, revision=fact.revision)


def _expired(uow: UnitOfWork, fact: help_requests.HelpExpired) -> None:
    if fact.helper is None:
        _tell(uow, fact.asker, Kind.EXPIRED, fact.object or 0, None)
    else:  # somebody was coming: the time passes when the help was given, as a rule
        _tell(uow, fact.asker, Kind.DID_YOU_MEET, fact.object or 0, fact.helper)
        _tell(uow, fact.helper, Kind.DID_YOU_MEET, fact.object or 0, fact.asker)
    outbox.help_changed(uow, post_id=fact.object or 0, revision=fact.revision)


def _mirror_changed(uow: UnitOfWork, fact: help_requests.HelpMirrorChanged) -> None:
    ends = {State.WITHDRAWN: Kind.CALLED_OFF, State.EXPIRED: Kind.DID_YOU_MEET, State.RESOLVED: Kind.DID_YOU_MEET}
    if fact.helper is not None and fact.state in ends:
        _tell(uow, fact.helper, ends[State(fact.state)], fact.object or 0, fact.asker)


def _accepted_there(uow: UnitOfWork, fact: help_requests.OfferAccepted) -> None:
    _tell(uow, fact.helper, Kind.OFFER_ACCEPTED, fact.object or 0, fact.asker)


def _refused_there(uow: UnitOfWork, fact: help_requests.OfferRefused) -> None:
    kind = Kind.RELEASED if fact.reason == "released" else Kind.OFFER_REFUSED
    _tell(uow, fact.helper, kind, fact.object or 0, fact.asker)


def _message_said(uow: UnitOfWork, fact: help_requests.MessageSaid) -> None:
    if not fact.part:  # the note comes with the news that the offer is accepted
        _tell(uow, fact.to, Kind.MESSAGE, help_requests.thread_row(uow.db, fact.thread).request, fact.author)
    outbox.message_said(uow, message_id=fact.object or 0)


def _message_arrived(uow: UnitOfWork, fact: help_requests.MessageArrived) -> None:
    if not fact.part:
        _tell(uow, fact.to, Kind.MESSAGE, help_requests.thread_row(uow.db, fact.thread).request, fact.author)


def _confirmed(uow: UnitOfWork, fact: help_requests.HelpConfirmed) -> None:
    _tell(uow, fact.helper, Kind.DID_YOU_MEET, fact.object or 0, fact.asker)


# -- places and who looks after them ----------------------------------------------------------------------------------


def _paired(uow: UnitOfWork, fact: neighbourhoods.Paired) -> None:
    posts.part(uow.db, writer=fact.writer, reader=fact.reader, parted=False)


def _parted(uow: UnitOfWork, fact: neighbourhoods.Parted) -> None:
    posts.part(uow.db, writer=fact.writer, reader=fact.reader, parted=True)


def _post_hidden(uow: UnitOfWork, fact: moderation.PostHidden) -> None:
    _tell(uow, fact.author, Kind.POST_HIDDEN, fact.object or 0, None)


def _about_oneself(
    kind: Kind, uow: UnitOfWork, fact: moderation.LinkMade | moderation.KeeperNamed | moderation.KeeperRelieved
) -> None:
    notifications.tell(uow, account=fact.account, kind=kind, object=fact.account, actor=fact.by)


def _report_filed(uow: UnitOfWork, fact: moderation.ReportFiled) -> None:
    about = moderation.report_row(uow.db, fact.report).reported
    for place in moderation.told_of(uow.db, fact.report):
        for account in set(access.holders(uow.db, access.Permission.MODERATE, place)) - {about}:
            notifications.tell(uow, account=account, kind=Kind.REPORT, object=fact.report)
    if fact.elsewhere:
        outbox.reported(uow, report_id=fact.report)


def _report_closed(uow: UnitOfWork, fact: moderation.ReportClosed) -> None:
    if fact.reporter is not None:
        notifications.tell(uow, account=fact.reporter, kind=Kind.REPORT_ANSWER, object=fact.report)


def _post_shown(uow: UnitOfWork, fact: moderation.PostShown) -> None:
    said_anew.of_a_post(uow, fact.object or 0)


def _report_compiled(uow: UnitOfWork, fact: metrics.ReportCompiled) -> None:
    outbox.report_compiled(uow, report_id=fact.object or 0)


def _report_received(uow: UnitOfWork, fact: metrics.ReportReceived) -> None:
    outbox.report_received(uow, peer_id=fact.peer, received=fact.object or 0)


def _report_refused_here(uow: UnitOfWork, fact: metrics.ReportRefusedHere) -> None:
    outbox.report_refused(uow, peer_id=fact.peer, received=fact.object or 0)


def _account_erased(uow: UnitOfWork, fact: accounts.AccountErased) -> None:
    account = fact.object or 0
    notifications.forget(uow, account=account)
    if accounts.get(uow.db, account).peer is None:
        outbox.person_left(uow, account=account)


# counted or remembered, and nothing more follows
WITHOUT: frozenset[type[Fact]] = frozenset(
    {
        households.AccountJoined,
        households.AccountLeft,
        households.HouseholdFounded,
        households.HouseholdMerged,
        households.SessionDay,
        help_requests.HelpMirrored,
        help_requests.HelpOfferLapsed,
        help_requests.MeetingAnswered,
        metrics.ReceiptArrived,
        metrics.ReportRefused,
        posts.PostMirrored,
    }
)

TABLE: dict[type[Fact], tuple[Callable[[UnitOfWork, Any], None], ...]] = {
    posts.PostPublished: (_post_published,),
    posts.PostEdited: (_post_edited, city_consequences.answer_edited),
    posts.PostDeleted: (_post_deleted, city_consequences.answer_deleted),
    posts.Replied: (_replied,),
    posts.ReplyMirrored: (_reply_mirrored,),
    posts.ReplyMirrorEdited: (_reply_mirror_edited,),
    posts.ReplyMirrorDeleted: (_reply_mirror_deleted,),
    interactions.Thanked: (_thanked,),
    interactions.ThanksArrived: (_thanks_arrived,),
    interactions.ThanksTakenBack: (_thanks_taken_back,),
    help_requests.HelpAsked: (_asked,),
    help_requests.HelpOffered: (_offered,),
    help_requests.HelpOfferSent: (_offer_sent,),
    help_requests.HelpOfferTakenBack: (_offer_taken_back,),
    help_requests.HelpOfferRefused: (_offer_refused,),
    help_requests.HelpClaimed: (_claimed,),
    help_requests.HelpReleased: (_released,),
    help_requests.HelpResolved: (_resolved,),
    help_requests.HelpWithdrawn: (_withdrawn,),
    help_requests.HelpExpired: (_expired,),
    help_requests.HelpMirrorChanged: (_mirror_changed,),
    help_requests.OfferAccepted: (_accepted_there,),
    help_requests.OfferRefused: (_refused_there,),
    help_requests.MessageSaid: (_message_said,),
    help_requests.MessageArrived: (_message_arrived,),
    help_requests.HelpConfirmed: (_confirmed,),
    accounts.AccountErased: (_account_erased,),
    neighbourhoods.Paired: (_paired,),
    neighbourhoods.Parted: (_parted,),
    moderation.KeeperNamed: (partial(_about_oneself, Kind.KEEPER_NAMED),),
    moderation.KeeperRelieved: (partial(_about_oneself, Kind.KEEPER_RELIEVED),),
    moderation.LinkMade: (partial(_about_oneself, Kind.LINK_MADE),),
    moderation.PostHidden: (_post_hidden,),
    moderation.PostShown: (_post_shown,),
    moderation.ReportFiled: (_report_filed,),
    moderation.ReportClosed: (_report_closed,),
    metrics.ReportCompiled: (_report_compiled,),
    metrics.ReportReceived: (_report_received,),
    metrics.ReportRefusedHere: (_report_refused_here,),
    **peer_consequences.TABLE,
    **city_consequences.TABLE,
    **visitor_consequences.TABLE,
}
