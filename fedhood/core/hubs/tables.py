"""Who takes part in a hub, and what went through: addresses and moments, no words."""

import peewee

from fedhood.kernel.tables import MomentField, Table, p0, p2


class HubMemberTable(Table):
    """A neighbourhood at a hub: ours at a city's (`hub`, as a place), or at the city (`hub` 0) a peer's."""

    id = p0(peewee.AutoField())
    hub = p0(peewee.IntegerField())
    place = p0(peewee.IntegerField())
    standing = p0(peewee.TextField())
    version = p0(peewee.IntegerField(default=1))
    uri = p0(peewee.TextField(null=True))
    since = p0(MomentField())

    class Meta:
        table_name = "hub_member"
        indexes = ((("hub", "place"), True), (("place",), False))


class HubPassageTable(Table):
    """At the city: something that went through its hub. What it says is in no column."""

    id = p0(peewee.BigIntegerField(primary_key=True))
    uri = p2(peewee.TextField(unique=True))
    about = p2(peewee.TextField(index=True))
    actor = p2(peewee.TextField(index=True))
    peer = p0(peewee.IntegerField())
    place = p0(peewee.IntegerField())
    act = p0(peewee.TextField())
    at = p0(MomentField())

    class Meta:
        table_name = "hub_passage"


class HubDayTable(Table):
    """How much came of one neighbourhood (`place`) through a hub on a day, against floods; kept for two days."""

    hub = p0(peewee.IntegerField())
    place = p0(peewee.IntegerField())
    day = p0(peewee.TextField())
    count = p0(peewee.IntegerField())

    class Meta:
        table_name = "hub_day"
        primary_key = peewee.CompositeKey("hub", "place", "day")
