"""Where it is kept who does not want to meet whom."""

import peewee

from fedhood.kernel.tables import MomentField, Table, p2


class BlockTable(Table):
    """One person blocks another: unannounced, in force both ways."""

    id = p2(peewee.AutoField())
    account = p2(peewee.IntegerField())
    other = p2(peewee.IntegerField(index=True))
    at = p2(MomentField())

    class Meta:
        table_name = "block"
        indexes = ((("account", "other"), True),)
