"""People on other software: they follow a neighbourhood, read what it says to everyone, answer, and give thanks."""

from __future__ import annotations

from contextlib import AsyncExitStack, ExitStack
from datetime import timedelta

import pytest

from fedhood.adapters.activitypub import keys, standing
from fedhood.adapters.activitypub.tables import DeliveryTable, HostTable, InboundTable, StrangerTable
from fedhood.core import help_requests, moderation, notifications, peers, posts, timelines, visitors
from fedhood.core.moderation import Reason
from fedhood.core.notifications import Kind
from fedhood.core.posts import Audience
from fedhood.core.visitors import FollowerTable
from tests.support.elsewhere import PUBLIC, elsewhere
from tests.support.world import place, settle

pytestmark = pytest.mark.both_databases


@pytest.fixture
async def street(tmp_path, engine, request):
    async with AsyncExitStack() as stack:
        dsn = ""
        if engine == "postgres":
            dsn = stack.enter_context(ExitStack()).enter_context(request.getfixturevalue("postgres_server").empty())
        there = await stack.enter_async_context(elsewhere())
        elm = await place(tmp_path, "elm", "Elm", dsn=dsn)
        ana = await elm.resident("Ana Dakkapel", moderator=True)
        yield elm, ana, there
        await elm.close()


def group(at) -> str:
    return at.server.addresses.group("elm")


async def say(at, by, text, audience=Audience.PUBLIC):
    made = await at.database.write(posts.publish, by=by, text=text, audience=audience)
    await settle(at)
    return made


async def rows(at, table, *columns):
    return await at.database.read(lambda db: list(table.select(*columns).tuples().execute(db)))


async def follow(at, there, name="mo", **members):
    who = there.person(name, **members)
    asked = await there.follow(at, who, group(at))
    await settle(at)
    return who, asked


async def answer(at, there, who, number, text, post, **members):
    note = there.note(who, number, text, at.server.addresses.note(post), **members)
    reply = await there.tell(at, "/ap/inbox", there.said(who, "Create", note, to=note["to"], cc=note["cc"]))
    assert reply.status == 202, reply.text
    await settle(at)
    return note


async def thread(at, root, viewer):
    return await at.database.read(timelines.thread, root=root, viewer=viewer)


async def test_who_follows_is_told_yes_and_once_more_yes(street):
    elm, _, there = street
    who, asked = await follow(elm, there)
    (accept,) = there.of_kind("Accept")
    assert there.received[0][0] == f"{who}/inbox"
    assert accept["actor"] == group(elm)
    assert accept["object"] == {"id": asked["id"], "type": "Follow", "actor": who, "object": group(elm)}
    assert "fedhood-stream" not in there.heads[0]
    again = await there.follow(elm, who, group(elm))
    await settle(elm)
    assert [one["object"]["id"] for one in there.of_kind("Accept")] == [asked["id"], again["id"]]
    assert len(await rows(elm, FollowerTable, FollowerTable.id)) == 1


async def test_a_public_post_goes_once_to_a_shared_inbox_and_nothing_else_goes(street):
    elm, ana, there = street
    for name in ("mo", "li", "jo"):
        await follow(elm, there, name)
    there.received.clear()
    await say(elm, ana, "A word among neighbours", Audience.NEIGHBOURHOOD)
    post = await say(elm, ana, "Street party on Sunday")
    ((url, announce),) = there.received
    assert url == f"{there.base}/inbox"
    assert (announce["type"], announce["actor"], announce["to"]) == ("Announce", group(elm), [PUBLIC])
    assert announce["object"] == elm.server.addresses.note(post)
    assert announce["cc"] == [f"{group(elm)}/followers"]


async def test_without_a_shared_inbox_each_gets_a_letter_of_their_own(street):
    elm, ana, there = street
    for name in ("mo", "li"):
        await follow(elm, there, name, shared=False)
    there.received.clear()
    await say(elm, ana, "Street party on Sunday")
    await say(elm, ana, "It rains")
    urls = sorted(url for url, _ in there.received)
    assert urls == sorted(2 * [f"{there.base}/users/{name}/inbox" for name in ("mo", "li")])


