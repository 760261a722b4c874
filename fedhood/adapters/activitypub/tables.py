"""Where the wire is kept: keys, bytes that were signed, what waits to be sent, what arrived."""

import peewee

from fedhood.kernel.tables import MomentField, Table, p0, p2, p4


class ActorKeyTable(Table):
    """The keys of an actor of ours: kind is `instance`, `group`, `person`, `metrics` or `city`, owner its id or 0."""

    kind = p0(peewee.TextField())
    owner = p0(peewee.IntegerField())
    pem = p4(peewee.BlobField())
    made_at = p0(MomentField())

    class Meta:
        table_name = "actor_key"
        primary_key = peewee.CompositeKey("kind", "owner")


class RetiredKeyTable(Table):
    """Keys that an actor of ours had before, known by the activity that announced others; for 30 days."""

    activity = p0(peewee.TextField(primary_key=True))
    kind = p0(peewee.TextField())
    owner = p0(peewee.IntegerField())
    pem = p4(peewee.BlobField())
    retired_at = p0(MomentField())

    class Meta:
        table_name = "retired_key"
        indexes = ((("kind", "owner", "retired_at"), False),)


class RemoteActorTable(Table):
    """A fetched actor of a peer, its document vouched for by the peer's instance key."""

    uri = p0(peewee.TextField(primary_key=True))
    peer = p0(peewee.IntegerField(index=True))
    kind = p0(peewee.TextField())
    name = p0(peewee.TextField(default=""))
    inbox = p0(peewee.TextField())
    key_uri = p0(peewee.TextField(unique=True))
    public_key_pem = p0(peewee.TextField())
    proof_key_uri = p0(peewee.TextField())
    multikey = p0(peewee.TextField())
    fetched_at = p0(MomentField())

    class Meta:
        table_name = "remote_actor"


class ActivityTable(Table):
    """The bytes of an activity of ours, made once and never changed; `key` is the last part of its id."""

    key = p0(peewee.TextField(primary_key=True))
    signer_kind = p0(peewee.TextField())
    signer = p0(peewee.IntegerField())
    body = p2(peewee.BlobField())
    made_at = p0(MomentField(index=True))

    class Meta:
        table_name = "activity"


class DeliveryTable(Table):
    """What a peer is to get: fixed in the transaction that caused it, said by the worker, sent in order of `number`.

    `verb`, `object` and `version` name what is to be said; `recipient` is an account or a row for what goes to one.
    The row stays as the ledger of who got what.
    """

    peer = p0(peewee.IntegerField())
    number = p0(peewee.IntegerField())
    epoch = p0(peewee.IntegerField())
    verb = p0(peewee.TextField())
    object = p0(peewee.BigIntegerField())
    version = p0(peewee.IntegerField(default=0))
    state = p0(peewee.TextField())
    attempts = p0(peewee.IntegerField(default=0))
    activity = p0(peewee.TextField(null=True))
    last_status = p0(peewee.IntegerField(null=True))
    last_error = p0(peewee.TextField(null=True))
    at = p0(MomentField())
    done_at = p0(MomentField(null=True))

    class Meta:
        table_name = "delivery"
        primary_key = peewee.CompositeKey("peer", "epoch", "number")
        without_rowid = True


DeliveryTable.add_index(
    DeliveryTable.index(DeliveryTable.peer, DeliveryTable.number, where=DeliveryTable.state == "waiting")
)


# the ledger: who got what; an activity is asked for by its key
DeliveryTable.add_index(DeliveryTable.index(DeliveryTable.object))
DeliveryTable.add_index(
    DeliveryTable.index(DeliveryTable.activity, where=DeliveryTable.activity.is_null(is_null=False))
)


class HostTable(Table):
    """How sending to a peer goes."""

    peer = p0(peewee.IntegerField(primary_key=True))
    failures = p0(peewee.IntegerField(default=0))
    next_at = p0(MomentField())
    last_ok = p0(MomentField(null=True))
    last_error = p0(peewee.TextField(null=True))
    trouble_since = p0(MomentField(null=True))

    class Meta:
        table_name = "host"


class InboundTable(Table):
    """An activity that arrived and was verified: kept first, understood later.

    `about` is the address of the innermost thing that it speaks of: what is passed on, and forgotten, is found by it.
    """

    id = p0(peewee.BigAutoField())
    uri = p0(peewee.TextField(unique=True))
    peer = p0(peewee.IntegerField())
    signer = p0(peewee.TextField())
    about = p0(peewee.TextField(null=True, index=True))
    scoped = p0(peewee.BooleanField())
    body = p2(peewee.BlobField())
    received_at = p0(MomentField())
    state = p0(peewee.TextField())
    attempts = p0(peewee.IntegerField(default=0))
    next_at = p0(MomentField())
    reason = p0(peewee.TextField(null=True))

    class Meta:
        table_name = "inbound"
        indexes = ((("state", "next_at"), False),)


class KnownSchemeTable(Table):
    """By which scheme a host wants requests signed (`cavage`, `rfc9421`), and how that was learnt; for 30 days."""

    host = p0(peewee.TextField(primary_key=True))
    scheme = p0(peewee.TextField())
    how = p0(peewee.TextField())
    learnt_at = p0(MomentField(index=True))

    class Meta:
        table_name = "known_scheme"
