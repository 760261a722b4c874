"""Posts: who may read them, what is kept when they change, what goes when they go."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fedhood.core import access, moderation, posts, relations, timelines
from fedhood.core.access import NOBODY, Viewer
from fedhood.core.posts import Audience, Category, Kind
from fedhood.kernel.errors import Forbidden, Gone, Invalid, NotFound, Unauthenticated
from tests.support.people import neighbourhood, neighbours, resident

pytestmark = pytest.mark.both_databases


@pytest.fixture
def street(database):
    elm, oak, ash = (neighbourhood(database, name) for name in ("Elm", "Oak", "Ash"))
    neighbours(database, elm, oak)
    return {"elm": elm, "oak": oak, "ash": ash}


def texts(database, viewer):
    return [entry.post.text for entry in database.look(timelines.feed, viewer=viewer)]


def test_a_post_for_the_own_neighbourhood_stays_there_on_a_server_of_several(database, street):
    ana = resident(database, "Ana", street["elm"])
    bob = resident(database, "Bob", street["oak"])
    database.transact(posts.publish, by=ana, text="Only Elm")
    assert texts(database, ana) == ["Only Elm"]
    assert texts(database, bob) == []


def test_a_neighbour_on_the_same_server_reads_what_was_shared_and_a_third_does_not(database, street):
    ana, bob, cem = (resident(database, n, street[s]) for n, s in (("Ana", "elm"), ("Bob", "oak"), ("Cem", "ash")))
    post = database.transact(
        posts.publish, by=ana, text="Elm and Oak", audience=Audience.NEIGHBOURS, places=[street["oak"]]
    )
    assert texts(database, bob) == ["Elm and Oak"]
    with pytest.raises(NotFound):
        database.look(posts.get, post_id=post, viewer=cem)
    with pytest.raises(NotFound):
        database.look(posts.get, post_id=post, viewer=NOBODY)


def test_an_audience_that_did_not_agree_cannot_be_chosen(database, street):
    ana = resident(database, "Ana", street["elm"])
    with pytest.raises(Invalid):
        database.transact(
            posts.publish, by=ana, text="x", audience=Audience.NEIGHBOURS, places=[street["oak"], street["ash"]]
        )
    with pytest.raises(Invalid):
        database.transact(posts.publish, by=ana, text="x", audience=Audience.NEIGHBOURS)


def test_only_what_can_be_delivered_is_offered(database, street):
    offered = database.look(posts.offered, neighbourhood=street["elm"])
    assert [(one.audience, one.names) for one in offered] == [
        (Audience.NEIGHBOURHOOD, ()),
        (Audience.NEIGHBOURS, ("Oak",)),
        (Audience.PUBLIC, ()),
    ]
    assert [one.audience for one in database.look(posts.offered, neighbourhood=street["ash"])] == [
        Audience.NEIGHBOURHOOD,
        Audience.PUBLIC,
    ]


def test_anyone_reads_a_public_post_and_only_its_places_answer(database, street):
    ana = resident(database, "Ana", street["elm"])
    cem = resident(database, "Cem", street["ash"])
    post = database.transact(posts.publish, by=ana, text="For all", audience=Audience.PUBLIC)
    assert database.look(posts.get, post_id=post, viewer=NOBODY).text == "For all"
    with pytest.raises(Forbidden):
        database.transact(posts.reply, by=cem, to=post, text="hello")


def test_an_answer_is_read_by_whom_its_root_is_read(database, street):
    ana, bob, cem = (resident(database, n, street[s]) for n, s in (("Ana", "elm"), ("Bob", "oak"), ("Cem", "ash")))
    post = database.transact(
        posts.publish, by=ana, text="Elm and Oak", audience=Audience.NEIGHBOURS, places=[street["oak"]]
    )
    answer = database.transact(posts.reply, by=bob, to=post, text="Thank you")
    assert [one.text for one in database.look(posts.thread, root=post, viewer=ana)] == ["Thank you"]
    with pytest.raises(NotFound):
        database.look(posts.get, post_id=answer, viewer=cem)
    with pytest.raises(NotFound):
        database.transact(posts.reply, by=cem, to=answer, text="me too")


def test_two_people_of_whom_one_blocked_the_other_do_not_read_each_other(database, street):
    ana, bob = (resident(database, n, street["elm"]) for n in ("Ana", "Bob"))
    post = database.transact(posts.publish, by=ana, text="hello")
    database.transact(relations.block, by=bob, other=ana.account)
    assert texts(database, bob) == []
    with pytest.raises(NotFound):
        database.look(posts.get, post_id=post, viewer=bob)
    database.transact(posts.publish, by=bob, text="mine")
    assert texts(database, ana) == ["hello"]


def test_an_edit_keeps_what_was_said_for_what_was_already_sent(database, street):
    ana = resident(database, "Ana", street["elm"])
    post = database.transact(posts.publish, by=ana, text="tomorrow 8")
    database.transact(posts.edit, by=ana, post_id=post, text="tomorrow 9")
    assert database.look(posts.at_version, post_id=post, version=1).text == "tomorrow 8"
    assert database.look(posts.at_version, post_id=post, version=2).text == "tomorrow 9"


def test_a_version_that_rose_without_another_text_says_what_was_said_then(database, street):
    ana = resident(database, "Ana", street["elm"])
    mia = resident(database, "Mia", street["elm"], moderator=True)
    post = database.transact(posts.publish, by=ana, text="tomorrow 8")
    database.transact(moderation.hide, by=mia, post_id=post)
    database.transact(moderation.restore, by=mia, post_id=post)
    database.transact(posts.edit, by=ana, post_id=post, text="tomorrow 9")
    assert [database.look(posts.at_version, post_id=post, version=one).text[-1] for one in (1, 2, 3, 4)] == list("8889")


def test_a_deleted_post_leaves_no_word_behind(database, street):
    ana = resident(database, "Ana", street["elm"])
    post = database.transact(posts.publish, by=ana, text="secret-one")
    database.transact(posts.edit, by=ana, post_id=post, text="secret-two")
    database.transact(posts.delete, by=ana, post_id=post)
    assert texts(database, ana) == []
    with pytest.raises(Gone):
        database.look(posts.at_version, post_id=post, version=1)
    assert database.look(posts.row, post_id=post).text == ""


def test_nobody_deletes_a_neighbours_post_but_a_moderator_of_that_neighbourhood(database, street):
    ana, bob = (resident(database, n, street["elm"]) for n in ("Ana", "Bob"))
    other = resident(database, "Mo", street["oak"], moderator=True)
    own = resident(database, "Mia", street["elm"], moderator=True)
    post = database.transact(posts.publish, by=ana, text="x", audience=Audience.NEIGHBOURS, places=[street["oak"]])
    for stranger in (bob, other):
        with pytest.raises(Forbidden):
            database.transact(posts.delete, by=stranger, post_id=post)
    database.transact(posts.delete, by=own, post_id=post)


def test_a_hidden_post_is_seen_by_its_author_and_moderators_alone(database, street):
    ana, bob = (resident(database, n, street["elm"]) for n in ("Ana", "Bob"))
    mia = resident(database, "Mia", street["elm"], moderator=True)
    post = database.transact(posts.publish, by=ana, text="x")
    database.transact(moderation.hide, by=mia, post_id=post, reason="names a person")
    assert texts(database, bob) == []
    assert texts(database, ana) == ["x"]
    assert database.look(posts.get, post_id=post, viewer=mia).id == post
    database.transact(moderation.restore, by=mia, post_id=post)
    assert texts(database, bob) == ["x"]


def test_a_post_too_long_says_by_how_much(database, street):
    ana = resident(database, "Ana", street["elm"])
    with pytest.raises(Invalid) as refusal:
        database.transact(posts.publish, by=ana, text="x" * 5012)
    assert refusal.value.facts == {"over": 12}


def test_nobody_publishes_without_living_here(database, street):
    with pytest.raises(Unauthenticated):
        database.transact(posts.publish, by=NOBODY, text="x")


def test_the_rule_for_one_post_and_the_rule_for_a_list_say_the_same(database, street):
    ana = resident(database, "Ana", street["elm"])
    bob = resident(database, "Bob", street["oak"])
    mia = resident(database, "Mia", street["elm"], moderator=True)
    cem = resident(database, "Cem", street["ash"])
    everyone = Viewer(
        account=cem.account, neighbourhood=cem.neighbourhood, rights=frozenset({(access.Role.MODERATOR, None)})
    )
    for author in (ana, bob, cem):
        home = author.neighbourhood
        readers = database.look(posts.offered, neighbourhood=home)
        for offer in readers:
            database.transact(
                posts.publish,
                by=author,
                text=f"{author.name} {offer.audience}",
                audience=offer.audience,
                places=offer.places,
            )
    some = [row.id for row in database.look(lambda db: list(posts.PostTable.select().execute(db)))]
    database.transact(moderation.hide, by=mia, post_id=some[0])
    database.transact(relations.block, by=ana, other=bob.account)
    kim, lou = resident(database, "Kim", street["oak"]), resident(database, "Lou", street["oak"], moderator=True)
    database.transact(lambda uow: posts.hide_in(uow.db, posts.row(uow.db, post_id=some[2]), street["oak"], hidden=True))
    database.transact(lambda uow: posts.part(uow.db, writer=street["elm"], reader=street["ash"], parted=True))
    for viewer in (kim, lou, ana, bob, cem, mia, everyone, NOBODY):
        one_by_one = {
            p for p in some if database.look(lambda db, p=p, v=viewer: posts.may_see(db, posts.row(db, post_id=p), v))
        }
        listed = {
            row.id
            for row in database.look(
                lambda db, v=viewer: list(posts.PostTable.select().where(posts.condition(v)).execute(db))
            )
        }
        assert one_by_one == listed, viewer


def test_each_text_of_a_post_is_from_a_later_second_than_the_one_before(database, street, clock):
    ana = resident(database, "Ana", street["elm"])
    post = database.transact(posts.publish, by=ana, text="tomorrow 7")
    for text in ("tomorrow 8", "tomorrow 9"):
        database.transact(posts.edit, by=ana, post_id=post, text=text)
    later = [database.look(posts.at_version, post_id=post, version=one).edited_at for one in (1, 2, 3)]
    assert later == [None, clock.now() + timedelta(seconds=1), clock.now() + timedelta(seconds=2)]


def test_of_two_edits_elsewhere_the_later_one_stays_whatever_the_clock_there_says(database, street, clock):
    uri = "https://oak.example/ap/notes/1"
    mirrored = {"kind": Kind.NOTE, "audience": Audience.NEIGHBOURS, "category": Category.OTHER, "language": "en"}
    bob = resident(database, "Bob", street["oak"]).account
    told = {"neighbourhood": street["oak"], "author": bob, "places": [street["elm"]], "published_at": clock.now()}
    post = database.transact(posts.mirror, uri=uri, text="The first", **mirrored, **told)
    for text, ahead in (("The third", 5), ("The second", 4)):
        edited = {"text": text, "language": "en", "edited_at": clock.now() + timedelta(minutes=ahead)}
        database.transact(posts.mirror_edit, post_id=post, **edited)
    assert database.look(posts.row, post_id=post).text == "The third"
