"""Where help requests are kept: the promise, the note apart, the offers, and what two people said in private."""

import peewee

from fedhood.kernel.tables import MomentField, Table, p0, p1, p2, p3


class HelpRequestTable(Table):
    """The promise that a post tells. `revision` rises with every change of state and orders them on the wire."""

    post = p0(peewee.BigIntegerField(primary_key=True))
    state = p1(peewee.TextField())
    revision = p0(peewee.IntegerField(default=1))
    category = p1(peewee.TextField())
    area = p1(peewee.TextField(default=""))
    until = p1(MomentField())
    asked_at = p1(MomentField())
    closed_at = p1(MomentField(null=True))
    outcome = p2(peewee.TextField(null=True))
    offer = p2(peewee.BigIntegerField(null=True))

    class Meta:
        table_name = "help_request"
        indexes = ((("state", "until"), False),)


class RevisionTable(Table):
    """Which state a request had at a revision: what an activity made later must still say."""

    post = p0(peewee.BigIntegerField())
    revision = p0(peewee.IntegerField())
    state = p1(peewee.TextField())
    at = p1(MomentField())

    class Meta:
        table_name = "help_revision"
        primary_key = peewee.CompositeKey("post", "revision")


class NoteTable(Table):
    """The private note of a request: for the accepted helper alone."""

    post = p0(peewee.BigIntegerField(primary_key=True))
    text = p3(peewee.TextField())

    class Meta:
        table_name = "help_note"


class OfferTable(Table):
    """Somebody said "I can help".

    `uri` is set on an offer that came from elsewhere. On an offer to a request elsewhere, `sent` says how far it got.
    """

    id = p0(peewee.BigIntegerField(primary_key=True))
    request = p2(peewee.BigIntegerField(index=True))
    helper = p2(peewee.IntegerField(index=True))
    neighbourhood = p2(peewee.IntegerField())
    text = p2(peewee.TextField())
    state = p2(peewee.TextField())
    reason = p2(peewee.TextField(null=True))
    offered_at = p2(MomentField())
    answered_at = p2(MomentField(null=True))
    expires_at = p2(MomentField())
    uri = p2(peewee.TextField(null=True, unique=True))
    sent = p2(peewee.TextField(null=True))
    sent_at = p2(MomentField(null=True))

    class Meta:
        table_name = "help_offer"
        indexes = ((("state", "expires_at"), False),)


class PrivateThreadTable(Table):
    """The private thread of asker and accepted helper. `key` names the agreement; `uri` is set when it is another's."""

    id = p0(peewee.BigIntegerField(primary_key=True))
    offer = p2(peewee.BigIntegerField(unique=True))
    request = p2(peewee.BigIntegerField(index=True))
    asker = p2(peewee.IntegerField(index=True))
    helper = p2(peewee.IntegerField(index=True))
    uri = p2(peewee.TextField(null=True, unique=True))
    opened_at = p2(MomentField())
    ended_at = p2(MomentField(null=True))
    left_by = p2(peewee.IntegerField(null=True))
    erased_at = p2(MomentField(null=True))

    class Meta:
        table_name = "private_thread"


class MessageTable(Table):
    """One message of a private thread. `part` is `note` for the request's note, handed over."""

    id = p0(peewee.BigIntegerField(primary_key=True))
    thread = p2(peewee.BigIntegerField(index=True))
    author = p2(peewee.IntegerField())
    part = p2(peewee.TextField(default=""))
    text = p3(peewee.TextField())
    at = p2(MomentField())
    uri = p2(peewee.TextField(null=True, unique=True))
    sent = p2(peewee.TextField(null=True))
    sent_at = p2(MomentField(null=True))

    class Meta:
        table_name = "private_message"


class MeetingTable(Table):
    """One side's answer to "did you meet?"."""

    thread = p2(peewee.BigIntegerField())
    account = p2(peewee.IntegerField())
    answer = p2(peewee.TextField())
    at = p2(MomentField())

    class Meta:
        table_name = "meeting"
        primary_key = peewee.CompositeKey("thread", "account")