async def test_edits_and_removals_reach_who_got_it(street):
    elm, ana, there = street
    who, asked = await follow(elm, there)
    post = await say(elm, ana, "Street party on Sunday")
    await elm.database.write(posts.edit, by=ana, post_id=post, text="Street party on Monday")
    await settle(elm)
    (update,) = there.of_kind("Update")
    assert update["object"]["content"] == "<p>Street party on Monday</p>"
    assert update["object"]["updated"] > update["object"]["published"]
    assert update["actor"] == update["object"]["attributedTo"]
    undo = there.said(who, "Undo", asked)
    await there.tell(elm, "/ap/inbox", undo)
    await settle(elm)
    await elm.database.write(posts.edit, by=ana, post_id=post, text="Street party on Tuesday")
    await elm.database.write(posts.delete, by=ana, post_id=post)
    await settle(elm)
    assert len(there.of_kind("Update")) == 1, "who follows no longer is told no more than that it is gone"
    (delete,) = there.of_kind("Delete")
    assert (delete["actor"], delete["object"]["id"]) == (update["actor"], update["object"]["id"])


async def test_who_follows_no_longer_gets_nothing_more(street):
    elm, ana, there = street
    who, asked = await follow(elm, there)
    await there.tell(elm, "/ap/inbox", there.said(who, "Undo", asked))
    await settle(elm)
    there.received.clear()
    await say(elm, ana, "Street party on Sunday")
    assert there.received == []


async def test_undo_by_the_address_alone_counts_and_of_somebody_else_does_not(street):
    elm, _, there = street
    who, asked = await follow(elm, there)
    other, _ = await follow(elm, there, "li")
    await there.tell(elm, "/ap/inbox", there.said(other, "Undo", asked))
    await there.tell(elm, "/ap/inbox", there.said(other, "Undo", asked["id"]))
    await settle(elm)
    assert len(await rows(elm, FollowerTable, FollowerTable.id)) == 2
    await there.tell(elm, "/ap/inbox", there.said(who, "Undo", asked["id"]))
    await settle(elm)
    assert [actor for (actor,) in await rows(elm, FollowerTable, FollowerTable.actor)] == [other]


async def test_who_is_no_more_follows_and_has_said_nothing(street):
    elm, ana, there = street
    who, _ = await follow(elm, there)
    post = await say(elm, ana, "Street party on Sunday")
    await answer(elm, there, who, 1, "<p>I bring cake</p>", post)
    del there.documents[who]
    there.gone.add(who)
    reply = await there.tell(elm, "/ap/inbox", there.said(who, "Delete", who))
    assert reply.status == 202
    await settle(elm)
    assert await rows(elm, FollowerTable, FollowerTable.id) == []
    assert await rows(elm, StrangerTable, StrangerTable.uri) == []
    assert await thread(elm, post, ana) == []
    bodies = [bytes(body) for (body,) in await rows(elm, InboundTable, InboundTable.body)]
    assert not any(b"cake" in body for body in bodies)


async def test_an_inbox_that_says_it_is_gone_takes_its_followers_with_it(street):
    elm, ana, there = street
    await follow(elm, there)
    there.status[f"{there.base}/inbox"] = 410
    await say(elm, ana, "Street party on Sunday")
    assert await rows(elm, FollowerTable, FollowerTable.id) == []


async def test_a_server_that_is_not_reached_keeps_its_followers_and_rests(street):
    elm, ana, there = street
    await follow(elm, there)
    there.status[f"{there.base}/inbox"] = 503
    await say(elm, ana, "Street party on Sunday")
    assert len(await rows(elm, FollowerTable, FollowerTable.id)) == 1
    assert [failures for (failures,) in await rows(elm, HostTable, HostTable.failures)] == [1]


