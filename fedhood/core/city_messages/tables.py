"""Where a city's messages are kept: at the city those it wrote, at a neighbourhood those that arrived."""

import peewee

from fedhood.kernel.tables import JsonField, MomentField, Table, p0, p1, p2


class CityMessageTable(Table):
    """A message as it stands, its words apart; `uri` is null for one of ours, `shown_at` until its copies are made."""

    id = p0(peewee.BigIntegerField(primary_key=True))
    uri = p0(peewee.TextField(null=True, unique=True))
    peer = p0(peewee.IntegerField(null=True))
    author = p2(peewee.IntegerField())
    groups = p0(JsonField())
    urgent = p0(peewee.BooleanField())
    begins_at = p0(MomentField())
    ends_at = p0(MomentField())
    published_at = p0(MomentField())
    edited_at = p0(MomentField(null=True))
    shown_at = p0(MomentField(null=True))
    deleted_at = p0(MomentField(null=True))
    version = p0(peewee.IntegerField(default=1))

    class Meta:
        table_name = "city_message"


# what is read now, and what is still to be shown: few, however many there ever were
CityMessageTable.add_index(
    CityMessageTable.index(
        CityMessageTable.ends_at,
        where=CityMessageTable.deleted_at.is_null() & CityMessageTable.shown_at.is_null(is_null=False),
        name="city_message_now",
    )
)
CityMessageTable.add_index(
    CityMessageTable.index(
        CityMessageTable.begins_at,
        where=CityMessageTable.deleted_at.is_null()
        & CityMessageTable.shown_at.is_null()
        & CityMessageTable.uri.is_null(is_null=False),
        name="city_message_coming",
    )
)


class CityMessageVersionTable(Table):
    """What a version of a message says: `said` holds title and text by language."""

    message = p0(peewee.BigIntegerField())
    version = p0(peewee.IntegerField())
    said = p1(JsonField())
    urgent = p0(peewee.BooleanField())
    begins_at = p0(MomentField())
    ends_at = p0(MomentField())

    class Meta:
        table_name = "city_message_version"
        primary_key = peewee.CompositeKey("message", "version")


class CityMessagePlaceTable(Table):
    """A neighbourhood that a message is for: written once, never changed.

    At the city `sent` says how far it got; at a neighbourhood `post` is its copy there, once it is shown.
    """

    message = p0(peewee.BigIntegerField())
    place = p0(peewee.IntegerField())
    post = p0(peewee.BigIntegerField(null=True))
    sent = p0(peewee.TextField(null=True))

    class Meta:
        table_name = "city_message_place"
        primary_key = peewee.CompositeKey("message", "place")


CityMessagePlaceTable.add_index(
    CityMessagePlaceTable.index(
        CityMessagePlaceTable.post,
        where=CityMessagePlaceTable.post.is_null(is_null=False),
        name="city_message_copy",
    )
)


class SharedAnswerTable(Table):
    """An answer that its author lets the city read: under an id of its own, from one moment until another.

    `sent` says how far the last word about it got: that it is there, that it changed, that it is gone.
    """

    id = p2(peewee.BigIntegerField(primary_key=True))
    post = p2(peewee.BigIntegerField())
    message = p0(peewee.BigIntegerField())
    author = p2(peewee.IntegerField(index=True))
    shared_at = p2(MomentField())
    ended_at = p2(MomentField(null=True))
    sent = p0(peewee.TextField())

    class Meta:
        table_name = "shared_answer"


# what the city reads now under a message
SharedAnswerTable.add_index(
    SharedAnswerTable.index(
        SharedAnswerTable.message,
        SharedAnswerTable.author,
        where=SharedAnswerTable.ended_at.is_null(),
        name="shared_answer_under",
    )
)
SharedAnswerTable.add_index(
    SharedAnswerTable.index(
        SharedAnswerTable.post, where=SharedAnswerTable.ended_at.is_null(), unique=True, name="shared_answer_now"
    )
)


class CityAnswerTable(Table):
    """At the city: an answer that somebody lets it read. `person` is their address, `place` where they live."""

    id = p0(peewee.BigIntegerField(primary_key=True))
    uri = p2(peewee.TextField(unique=True))
    message = p0(peewee.BigIntegerField())
    person = p2(peewee.TextField(index=True))
    name = p2(peewee.TextField())
    place = p2(peewee.IntegerField())
    text = p2(peewee.TextField())
    language = p2(peewee.TextField(default=""))
    published_at = p2(MomentField())
    edited_at = p2(MomentField(null=True))

    class Meta:
        table_name = "city_answer"
        indexes = ((("message", "id"), False),)
