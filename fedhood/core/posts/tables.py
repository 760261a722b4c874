"""Where posts are kept, the places that may read each, and what each said before it was edited."""

import peewee

from fedhood.kernel.tables import MomentField, Table, p0, p1


class PostTable(Table):
    """A post; `uri` is null for one of ours. A reply has a `root` and inherits its audience and its places."""

    id = p0(peewee.BigIntegerField(primary_key=True))
    kind = p1(peewee.TextField())
    audience = p0(peewee.TextField())
    neighbourhood = p0(peewee.IntegerField())
    author = p1(peewee.IntegerField(index=True))
    root = p0(peewee.BigIntegerField(null=True))
    parent = p0(peewee.BigIntegerField(null=True))
    category = p1(peewee.TextField(default=""))
    text = p1(peewee.TextField())
    language = p1(peewee.TextField(default=""))
    published_at = p0(MomentField())
    edited_at = p0(MomentField(null=True))
    deleted_at = p0(MomentField(null=True))
    deleted_by_moderator = p0(peewee.BooleanField(default=False))
    hidden_at = p0(MomentField(null=True))
    version = p0(peewee.IntegerField(default=1))
    thanks = p0(peewee.IntegerField(default=0))
    replies = p0(peewee.IntegerField(default=0))
    uri = p0(peewee.TextField(null=True, unique=True))

    class Meta:
        table_name = "post"


PostTable.add_index(PostTable.index(PostTable.category, PostTable.id))
# what a neighbourhood says to everyone, on its page and to whoever follows it
PostTable.add_index(
    PostTable.index(
        PostTable.neighbourhood,
        PostTable.id,
        where=(PostTable.audience == "public") & PostTable.root.is_null(),
        name="post_public",
    )
)
# partial: most posts are no replies, and a plain index over nulls misleads the planner
PostTable.add_index(PostTable.index(PostTable.root, PostTable.id, where=PostTable.root.is_null(is_null=False)))
PostTable.add_index(
    PostTable.index(PostTable.hidden_at, where=PostTable.hidden_at.is_null(is_null=False), name="post_hidden")
)


class PlaceTable(Table):
    """A neighbourhood that may read a post: written once at publication, never changed.

    Read there or not is another matter: not while the two neighbourhoods have parted, not while those who look after
    this place hide it from it.
    """

    place = p0(peewee.IntegerField())
    post = p0(peewee.BigIntegerField())
    next_door = p0(peewee.BooleanField())
    parted = p0(peewee.BooleanField(default=False))
    hidden = p0(peewee.BooleanField(default=False))

    class Meta:
        table_name = "post_place"
        primary_key = peewee.CompositeKey("place", "post")
        without_rowid = True


PlaceTable.add_index(PlaceTable.index(PlaceTable.post))
# each list that a page can ask for walks an index of its own: rare things must not be looked for among common ones
PlaceTable.add_index(
    PlaceTable.index(
        PlaceTable.place, PlaceTable.post, where=PlaceTable.next_door & ~PlaceTable.parted, name="next_door"
    )
)
PlaceTable.add_index(PlaceTable.index(PlaceTable.post, where=PlaceTable.hidden, name="place_hidden"))


class VersionTable(Table):
    """What a post said in an earlier version."""

    post = p0(peewee.BigIntegerField())
    version = p0(peewee.IntegerField())
    text = p1(peewee.TextField())
    language = p1(peewee.TextField())
    until = p0(MomentField())

    class Meta:
        table_name = "post_version"
        primary_key = peewee.CompositeKey("post", "version")