async def test_an_answer_is_read_under_the_post_with_who_said_it_and_is_told(street):
    elm, ana, there = street
    who = there.person("mo")
    post = await say(elm, ana, "Street party on Sunday")
    await answer(elm, there, who, 1, "<p>I bring <b>cake</b><script>alert(1)</script></p><p>And tea</p>", post)
    (entry,) = await thread(elm, post, ana)
    assert entry.post.text == "I bring cake\n\nAnd tea"
    assert (entry.author.name, entry.author.visitor) == ("Mo", f"mo@{there.host}")
    told = await elm.database.read(notifications.latest, account=ana.account, limit=5)
    assert [one.kind for one in told] == [Kind.REPLY]
    assert (await elm.database.read(posts.row, post_id=post)).replies == 1


async def test_an_answer_changes_and_goes_by_its_author_alone(street):
    elm, ana, there = street
    who, other = there.person("mo"), there.person("li")
    post = await say(elm, ana, "Street party on Sunday")
    note = await answer(elm, there, who, 1, "<p>I bring cake</p>", post)
    later = {**note, "content": "<p>I bring pie</p>", "updated": "2099-01-01T00:00:00Z"}
    forged = there.said(other, "Update", {**later, "attributedTo": other, "content": "<p>I bring nothing</p>"})
    await there.tell(elm, "/ap/inbox", forged)
    await settle(elm)
    assert [entry.post.text for entry in await thread(elm, post, ana)] == ["I bring cake"]
    await there.tell(elm, "/ap/inbox", there.said(who, "Update", later))
    await settle(elm)
    assert [entry.post.text for entry in await thread(elm, post, ana)] == ["I bring pie"]
    gone = {"id": note["id"], "type": "Tombstone"}
    await there.tell(elm, "/ap/inbox", there.said(other, "Delete", gone))
    await settle(elm)
    assert len(await thread(elm, post, ana)) == 1
    await there.tell(elm, "/ap/inbox", there.said(who, "Delete", gone))
    await settle(elm)
    assert await thread(elm, post, ana) == []
    bodies = [bytes(body) for (body,) in await rows(elm, InboundTable, InboundTable.body)]
    assert not any(b"cake" in body or b"pie" in body for body in bodies)


async def test_a_removal_that_comes_first_wins(street):
    elm, ana, there = street
    who, _ = await follow(elm, there)
    post = await say(elm, ana, "Street party on Sunday")
    note = there.note(who, 1, "<p>cake</p>", elm.server.addresses.note(post))
    await there.tell(elm, "/ap/inbox", there.said(who, "Delete", {"id": note["id"], "type": "Tombstone"}))
    await settle(elm)
    await there.tell(elm, "/ap/inbox", there.said(who, "Create", note))
    await settle(elm)
    assert await thread(elm, post, ana) == []


@pytest.mark.parametrize("audience", [Audience.NEIGHBOURHOOD])
async def test_what_is_not_for_everyone_cannot_be_answered_or_thanked_for(street, audience):
    elm, ana, there = street
    who, _ = await follow(elm, there)
    post = await say(elm, ana, "Among neighbours", audience)
    await answer(elm, there, who, 1, "<p>I read it</p>", post)
    await there.tell(elm, "/ap/inbox", there.said(who, "Like", elm.server.addresses.note(post)))
    await settle(elm)
    assert await thread(elm, post, ana) == []
    assert (await elm.database.read(posts.row, post_id=post)).thanks == 0


async def test_what_is_not_said_to_everyone_is_not_shown(street):
    elm, ana, there = street
    who = there.person("mo")
    post = await say(elm, ana, "Street party on Sunday")
    await answer(elm, there, who, 1, "<p>Between us</p>", post, to=[group(elm)], cc=[])
    assert await thread(elm, post, ana) == []


async def test_thanks_are_counted_once_and_taken_back(street):
    elm, ana, there = street
    who = there.person("mo")
    post = await say(elm, ana, "Street party on Sunday")
    like = there.said(who, "Like", elm.server.addresses.note(post))
    for one in (like, there.said(who, "Like", elm.server.addresses.note(post))):
        await there.tell(elm, "/ap/inbox", one)
    await settle(elm)
    assert (await elm.database.read(posts.row, post_id=post)).thanks == 1
    await there.tell(elm, "/ap/inbox", there.said(who, "Undo", like))
    await settle(elm)
    assert (await elm.database.read(posts.row, post_id=post)).thanks == 0


