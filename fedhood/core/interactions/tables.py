"""Where thanks are kept."""

import peewee

from fedhood.kernel.tables import MomentField, Table, p1


class ThanksTable(Table):
    """Somebody thanked somebody for a post."""

    post = p1(peewee.BigIntegerField())
    account = p1(peewee.IntegerField(index=True))
    at = p1(MomentField())
    uri = p1(peewee.TextField(null=True))

    class Meta:
        table_name = "thanks"
        primary_key = peewee.CompositeKey("post", "account")
