"""Where the servers next door and the city are kept, and what was agreed with each."""

import peewee

from fedhood.kernel.tables import JsonField, MomentField, Table, p0, p2


class PeerTable(Table):
    """Another server, known by its host. `stream_next` numbers all that is sent to it, within `stream_epoch`.

    `agreed_key`: the key under which it was last agreed with. `suspended_at`: since when its key is in question;
    `other_key`: what it shows instead. `looked_at`: when we last looked whether it still has its key; `missed_at`:
    since when we do not find it there.
    """

    id = p0(peewee.AutoField())
    host = p0(peewee.TextField(unique=True))
    name = p0(peewee.TextField(default=""))
    state = p0(peewee.TextField())
    trust = p0(peewee.TextField())
    actor_uri = p0(peewee.TextField(null=True))
    inbox = p0(peewee.TextField(null=True))
    shared_inbox = p0(peewee.TextField(null=True))
    peer_inbox = p0(peewee.TextField(null=True))
    multikey = p0(peewee.TextField(null=True))
    public_key_pem = p0(peewee.TextField(null=True))
    fingerprint = p0(peewee.TextField(null=True))
    capabilities = p0(JsonField(null=True))
    offered_groups = p0(JsonField(null=True))
    their_follow_uri = p0(peewee.TextField(null=True))
    our_follow_uri = p0(peewee.TextField(null=True))
    confirmed_at = p0(MomentField(null=True))
    agreed_at = p0(MomentField(null=True))
    agreed_key = p0(peewee.TextField(null=True))
    suspended_at = p0(MomentField(null=True))
    other_key = p0(JsonField(null=True))
    looked_at = p0(MomentField(null=True))
    missed_at = p0(MomentField(null=True))
    confirmed_by = p2(peewee.IntegerField(null=True))
    chosen_pairs = p0(JsonField(null=True))
    last_error = p0(peewee.TextField(null=True))
    added_at = p0(MomentField())
    stream_epoch = p0(peewee.IntegerField(default=1))
    stream_next = p0(peewee.IntegerField(default=1))

    class Meta:
        table_name = "peer"


class AgreementTable(Table):
    """What one side granted the other: `ours` true for what we granted the peer.

    `pairs` are [writer, reader], our numbers of neighbourhoods: what that side wants read, in force or not.
    `warned_at`: when it was told that this one ends soon.
    """

    id = p0(peewee.AutoField())
    peer = p0(peewee.IntegerField())
    ours = p0(peewee.BooleanField())
    trust = p0(peewee.TextField())
    scopes = p0(JsonField())
    pairs = p0(JsonField(null=True))
    valid_until = p0(MomentField())
    updated_at = p0(MomentField())
    warned_at = p0(MomentField(null=True))

    class Meta:
        table_name = "agreement"
        indexes = ((("peer", "ours"), True),)


class PublishedListTable(Table):
    """The list of neighbourhoods that a city publishes: one row, written anew with each change."""

    id = p0(peewee.AutoField())
    entries = p0(JsonField())
    updated_at = p0(MomentField())
    published_by = p2(peewee.IntegerField(null=True))

    class Meta:
        table_name = "published_list"


class FollowedListTable(Table):
    """The list of a city (`peer`) that somebody here follows, and how reading it went."""

    peer = p0(peewee.IntegerField(primary_key=True))
    followed_at = p0(MomentField())
    followed_by = p2(peewee.IntegerField(null=True))
    asked_at = p0(MomentField(null=True))
    fetched_at = p0(MomentField(null=True))
    updated_at = p0(MomentField(null=True))
    digest = p0(peewee.TextField(null=True))
    trouble = p0(peewee.TextField(null=True))

    class Meta:
        table_name = "followed_list"


class ListedTable(Table):
    """A server that a followed list (of `peer`) names, or named until `left_at`.

    `answered` is the last thing of it that somebody here answered: what, and which letters.
    """

    id = p0(peewee.AutoField())
    peer = p0(peewee.IntegerField())
    host = p0(peewee.TextField())
    name = p0(peewee.TextField())
    fingerprint = p0(peewee.TextField())
    groups = p0(JsonField())
    listed_at = p0(MomentField())
    left_at = p0(MomentField(null=True))
    answered = p0(peewee.TextField(null=True))
    answered_at = p0(MomentField(null=True))
    answered_by = p2(peewee.IntegerField(null=True))

    class Meta:
        table_name = "listed"
        indexes = ((("peer", "host"), True), (("host",), False))