async def test_a_visitor_answers_twenty_times_in_one_thread_and_no_more(street):
    elm, ana, there = street
    who = there.person("mo")
    post = await say(elm, ana, "Street party on Sunday")
    for number in range(22):
        note = there.note(who, number, f"<p>{number}</p>", elm.server.addresses.note(post))
        await there.tell(elm, "/ap/inbox", there.said(who, "Create", note))
    await settle(elm)
    assert len(await thread(elm, post, ana)) == 20


async def test_anything_else_of_a_visitor_is_counted_and_ignored_and_its_words_are_not_kept(street):
    elm, ana, there = street
    who, _ = await follow(elm, there)
    post = await say(elm, ana, "Street party on Sunday")
    for said in (
        there.said(who, "Announce", elm.server.addresses.note(post), summary="words of mine"),
        there.said(who, "Move", who, target=f"{who}-moved"),
        there.said(who, "Create", {"id": f"{who}/q/1", "type": "Question", "content": "words of mine"}),
        there.said(who, "Create", there.note(who, 9, "words of mine", f"{there.base}/notes/1")),
    ):
        assert (await there.tell(elm, "/ap/inbox", said)).status == 202
    await settle(elm)
    kept = await rows(elm, InboundTable, InboundTable.state, InboundTable.body)
    assert sorted(state for state, _ in kept) == ["ignored", "ignored", "ignored", "refused", "understood"]
    assert not any(b"words of mine" in bytes(body) for _, body in kept)


@pytest.mark.parametrize("path", ["/ap/inbox", "/ap/instance/inbox", "/ap/instance/peer-inbox"])
async def test_what_is_scoped_and_what_binds_is_not_for_visitors(street, path):
    elm, ana, there = street
    who, _ = await follow(elm, there)
    post = await say(elm, ana, "Among neighbours", Audience.NEIGHBOURHOOD)
    note = there.note(who, 1, "<p>I read it</p>", elm.server.addresses.note(post), fhScope="neighbours")
    before = await rows(elm, InboundTable, InboundTable.id)
    for said in (
        there.said(who, "Create", note, fhScope="neighbours", to=[group(elm)]),
        there.said(who, "Offer", {"type": "Agreement"}, fhScope="direct"),
        there.said(who, "Accept", {"type": "Follow"}),
    ):
        assert (await there.tell(elm, path, said)).status in {403, 422}
    assert await rows(elm, InboundTable, InboundTable.id) == before


async def test_a_visitor_who_is_called_something_else_is_asked_about_anew(street):
    elm, ana, there = street
    who = there.person("mo")
    post = await say(elm, ana, "Street party on Sunday")
    await answer(elm, there, who, 1, "<p>I bring cake</p>", post)
    there.documents[who]["name"] = "Moira"
    await there.tell(elm, "/ap/inbox", there.said(who, "Update", there.documents[who]))
    await settle(elm)
    assert [entry.author.name for entry in await thread(elm, post, ana)] == ["Moira"]


