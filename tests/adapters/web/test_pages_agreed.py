"""An agreement that stands, as those who keep the place see and change it."""

import re
from datetime import timedelta

import pytest

from fedhood.core import neighbourhoods, notifications, peers
from fedhood.core.notifications import Kind
from fedhood.core.peers import PeerState, Trust
from tests.adapters.web.browser import Browser
from tests.adapters.web.test_pages_every import checked
from tests.adapters.web.test_pages_host import KNOWN, THEIRS, named, proof_of, they_agree

__all__ = ["named"]  # the fixture

LINDEN = "https://linden.example/ap/groups/linden"
PLANE = "https://linden.example/ap/groups/plane"
GROUPS = [{"uri": LINDEN, "key": "linden", "name": "Lindenquarter"}, {"uri": PLANE, "key": "plane", "name": "Planes"}]


@pytest.fixture
def linden(street, named) -> int:
    """Agreed with both ways; Lindenquarter reads Elm."""
    peer = street.database.transact(
        peers.asked,
        host="linden.example",
        follow_uri="https://linden.example/ap/activities/1",
        trust=Trust.NEIGHBOUR,
        groups=GROUPS,
        **KNOWN,
    )
    street.database.transact(peers.confirm, by=None, peer_id=peer, pairs=[(street.elm, LINDEN)])
    street.database.transact(they_agree, peer)
    return peer


def readers(street, writer):
    return [one.name for one in street.database.look(neighbourhoods.readers_of, writer) if one.peer is not None]


def form(page: str, action: str) -> dict[str, str]:
    """The fields of a form as they were shown, the ticked boxes among them."""
    body = re.search(rf'<form[^>]*action="[^"]*/{action}"[^>]*>(.*?)</form>', page, re.DOTALL).group(1)
    tags = re.findall(r"<input[^>]*>", body)
    shown = [tag for tag in tags if "checkbox" not in tag or " checked" in tag]
    found = {re.search(r'name="([^"]+)"', tag).group(1): re.search(r'value="([^"]*)"', tag).group(1) for tag in shown}
    return {name: value for name, value in found.items() if name != "csrf"}


async def test_who_reads_along_is_ticked_and_changed_for_each_neighbourhood_by_itself(street, named, linden):
    page = await named.get(f"/host/neighbours/{linden}")
    checked(page)
    assert "What Elm shows next door is read in Lindenquarter." in named.words
    fields = form(page, "readers")
    assert [value for name, value in fields.items() if name.startswith("reader-")] == [LINDEN]
    ticked = {name: value for name, value in fields.items() if not name.startswith("reader-")}
    await named.press(f"/host/neighbours/{linden}/readers", **ticked, **{f"reader-{street.elm}-1": PLANE})
    assert "What Elm shows next door is read in Planes." in named.words
    assert (readers(street, street.elm), readers(street, street.oak)) == (["Planes"], [])


async def test_what_was_changed_meanwhile_is_not_undone_by_an_old_page(street, named, linden):
    fields = form(await named.get(f"/host/neighbours/{linden}"), "readers")
    how = {"peer_id": linden, "writer": street.elm, "readers": [LINDEN, PLANE]}
    street.database.transact(peers.change_readers, by=None, **how)
    await named.post(f"/host/neighbours/{linden}/readers", writer=fields["writer"], was=fields["was"])
    assert named.status == 409
    assert readers(street, street.elm) == ["Lindenquarter", "Planes"]


@pytest.mark.parametrize("fields", [{}, {"writer": "x"}, {"writer": "1", "was": "-1"}, {"writer": "9" * 12}])
async def test_a_form_that_is_none_changes_nothing(street, named, linden, fields):
    await named.get(f"/host/neighbours/{linden}")
    await named.post(f"/host/neighbours/{linden}/readers", **fields)
    assert named.status in {409, 422, 400}
    assert readers(street, street.elm) == ["Lindenquarter"]


async def test_who_keeps_one_of_several_says_who_reads_that_one_alone(street, named, linden):
    host: Browser = await street.browser(street.ana)
    street.database.transact(_keeps_elm_alone, street)
    page = await host.get(f"/host/neighbours/{linden}")
    assert "Who reads what Elm shows next door?" in page
    assert "Who reads what Oak shows next door?" not in page
    assert "Only what is for everyone" not in page
    proof = await proof_of(host)
    await host.post(f"/host/neighbours/{linden}/readers", csrf=proof, writer=str(street.oak))
    assert host.status == 403
    await host.post(f"/host/neighbours/{linden}/less", csrf=proof)
    assert host.status == 403
    await host.post(f"/host/neighbours/{linden}/readers", csrf=proof, writer=str(street.elm), was="3")
    assert host.status == 303
    assert readers(street, street.elm) == []


def _keeps_elm_alone(uow, street) -> None:
    uow.db.execute_sql("DELETE FROM access_right WHERE neighbourhood IS NULL")


async def test_less_says_beforehand_what_it_means_and_more_again_needs_the_letters(street, named, linden):
    await named.get(f"/host/neighbours/{linden}")
    assert "What somebody takes back is told to them all the same." in named.words
    for _ in range(2):
        await named.press(f"/host/neighbours/{linden}/less")
    page = named.text
    checked(page)
    assert "You read of each other only what is for everyone." in named.words
    assert "Who reads what Elm shows next door?" not in page
    assert readers(street, street.elm) == []
    fields = form(page, "again")
    assert fields["letters"] == THEIRS
    await named.post(f"/host/neighbours/{linden}/again", **(fields | {"letters": "AAAA"}))
    assert named.status == 409
    await named.get(f"/host/neighbours/{linden}")
    chosen = {name: value for name, value in fields.items() if value != PLANE}
    await named.press(f"/host/neighbours/{linden}/again", **chosen)
    assert "You are neighbours." in named.words
    assert (readers(street, street.elm), readers(street, street.oak)) == (["Lindenquarter"], ["Lindenquarter"])


