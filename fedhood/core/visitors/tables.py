"""Where those are kept who follow a neighbourhood from other software."""

import peewee

from fedhood.core.visitors.model import Standing
from fedhood.kernel.tables import MomentField, Table, p0, p1


class FollowerTable(Table):
    """One row a person and neighbourhood; who was refused stays a while, so that they can be told."""

    id = p0(peewee.BigIntegerField(primary_key=True))
    neighbourhood = p0(peewee.IntegerField())
    actor = p1(peewee.TextField())
    peer = p0(peewee.IntegerField())
    inbox = p1(peewee.TextField())
    endpoint = p1(peewee.TextField())
    follow = p1(peewee.TextField())
    standing = p1(peewee.TextField())
    version = p0(peewee.IntegerField(default=1))
    at = p1(MomentField())

    class Meta:
        table_name = "follower"
        indexes = ((("actor", "neighbourhood"), True), (("endpoint",), False), (("peer",), False))


# as a literal, or the partial index on who follows is not used
FOLLOWS = FollowerTable.standing == peewee.SQL("'follows'")
# what a post for everyone walks along: where it goes, each place once
FollowerTable.add_index(
    FollowerTable.index(
        FollowerTable.neighbourhood,
        FollowerTable.peer,
        FollowerTable.endpoint,
        where=FollowerTable.standing == Standing.FOLLOWS.value,
        name="follower_follows",
    )
)
FollowerTable.add_index(
    FollowerTable.index(FollowerTable.at, where=FollowerTable.standing == "refused", name="follower_refused")
)