# the shapes in which Mastodon 4 writes actors and Notes: what it says beyond what we read
_MASTODON_ACTOR = [
    "https://www.w3.org/ns/activitystreams",
    "https://w3id.org/security/v1",
    {
        "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
        "toot": "http://joinmastodon.org/ns#",
        "featured": {"@id": "toot:featured", "@type": "@id"},
        "featuredTags": {"@id": "toot:featuredTags", "@type": "@id"},
        "alsoKnownAs": {"@id": "as:alsoKnownAs", "@type": "@id"},
        "movedTo": {"@id": "as:movedTo", "@type": "@id"},
        "schema": "http://schema.org#",
        "PropertyValue": "schema:PropertyValue",
        "value": "schema:value",
        "discoverable": "toot:discoverable",
        "suspended": "toot:suspended",
        "memorial": "toot:memorial",
        "indexable": "toot:indexable",
        "attributionDomains": {"@id": "toot:attributionDomains", "@type": "@id"},
        "focalPoint": {"@container": "@list", "@id": "toot:focalPoint"},
    },
]
_MASTODON_NOTE = [
    "https://www.w3.org/ns/activitystreams",
    {
        "ostatus": "http://ostatus.org#",
        "atomUri": "ostatus:atomUri",
        "inReplyToAtomUri": "ostatus:inReplyToAtomUri",
        "conversation": "ostatus:conversation",
        "sensitive": "as:sensitive",
        "toot": "http://joinmastodon.org/ns#",
        "votersCount": "toot:votersCount",
        "gts": "https://gotosocial.org/ns#",
        "interactionPolicy": {"@id": "gts:interactionPolicy", "@type": "@id"},
        "canQuote": {"@id": "gts:canQuote", "@type": "@id"},
        "automaticApproval": {"@id": "gts:automaticApproval", "@type": "@id"},
        "manualApproval": {"@id": "gts:manualApproval", "@type": "@id"},
    },
]


async def test_what_mastodon_writes_is_understood(street):
    elm, ana, there = street
    who, _ = await follow(
        elm,
        there,
        **{"@context": _MASTODON_ACTOR, "summary": "<p>Hi</p>", "tag": [], "attachment": [], "discoverable": True},
    )
    post = await say(elm, ana, "Street party on Sunday")
    author = (await elm.database.read(lambda db: db.execute_sql("SELECT key FROM account").fetchone()))[0]
    address = elm.server.addresses.person(author)
    said = (
        f'<p><span class="h-card" translate="no"><a href="{address}" class="u-url mention">@<span>ana</span></a></span>'
    )
    note = there.note(
        who,
        7,
        f"{said} I bring cake &amp; tea</p>",
        elm.server.addresses.note(post),
        cc=[f"{who}/followers", address],
        summary=None,
        sensitive=False,
        atomUri=f"{who}/statuses/7",
        conversation="tag:elsewhere,2026:objectId=1",
        contentMap={"en": "<p>I bring cake</p>"},
        attachment=[],
        tag=[{"type": "Mention", "href": address, "name": "@ana"}],
        interactionPolicy={"canQuote": {"automaticApproval": [PUBLIC], "manualApproval": []}},
        replies={
            "id": f"{who}/statuses/7/replies",
            "type": "Collection",
            "first": {"type": "CollectionPage", "items": []},
        },
    )
    create = there.said(who, "Create", note, to=note["to"], cc=note["cc"])
    create |= {"@context": _MASTODON_NOTE, "signature": {"type": "RsaSignature2017", "signatureValue": "eA=="}}
    assert (await there.tell(elm, f"/ap/people/{author}/inbox", create)).status == 202
    await settle(elm)
    (entry,) = await thread(elm, post, ana)
    assert (entry.post.text, entry.post.language) == ("@ana I bring cake & tea", "en")


async def test_who_is_called_by_a_short_public_or_unlisted_word_is_heard(street):
    elm, ana, there = street
    who = there.person("mo")
    post = await say(elm, ana, "Street party on Sunday")
    await answer(elm, there, who, 1, "<p>One</p>", post, to=["as:Public"])
    await answer(elm, there, who, 2, "<p>Two</p>", post, to=[f"{who}/followers"], cc=["Public"])
    assert [entry.post.text for entry in await thread(elm, post, ana)] == ["One", "Two"]


async def test_somebody_else_cannot_speak_for_a_visitor(street):
    elm, ana, there = street
    who, other = there.person("mo"), there.person("li")
    post = await say(elm, ana, "Street party on Sunday")
    note = there.note(who, 1, "<p>I bring cake</p>", elm.server.addresses.note(post))
    reply = await there.tell(elm, "/ap/inbox", there.said(who, "Create", note), by=other)
    assert reply.status == 403
    put_in = there.said(other, "Create", note)
    assert (await there.tell(elm, "/ap/inbox", put_in)).status == 202
    await settle(elm)
    assert await thread(elm, post, ana) == []