async def test_who_shows_us_less_is_said_in_words(street, named, linden):
    street.database.transact(they_agree, linden, Trust.FEDIVERSE)
    for path in ("/host/neighbours", f"/host/neighbours/{linden}"):
        await named.get(path)
        assert "You read of each other only what is for everyone." in named.words
    assert "Linden shows you only what is for everyone." in named.words
    assert "Neighbours again" not in named.words, "that is theirs to say"
    assert street.database.look(peers.get, linden).state is PeerState.AGREED


async def test_in_the_last_month_one_press_is_another_year(street, named, linden, clock):
    page = await named.get(f"/host/neighbours/{linden}")
    assert "You said yes until 24 November 2027." in named.words
    assert "Yes, for another year" not in page
    clock.move(timedelta(days=340))
    named.sign_in_as(street.database, street.ana)
    await named.get(f"/host/neighbours/{linden}")
    checked(named.text)
    assert "Until 24 November 2027" in named.words
    for _ in range(2):
        await named.press(f"/host/neighbours/{linden}/renew")
    assert "You said yes until 29 October 2028." in named.words
    assert "Their yes ends on 24 November 2027. They press on their side" in named.words


async def test_that_it_ends_soon_is_among_the_news_of_who_keeps_the_place(street, named, linden, clock):
    street.database.transact(notifications.tell, account=street.ana.account, kind=Kind.PEER_ENDING, object=linden)
    await named.get("/notifications")
    assert "What you agreed with another place ends within a month." in named.words
    assert f'href="/host/neighbours/{linden}"' in named.text


OTHER = "BBBB-CCCC-DDDD-EEEE-FFFF-GGGG"


def shows_other_letters(street, linden, letters=OTHER):
    street.database.transact(
        peers.key_seen_changed, peer_id=linden, multikey="zOther", public_key_pem="PEM", fingerprint=letters
    )


async def test_other_letters_are_shown_beside_those_that_were_compared_with_what_to_do(street, named, linden):
    shows_other_letters(street, linden)
    for path in ("/host/neighbours", f"/host/neighbours/{linden}"):
        checked(await named.get(path))
        assert "Their letters are in question. Call them." in named.words
    assert "Linden shows other letters than those you compared." in named.words
    assert OTHER.replace("-", " ").lower() in named.text
    assert THEIRS.replace("-", " ").lower() in named.text
    await named.post(f"/host/neighbours/{linden}/key", letters=THEIRS)
    assert named.status == 409
    await named.get(f"/host/neighbours/{linden}")
    await named.press(f"/host/neighbours/{linden}/look")
    for _ in range(2):
        await named.press(f"/host/neighbours/{linden}/key", letters=OTHER)
    assert "You are neighbours." in named.words
    assert THEIRS.replace("-", " ").lower() not in named.text


async def test_letters_that_came_back_are_still_asked_about_by_telephone(street, named, linden):
    shows_other_letters(street, linden)
    street.database.transact(peers.seen, peer_id=linden, name="Linden")
    page = await named.get(f"/host/neighbours/{linden}")
    assert "now it shows those again. That alone proves nothing." in named.words
    assert "Theirs, as you compared them" not in page
    assert form(page, "key")["letters"] == THEIRS


async def test_whoever_it_is_who_answers_there_it_can_be_ended_at_once(street, named, linden):
    shows_other_letters(street, linden)
    await named.get(f"/host/neighbours/{linden}")
    await named.press(f"/host/neighbours/{linden}/differ")
    assert "This has ended." in named.words


async def test_who_keeps_one_of_several_is_told_and_decides_nothing(street, linden):
    shows_other_letters(street, linden)
    street.database.transact(_keeps_elm_alone, street)
    host = await street.browser(street.ana)
    page = await host.get(f"/host/neighbours/{linden}")
    assert "Linden shows other letters than those you compared." in host.words
    assert "They match" not in page
    proof = await proof_of(host)
    for what in ("key", "look"):
        await host.post(f"/host/neighbours/{linden}/{what}", csrf=proof, letters=OTHER)
        assert host.status == 403


async def test_that_nobody_is_found_there_is_said_with_the_day(street, named, linden):
    street.database.transact(peers.missed, peer_id=linden, reason="unreachable")
    checked(await named.get(f"/host/neighbours/{linden}"))
    assert "Since 24 November nobody is found at their address." in named.words


async def test_somebody_else_under_a_known_address_is_said_to_be_somebody_else(street, named, linden):
    street.database.transact(peers.end, by=None, peer_id=linden)
    asked = {"host": "linden.example", "follow_uri": "https://linden.example/ap/activities/2", "groups": GROUPS}
    fresh = KNOWN | {"multikey": "zOther", "fingerprint": OTHER}
    street.database.transact(peers.asked, trust=Trust.NEIGHBOUR, **asked, **fresh)
    checked(await named.get(f"/host/neighbours/{linden}"))
    assert "Under this address there was somebody else whom you had agreed with" in named.words
    assert "They match" in named.words
