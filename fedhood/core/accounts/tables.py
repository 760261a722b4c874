"""Where people are kept: residents here, and actors elsewhere who acted here."""

import peewee

from fedhood.kernel.tables import MomentField, Table, p0, p1, p2


class AccountTable(Table):
    """A person; `peer` is null for a resident of ours, whose `neighbourhood` is one of ours."""

    id = p2(peewee.AutoField())
    key = p1(peewee.TextField(unique=True))
    handle = p1(peewee.TextField(null=True, unique=True))
    name = p1(peewee.TextField())
    neighbourhood = p1(peewee.IntegerField(null=True))
    peer = p0(peewee.IntegerField(null=True))
    uri = p1(peewee.TextField(null=True, unique=True))
    visitor = p1(peewee.TextField(null=True))
    language = p2(peewee.TextField(default=""))
    state = p2(peewee.TextField())
    joined_at = p2(MomentField())
    version = p0(peewee.IntegerField(default=1))

    class Meta:
        table_name = "account"