async def test_another_key_of_the_same_person_is_found_when_it_is_needed(street):
    elm, ana, there = street
    who, _ = await follow(elm, there)
    before = {"key_text": keys.public_pem(keys.generate().rsa)}
    await elm.database.write(
        lambda uow: StrangerTable.update(**before, fetched_at=uow.now - timedelta(hours=1)).execute(uow.db)
    )
    post = await say(elm, ana, "Street party on Sunday")
    await answer(elm, there, who, 1, "<p>I bring cake</p>", post)
    assert len(await thread(elm, post, ana)) == 1


async def test_whose_key_cannot_be_had_is_not_heard(street):
    elm, _, there = street
    nobody = f"{there.base}/users/nobody"
    reply = await there.tell(elm, "/ap/groups/elm/inbox", there.said(nobody, "Follow", group(elm)))
    assert reply.status == 401


async def test_a_thousand_farewells_of_nobody_ask_nobody(street):
    elm, _, there = street
    for number in range(50):
        who = f"{there.base}/users/u{number}"
        assert (await there.tell(elm, "/ap/inbox", there.said(who, "Delete", who))).status == 202
    assert there.asked == []


async def test_a_resident_who_answers_a_visitor_is_heard_there(street):
    elm, ana, there = street
    who = there.person("mo")
    post = await say(elm, ana, "Street party on Sunday")
    note = await answer(elm, there, who, 1, "<p>I bring cake</p>", post)
    (visit,) = await thread(elm, post, ana)
    reply = await elm.database.write(posts.reply, by=ana, to=visit.post.id, text="Lovely")
    await settle(elm)
    (create,) = there.of_kind("Create")
    said = create["object"]
    assert (said["inReplyTo"], said["content"]) == (note["id"], "<p>Lovely</p>")
    assert who in said["cc"]
    assert said["tag"] == [{"type": "Mention", "href": who, "name": f"@mo@{there.host}"}]
    await elm.database.write(posts.delete, by=ana, post_id=reply)
    await settle(elm)
    assert [one["object"]["id"] for one in there.of_kind("Delete")] == [said["id"]]


async def test_where_no_visitors_are_received_followers_are_sent_away(street):
    elm, ana, there = street
    who, asked = await follow(elm, there)
    post = await say(elm, ana, "Street party on Sunday")
    await answer(elm, there, who, 1, "<p>I bring cake</p>", post)
    there.received.clear()
    await elm.database.write(moderation.receive_visitors, by=ana, neighbourhood=elm.homes["Elm"], on=False)
    await settle(elm)
    (reject,) = there.of_kind("Reject")
    assert reject["object"]["id"] == asked["id"]
    await say(elm, ana, "It rains")
    note = there.note(who, 2, "<p>I bring pie</p>", elm.server.addresses.note(post))
    await there.tell(elm, "/ap/inbox", there.said(who, "Create", note))
    await there.tell(elm, "/ap/inbox", there.said(who, "Like", elm.server.addresses.note(post)))
    await settle(elm)
    assert there.of_kind("Announce") == []
    assert [entry.post.text for entry in await thread(elm, post, ana)] == ["I bring cake"]
    await follow(elm, there, "li")
    assert [one["object"]["actor"] for one in there.of_kind("Reject")] == [who, f"{there.base}/users/li"]
    gone = {"id": f"{who}/statuses/1", "type": "Tombstone"}
    await there.tell(elm, "/ap/inbox", there.said(who, "Delete", gone))
    await settle(elm)
    assert await thread(elm, post, ana) == [], "what is taken back is heard all the same"
    await elm.database.write(moderation.receive_visitors, by=ana, neighbourhood=elm.homes["Elm"], on=True)
    await follow(elm, there, "li")
    assert len(there.of_kind("Accept")) == 1


