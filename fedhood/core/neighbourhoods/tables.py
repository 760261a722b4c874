"""Where neighbourhoods are kept: ours, and those of peers that we were told of."""

import peewee

from fedhood.kernel.tables import JsonField, MomentField, Table, p0, p1


class NeighbourhoodTable(Table):
    """A neighbourhood; `peer` is null for one of ours.

    `visitors`: whether people on other software may follow it and answer.
    `replaced_at`: since when somebody else's neighbourhood has its address.
    """

    id = p0(peewee.AutoField())
    key = p0(peewee.TextField())
    name = p0(peewee.TextField())
    languages = p0(JsonField())
    households = p0(peewee.IntegerField(null=True))
    households_source = p0(peewee.TextField(default=""))
    households_on = p0(peewee.TextField(default=""))
    rules = p1(peewee.TextField(default=""))
    peer = p0(peewee.IntegerField(null=True))
    uri = p0(peewee.TextField(null=True))
    visitors = p0(peewee.BooleanField(default=True))
    created_at = p0(MomentField())
    replaced_at = p0(MomentField(null=True))
    version = p0(peewee.IntegerField(default=1))

    class Meta:
        table_name = "neighbourhood"
        indexes = ((("peer", "key"), False),)


NeighbourhoodTable.add_index(
    NeighbourhoodTable.index(
        NeighbourhoodTable.uri,
        unique=True,
        where=NeighbourhoodTable.replaced_at.is_null(),
        name="neighbourhood_uri",
    )
)


class PairTable(Table):
    """`reader` may read what `writer` shares with neighbours, from one day until another.

    A pair of ours with a peer's is half of an agreement; two of ours on one server agree the same way, without HTTP.
    """

    id = p0(peewee.AutoField())
    writer = p0(peewee.IntegerField())
    reader = p0(peewee.IntegerField())
    since = p0(MomentField())
    until = p0(MomentField(null=True))

    class Meta:
        table_name = "pair"
        indexes = ((("writer", "reader"), False), (("reader", "writer"), False))
