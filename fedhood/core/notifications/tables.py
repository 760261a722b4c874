"""Where it is kept who is to hear of what. No text is: a notification says its sentence when it is read."""

import peewee

from fedhood.kernel.tables import MomentField, Table, p2


class NotificationTable(Table):
    """Somebody is to hear that something happened to `object`, by `actor`."""

    id = p2(peewee.AutoField())
    account = p2(peewee.IntegerField())
    kind = p2(peewee.TextField())
    object = p2(peewee.BigIntegerField())
    actor = p2(peewee.IntegerField(null=True))
    at = p2(MomentField())
    read_at = p2(MomentField(null=True))

    class Meta:
        table_name = "notification"
        indexes = ((("account", "id"), False),)


NotificationTable.add_index(
    NotificationTable.index(NotificationTable.account, where=NotificationTable.read_at.is_null(), name="unread")
)