async def test_a_blocked_server_is_heard_no_more_and_its_followers_are_gone(street):
    elm, ana, there = street
    who, _ = await follow(elm, there)
    theirs = await elm.database.write(peers.propose, by=ana, host=there.host)
    await elm.database.write(peers.block, by=ana, peer_id=theirs)
    assert await rows(elm, FollowerTable, FollowerTable.id) == []
    reply = await there.tell(elm, "/ap/groups/elm/inbox", there.said(who, "Follow", group(elm)))
    assert reply.status == 403


async def test_a_visitors_answer_is_reported_and_hidden_and_stays_here(street):
    elm, ana, there = street
    nel = await elm.resident("Nel Stoep")
    who = there.person("mo")
    post = await say(elm, ana, "Street party on Sunday")
    await answer(elm, there, who, 1, "<p>Buy my things</p>", post)
    (visit,) = await thread(elm, post, nel)
    there.received.clear()
    await elm.database.write(moderation.report, by=nel, post_id=visit.post.id, reason=Reason.SPAM)
    await settle(elm)
    assert there.received == [], "who complains, and that somebody does, is nobody's business elsewhere"
    (found,) = await elm.database.read(moderation.open_reports, viewer=ana, neighbourhood=elm.homes["Elm"])
    assert found.post == visit.post.id
    await elm.database.write(moderation.hide, by=ana, post_id=visit.post.id)
    assert await thread(elm, post, nel) == []


async def test_what_was_hidden_before_it_went_does_not_go(street):
    elm, ana, there = street
    await follow(elm, there)
    there.received.clear()
    other = await elm.resident("Nel Stoep")
    post = await elm.database.write(posts.publish, by=other, text="Not this", audience=Audience.PUBLIC)
    await elm.database.write(moderation.hide, by=ana, post_id=post)
    await settle(elm)
    assert there.received == []


async def test_what_is_shown_again_goes_to_who_did_not_get_it(street):
    elm, ana, there = street
    await follow(elm, there)
    nel = await elm.resident("Nel Stoep")
    got = await say(elm, nel, "Street party on Sunday")
    missed = await elm.database.write(posts.publish, by=nel, text="Perhaps this", audience=Audience.PUBLIC)
    for act in (moderation.hide, moderation.restore):
        for post in (got, missed):
            await elm.database.write(act, by=ana, post_id=post)
        await settle(elm)
    notes = [elm.server.addresses.note(post) for post in (got, missed)]
    assert [one["object"] for one in there.of_kind("Announce")] == notes


async def test_a_resident_who_leaves_is_gone_there_too(street):
    elm, _, there = street
    await follow(elm, there)
    nel = await elm.resident("Nel Stoep")
    await say(elm, nel, "Street party on Sunday")
    await elm.database.write(help_requests.farewell, by=nel)
    await settle(elm)
    last = there.of_kind("Delete")[-1]
    assert last["object"] == last["actor"]
    assert last["actor"].startswith(f"{elm.server.addresses.base}/ap/people/")


async def test_who_keeps_the_machine_need_not_call_where_visitors_come_from(street):
    elm, ana, there = street
    await follow(elm, there)
    there.status[f"{there.base}/inbox"] = 503
    await say(elm, ana, "Street party on Sunday")
    assert await elm.database.read(standing.unreached) == []


async def test_a_neighbour_is_sent_to_before_any_stranger(street):
    elm, ana, there = street
    await follow(elm, there)
    await elm.database.write(posts.publish, by=ana, text="Street party", audience=Audience.PUBLIC)
    waiting = await rows(elm, DeliveryTable, DeliveryTable.peer, DeliveryTable.verb, DeliveryTable.state)
    assert [verb for _, verb, state in waiting if state == "waiting"] == ["follower.post"]
    assert await elm.database.read(peers.all_peers) == [], "where visitors come from is no place next door"


async def test_a_neighbourhood_has_room_for_so_many(street, monkeypatch):
    elm, _, there = street
    monkeypatch.setattr(visitors.service, "MOST_OF_A_HOST", 1)
    await follow(elm, there)
    await follow(elm, there, "li")
    assert [one["object"]["actor"] for one in there.of_kind("Reject")] == [f"{there.base}/users/li"]
