"""Where complaints are kept, and the log of what moderators did: rows are only ever added to it."""

import peewee

from fedhood.kernel.tables import MomentField, Table, p0, p2


class ReportTable(Table):
    """A complaint about a post or a private thread, kept in the neighbourhood whose moderators must read it.

    `reporter` is null for one that came from another neighbourhood: it comes without a name.
    """

    id = p2(peewee.AutoField())
    neighbourhood = p2(peewee.IntegerField(index=True))
    reporter = p2(peewee.IntegerField(null=True))
    reported = p2(peewee.IntegerField())
    post = p2(peewee.BigIntegerField(null=True))
    thread = p2(peewee.BigIntegerField(null=True))
    reason = p2(peewee.TextField())
    text = p2(peewee.TextField(default=""))
    filed_at = p2(MomentField())
    state = p2(peewee.TextField())
    answer = p2(peewee.TextField(default=""))
    closed_at = p2(MomentField(null=True))
    closed_by = p2(peewee.IntegerField(null=True))
    uri = p2(peewee.TextField(null=True, unique=True))

    class Meta:
        table_name = "report"


class ActionTable(Table):
    """What a moderator did."""

    id = p2(peewee.AutoField())
    neighbourhood = p2(peewee.IntegerField(index=True))
    moderator = p2(peewee.IntegerField(null=True))
    action = p2(peewee.TextField())
    object = p0(peewee.BigIntegerField(null=True))
    report = p2(peewee.IntegerField(null=True))
    person = p2(peewee.IntegerField(null=True))
    reason = p2(peewee.TextField(default=""))
    at = p2(MomentField())

    class Meta:
        table_name = "moderation_action"
