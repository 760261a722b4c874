"""Where the wire is kept: keys, bytes that were signed, what waits to be sent, what arrived."""

import peewee

from fedhood.kernel.tables import MomentField, Table, p0, p1, p2, p4


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


class StrangerTable(Table):
    """A person on other software, as their own server showed them: nobody vouches for it."""

    uri = p1(peewee.TextField(primary_key=True))
    host = p0(peewee.TextField())
    handle = p1(peewee.TextField())
    name = p1(peewee.TextField(default=""))
    inbox = p1(peewee.TextField())
    shared_inbox = p0(peewee.TextField(null=True))
    key_uri = p1(peewee.TextField(unique=True))
    key_kind = p0(peewee.TextField())
    key_text = p0(peewee.TextField())
    fetched_at = p0(MomentField(index=True))

    class Meta:
        table_name = "stranger"


class ActivityTable(Table):
    """The bytes of an activity of ours, made once and never changed; `key` is the last part of its id.

    `scoped` is set on what goes to peer inboxes alone.
    """

    key = p0(peewee.TextField(primary_key=True))
    signer_kind = p0(peewee.TextField())
    signer = p0(peewee.IntegerField())
    scoped = p0(peewee.BooleanField(default=False))
    body = p2(peewee.BlobField())
    made_at = p0(MomentField(index=True))

    class Meta:
        table_name = "activity"


class DeliveryTable(Table):
    """What a peer is to get: fixed in the transaction that caused it, said by the worker, sent in order of `number`.

    `verb`, `object` and `version` name what is to be said; `recipient` is an account or a row for what goes to one.
    `inbox`: where it goes, for people on other software; the server's own otherwise. The row stays as the ledger of
    who got what.
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
    inbox = p1(peewee.TextField(null=True))
    last_status = p0(peewee.IntegerField(null=True))
    last_error = p0(peewee.TextField(null=True))
    at = p0(MomentField())
    done_at = p0(MomentField(null=True))

    class Meta:
        table_name = "delivery"
        primary_key = peewee.CompositeKey("peer", "epoch", "number")


# the state is in it as well, or SQLite takes the primary key instead, and reads all that a peer ever got
DeliveryTable.add_index(
    DeliveryTable.index(
        DeliveryTable.peer,
        DeliveryTable.state,
        DeliveryTable.epoch,
        DeliveryTable.number,
        where=DeliveryTable.state == "waiting",
        name="delivery_waiting",
    )
)
# what was put aside, and what never arrived: each state is a list of its own for whoever looks after the server
DeliveryTable.add_index(
    DeliveryTable.index(
        DeliveryTable.peer,
        DeliveryTable.state,
        DeliveryTable.epoch,
        DeliveryTable.number,
        where=DeliveryTable.state.not_in(["waiting", "done"]),
        name="delivery_aside",
    )
)


# the ledger: who got what; an activity is asked for by its key
DeliveryTable.add_index(DeliveryTable.index(DeliveryTable.object))
DeliveryTable.add_index(
    DeliveryTable.index(DeliveryTable.activity, where=DeliveryTable.activity.is_null(is_null=False))
)


class HostTable(Table):
    """How sending to a peer goes.

    `next_at` in the future is a lease while somebody sends, and the rest of a host in trouble otherwise. `failed_days`
    counts the days on which nothing but failures was had, `failed_on` is the last of them (days since 1970); from the
    seventh on the host is parked. `paused_at`: since when somebody here lets nothing go there. `refusals` counts the
    letters that it did not allow, or whose signature it did not recognise, since the last one that it took.
    """

    peer = p0(peewee.IntegerField(primary_key=True))
    failures = p0(peewee.IntegerField(default=0))
    next_at = p0(MomentField())
    last_ok = p0(MomentField(null=True))
    last_status = p0(peewee.IntegerField(null=True))
    last_error = p0(peewee.TextField(null=True))
    trouble_since = p0(MomentField(null=True))
    failed_days = p0(peewee.IntegerField(default=0))
    failed_on = p0(peewee.IntegerField(null=True))
    paused_at = p0(MomentField(null=True))
    refusals = p0(peewee.IntegerField(default=0))

    class Meta:
        table_name = "host"


class HeardTable(Table):
    """How far a peer's stream to us was heard: without a gap up to number `upto` of its epoch.

    `behind` says that something is missing after it, which holds back what came later. `ask_at` is when the peer is
    asked next what we missed, null when there is nothing to ask; `attempts` says how often that failed.
    """

    peer = p0(peewee.IntegerField(primary_key=True))
    epoch = p0(peewee.IntegerField())
    upto = p0(peewee.IntegerField())
    behind = p0(peewee.BooleanField(default=False))
    behind_since = p0(MomentField(null=True))
    ask_at = p0(MomentField(null=True))
    attempts = p0(peewee.IntegerField(default=0))
    last_error = p0(peewee.TextField(null=True))

    class Meta:
        table_name = "heard"


class InboundTable(Table):
    """An activity that arrived and was verified: kept first, understood later.

    `about` is the address of the innermost thing that it speaks of: what is passed on, and forgotten, is found by it.
    `epoch` and `number` are its place in its sender's stream to us, 0 where the sender has none: in this order it is
    understood, whatever the order in which it came. `way` is how it came (`paths.Way`).
    """

    id = p0(peewee.BigAutoField())
    uri = p0(peewee.TextField(unique=True))
    peer = p0(peewee.IntegerField())
    signer = p0(peewee.TextField())
    about = p0(peewee.TextField(null=True, index=True))
    scoped = p0(peewee.BooleanField())
    way = p0(peewee.TextField(default=""))
    epoch = p0(peewee.IntegerField(default=0))
    number = p0(peewee.IntegerField(default=0))
    body = p2(peewee.BlobField())
    received_at = p0(MomentField())
    state = p0(peewee.TextField())
    attempts = p0(peewee.IntegerField(default=0))
    next_at = p0(MomentField())
    reason = p0(peewee.TextField(null=True))

    class Meta:
        table_name = "inbound"


InboundTable.add_index(
    InboundTable.index(
        InboundTable.peer,
        InboundTable.epoch,
        InboundTable.number,
        InboundTable.id,
        where=InboundTable.state == "waiting",
        name="inbound_waiting",
    )
)
InboundTable.add_index(
    InboundTable.index(
        InboundTable.state, InboundTable.next_at, where=InboundTable.state != "waiting", name="inbound_settled"
    )
)
# what was not taken, and is shown to who hosts the server, of one neighbour at a time
NOT_TAKEN = (InboundTable.state != peewee.SQL("'waiting'")) & (InboundTable.state != peewee.SQL("'understood'"))
InboundTable.add_index(
    InboundTable.index(InboundTable.peer, InboundTable.id, where=NOT_TAKEN, name="inbound_not_taken")
)
# as a literal, or the partial index on what does not wait is not used
NOT_WAITING = InboundTable.state != peewee.SQL("'waiting'")


class KnownSchemeTable(Table):
    """By which scheme a host wants requests signed (`cavage`, `rfc9421`), and how that was learnt; for 30 days."""

    host = p0(peewee.TextField(primary_key=True))
    scheme = p0(peewee.TextField())
    how = p0(peewee.TextField())
    learnt_at = p0(MomentField(index=True))

    class Meta:
        table_name = "known_scheme"
