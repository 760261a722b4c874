"""Looking after the place: codes, links, neighbours, and the first hour."""

import re
from datetime import timedelta

import pytest

from fedhood.adapters.web.host_setup import new_set_up_token
from fedhood.core import access, neighbourhoods, peers
from fedhood.core.access import Role
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel.errors import Forbidden
from fedhood.kernel.settings import Settings
from tests.adapters.web.browser import PASSPHRASE, Browser, site
from tests.adapters.web.test_pages_every import checked


@pytest.fixture
async def host(street) -> Browser:
    return await street.browser(street.ana)


@pytest.mark.parametrize("path", ["/host", "/host/neighbours", "/host/codes", "/host/people"])
async def test_only_moderators_look_after_the_place(street, path):
    for viewer, status in ((None, 401), (street.eva, 403), (street.ana, 200)):
        browser = await street.browser(viewer)
        await browser.get(path)
        assert browser.status == status


async def test_the_passphrase_is_asked_once_more_after_an_hour(street, host, clock):
    street.database.transact(
        access.set_passphrase,
        account=street.ana.account,
        hash=access.hash_passphrase(PASSPHRASE),
        but=street.database.look(access.sessions_of, street.ana.account)[0].id,
    )
    clock.move(timedelta(hours=1, minutes=1))
    await host.get("/host/codes")
    assert (host.status, host.where) == (303, "/again?next=/host/codes")
    await host.get(host.where)
    await host.post("/again", passphrase="not this one", next="/host/codes")
    assert host.status == 422
    await host.press("/again", passphrase=PASSPHRASE, next="/host/codes")
    assert "How many homes?" in host.words


async def test_a_sheet_of_codes_is_shown_once_and_can_be_cancelled_whole(street, host):
    await host.get("/host/codes")
    await host.post("/host/codes", count="many")
    assert host.status == 422
    page = await host.post("/host/codes", count="3")
    codes = re.findall(r'class="code">([0-9A-Z]{5}-[0-9A-Z]{5})<', page)
    assert len(set(codes)) == 3
    await host.press(button(page, "cancel"))
    newcomer = await street.browser()
    await newcomer.get("/join")
    await newcomer.post("/join", code=codes[0])
    assert newcomer.status == 422


async def test_a_sheet_whose_page_is_loaded_anew_is_not_made_again(street, host):
    page = await host.get("/host/codes")
    known = re.search(r'name="known" value="([0-9]+)"', page).group(1)
    page = await host.post("/host/codes", count="3", known=known)
    assert "lang=" not in page.partition("<body>")[2]
    page = await host.post("/host/codes", count="3", known=known)
    assert host.status == 409
    assert "Sheet 1 has been made already, and its codes were shown once." in host.words
    assert "0 of 3 codes used" in host.words
    assert "Sheet 2" not in host.words
    known = re.search(r'name="known" value="([0-9]+)"', page).group(1)
    await host.post("/host/codes", count="3", known=known)
    assert (host.status, "Sheet 2, Elm" in host.words) == (200, True)


async def test_who_has_no_passphrase_reads_what_to_do_before_acting(street):
    host = await street.browser(street.ana, with_passphrase=False)
    await host.get("/host/codes")
    page = await host.get(host.where)
    assert "<h1>First choose a passphrase</h1>" in page
    assert "Choose one, and you come back here." in host.words
    assert 'href="/account?next=/host/codes#passphrase-card"' in page


def button(page: str, what: str) -> str:
    return re.search(rf'action="([^"]*/{what})"', page).group(1)


async def test_a_link_is_made_in_two_presses_and_signs_its_person_in(street, host):
    await host.get("/host/people")
    assert "Eva Stoep" in host.words
    assert "Bob Vensterbank" not in host.words
    await host.get(f"/host/people/{street.eva.account}/link")
    page = await host.post(f"/host/people/{street.eva.account}/link")
    path = re.search(r'class="code">http://[^/]+(/link/[^<]+)<', page).group(1)
    assert 'src="data:image/svg+xml' in page
    eva = await street.browser()
    await eva.get(path)
    await eva.press(path)
    assert "Eva Stoep" in eva.words


async def test_nobody_makes_a_link_for_somebody_of_another_neighbourhood(street, host):
    await host.get("/host/codes")
    proof = host.proof
    await host.post(f"/host/people/{street.bob.account}/link", csrf=proof)
    assert host.status == 404


async def test_two_neighbourhoods_of_this_house_agree_without_letters(street, host):
    page = await host.get("/host/neighbours")
    assert "What Elm shows next door is read in Oak." in host.words
    assert 'name="on" value="no"' in page
    await host.press("/host/neighbours/here", writer=str(street.elm), reader=str(street.oak), on="no")
    assert "What Elm shows next door is read nowhere yet." in host.words
    assert not street.database.look(neighbourhoods.may_read, writer=street.elm, reader=street.oak)
    await host.post("/host/neighbours/here", writer=str(street.oak), reader=str(street.elm), on="no")
    assert host.status == 403


# --- Next door --------------------------------------------------------------------------------------------------------

LETTERS = "UHF4-9KQM-2TZA-7WDE-C3PN-X8RB"
THEIRS = "ABCD-EFGH-IJKL-MNOP-QRST-UVWX"


@pytest.fixture
async def named(running, clock, aiohttp_client, street) -> Browser:
    """A server with a name, and Ana, who looks after all of it: it has more neighbourhoods than hers."""
    running.transact(access.give, account=street.ana.account, role=Role.MODERATOR, neighbourhood=None, by=None)

    async def letters() -> str:
        return LETTERS

    settings = Settings(host="elm.localhost:8080", loopback_names=True)
    client = await aiohttp_client(site(running, clock, settings, letters))
    return Browser(client).sign_in_as(running, street.ana)


KNOWN = {
    "name": "Linden",
    "actor_uri": "https://linden.example/ap/instance",
    "inbox": "https://linden.example/ap/instance/inbox",
    "shared_inbox": None,
    "peer_inbox": "https://linden.example/ap/instance/peer-inbox",
    "multikey": "zKey",
    "public_key_pem": "",
    "fingerprint": THEIRS,
    "capabilities": [],
}


async def test_a_pasted_address_is_looked_for_and_its_letters_are_read_aloud(street, named):
    await named.get("/host/neighbours")
    for wrong, said in (("no address", "not the address"), ("elm.localhost:8080", "your own address")):
        await named.post("/host/neighbours", host=wrong)
        assert named.status == 422
        assert said in named.words
        assert wrong in named.text
    await named.press("/host/neighbours", host="https://linden.example/about")
    assert "We are looking for them." in named.words
    (peer,) = street.database.look(peers.all_peers)
    street.database.transact(peers.found, peer_id=peer.id, **KNOWN)
    page = await named.get(f"/host/neighbours/{peer.id}")
    assert THEIRS.replace("-", " ").lower() in page
    assert LETTERS.replace("-", " ").lower() in page
    await named.press(f"/host/neighbours/{peer.id}/match", letters=THEIRS)
    assert "You pressed. We wait for them to press too." in named.words


async def test_an_address_at_which_nobody_answers_says_so_in_words_and_can_be_taken_away(street, named):
    await named.get("/host/neighbours")
    await named.press("/host/neighbours", host="lindne.example")
    (peer,) = street.database.look(peers.all_peers)
    for reason, said in (
        ("unreachable", "Nobody answers at this address. Is it written right?"),
        ("no-such-name", "There is no such address. Is it written right?"),
        ("certificate-lapsed", "The certificate of this address has run out. Whoever runs it must renew it."),
        ("certificate-unknown", "No safe connection could be made to this address."),
        ("too-large", "The answer from this address could not be understood."),
    ):
        street.database.transact(peers.not_found, peer_id=peer.id, reason=reason)
        for path in ("/host/neighbours", f"/host/neighbours/{peer.id}"):
            await named.get(path)
            assert f"{said} We go on trying." in named.words
            assert reason not in (await named.get(f"{path}?lang=nl"))
            await named.get(f"{path}?lang=en")
    await named.press(f"/host/neighbours/{peer.id}/differ")
    assert "lindne.example" not in named.words
    await named.press("/host/neighbours", host="lindne.example")
    assert "We are looking for them." in named.words


def they_agree(uow, peer_id: int, trust: Trust = Trust.NEIGHBOUR) -> None:
    year = uow.now + timedelta(days=365)
    peers.their_agreement(
        uow, peer_id=peer_id, trust=trust, scopes=peers.GRANTS[trust], pairs=[], valid_until=year, updated_at=uow.now
    )


async def test_who_asks_is_agreed_with_for_the_neighbourhoods_that_were_chosen(street, named):
    groups = [{"uri": "https://linden.example/ap/groups/linden", "key": "linden", "name": "Lindenquarter"}]
    peer_id = street.database.transact(
        peers.asked,
        host="linden.example",
        follow_uri="https://linden.example/ap/activities/1",
        trust=Trust.NEIGHBOUR,
        groups=groups,
        **KNOWN,
    )
    page = await named.get(f"/host/neighbours/{peer_id}")
    assert "They ask to be your neighbours." in named.words
    assert "Lindenquarter reads Elm" in named.words
    for nobody in ({}, {f"pair-{street.elm}-0": "https://ash.example/ap/groups/ash"}):
        await named.post(f"/host/neighbours/{peer_id}/match", letters=THEIRS, **nobody)
        assert named.status == 422
    await named.get(f"/host/neighbours/{peer_id}")
    field = re.search(rf'name="(pair-{street.elm}-0)"', page).group(1)
    await named.press(f"/host/neighbours/{peer_id}/match", letters=THEIRS, **{field: groups[0]["uri"]})
    assert "We wait for them to press too." in named.words
    street.database.transact(they_agree, peer_id)
    await named.get(f"/host/neighbours/{peer_id}")
    assert "You are neighbours." in named.words
    assert "What Elm shows next door is read in Lindenquarter." in named.words
    assert street.database.look(peers.get, peer_id).state is PeerState.AGREED
    await named.press(f"/host/neighbours/{peer_id}/differ")
    assert "This has ended." in named.words


async def test_letters_that_changed_while_they_were_read_are_not_agreed_to(street, named):
    await named.get("/host/neighbours")
    await named.press("/host/neighbours", host="linden.example")
    (peer,) = street.database.look(peers.all_peers)
    street.database.transact(peers.found, peer_id=peer.id, **KNOWN)
    await named.get(f"/host/neighbours/{peer.id}")
    await named.post(f"/host/neighbours/{peer.id}/match", letters=LETTERS)
    assert named.status == 409


async def test_who_looks_after_one_neighbourhood_of_several_agrees_for_none(street, named):
    await named.get("/host/neighbours")
    await named.press("/host/neighbours", host="linden.example")
    (peer,) = street.database.look(peers.all_peers)
    street.database.transact(peers.found, peer_id=peer.id, **KNOWN)
    street.database.transact(access.take, account=street.ana.account, role=Role.MODERATOR, neighbourhood=None)
    await named.get("/host/neighbours")
    assert "Only those who look after all of it agree with other places." in named.words
    page = await named.get(f"/host/neighbours/{peer.id}")
    assert "They match" not in page


# --- The first hour ---------------------------------------------------------------------------------------------------


async def test_an_empty_house_is_set_up_once_by_who_started_it(running, clock, aiohttp_client):
    browser = Browser(await aiohttp_client(site(running, clock)))
    assert "Nobody has moved in here yet." in await browser.get("/")
    token = running.transact(new_set_up_token)
    await browser.get("/setup/another")
    assert browser.status == 404
    page = await browser.get(f"/setup/{token}")
    assert f'href="/setup/{token}?lang=nl"' in page
    fields = {"place": "Elm", "name": "Odile", "language": "en", "passphrase": PASSPHRASE, "households": "1.450"}
    for wrong, where in (({"place": ""}, "place"), ({"name": ""}, "name"), ({"households": "many"}, "households")):
        await browser.post(f"/setup/{token}", **(fields | wrong))
        assert browser.status == 422
        assert f'id="{where}-error"' in browser.text
        assert running.look(neighbourhoods.ours) == []
    await browser.press(f"/setup/{token}", **fields)
    assert "Look after this place" in browser.words
    (elm,) = running.look(neighbourhoods.ours)
    assert (elm.name, elm.households) == ("Elm", 1450)
    await browser.get(f"/setup/{token}")
    assert browser.status == 404
    assert "This place is set up already." in browser.words
    await browser.post(f"/setup/{token}", csrf=await proof_of(browser), **fields)
    assert browser.status == 404
    assert "This place is set up already." in browser.words
    assert running.transact(new_set_up_token) is None


async def test_who_looks_after_one_of_several_neighbourhoods_does_not_choose_the_server_s_neighbours(street, host):
    await host.post("/host/neighbours", host="linden.example")
    assert host.status == 403


async def test_whoever_hears_that_the_passphrase_comes_first_is_led_back_after_choosing_one(street):
    host = await street.browser(street.ana, with_passphrase=False)
    await host.get("/host/codes")
    page = await host.get(host.where)
    await host.get(re.search(r'href="(/account\?next=[^"#]+)#', page).group(1))
    page = await host.post("/account/passphrase", passphrase="too short", next="/host/codes")
    assert 'name="next" value="/host/codes"' in page
    page = await host.get("/account?next=%2Fhost%2Fcodes&lang=en")
    assert 'href="/account?next=%2Fhost%2Fcodes&amp;lang=nl"' in page
    await host.get("/account?next=https://evil.example/")
    assert "evil" not in host.text
    await host.press("/account/passphrase", passphrase=PASSPHRASE, next="/host/codes")
    assert "How many homes?" in host.words
    await host.get("/account")
    assert 'name="next"' not in host.text


async def test_a_neighbour_that_asks_says_what_it_asks_to_be_before_anybody_agrees(street, named):
    asked = {"host": "linden.example", "follow_uri": "https://linden.example/ap/activities/1", "groups": []}
    peer = street.database.transact(peers.asked, trust=Trust.NEIGHBOUR, **asked, **KNOWN)
    checked(await named.get(f"/host/neighbours/{peer}"))
    assert "They ask to be a neighbour: each of you reads what the other shows next door." in named.words


async def test_a_city_that_asks_says_that_it_gets_figures_and_reads_nothing(street, named):
    asked = {"host": "linden.example", "follow_uri": "https://linden.example/ap/activities/1", "groups": []}
    peer = street.database.transact(peers.asked, trust=Trust.CITY, **asked, **KNOWN)
    checked(await named.get(f"/host/neighbours/{peer}"))
    assert "They ask to be your city. Compare the letters." in named.words
    assert "they get figures of each quarter, may write to you all, and read what you let them." in named.words
    assert "will read what yours show" not in named.words
    await named.press(f"/host/neighbours/{peer}/match", letters=THEIRS)
    street.database.transact(they_agree, peer, Trust.CITY)
    await named.get(f"/host/neighbours/{peer}")
    assert "This is the city. It gets figures, may write to you, and reads what you let it read." in named.words


async def test_somebody_who_is_never_to_ask_again_may_be_let_ask_later(street, named):
    asked = {"host": "linden.example", "follow_uri": "https://linden.example/ap/activities/1", "groups": []}
    peer = street.database.transact(peers.asked, trust=Trust.NEIGHBOUR, **asked, **KNOWN)
    page = await named.get(f"/host/neighbours/{peer}")
    assert '<details class="more"><summary>Never again</summary>' in page
    for _ in range(2):
        await named.press(f"/host/neighbours/{peer}/block")
    checked(named.text)
    assert "You hear nothing of them any more." in named.words
    assert "They match" not in named.words
    with pytest.raises(Forbidden):
        street.database.transact(peers.asked, trust=Trust.NEIGHBOUR, **asked, **KNOWN)
    for _ in range(2):
        await named.press(f"/host/neighbours/{peer}/unblock")
    assert "Let them ask again" not in named.words
    street.database.transact(peers.asked, trust=Trust.NEIGHBOUR, **asked, **KNOWN)
    await named.get(f"/host/neighbours/{peer}")
    assert "They match" in named.words


async def test_who_keeps_one_neighbourhood_of_several_blocks_nobody(street, host):
    asked = {"host": "linden.example", "follow_uri": "https://linden.example/ap/activities/1", "groups": []}
    peer = street.database.transact(peers.asked, trust=Trust.NEIGHBOUR, **asked, **KNOWN)
    page = await host.get(f"/host/neighbours/{peer}")
    assert "Never again" not in page
    await host.post(f"/host/neighbours/{peer}/block", csrf=(await proof_of(host)))
    assert host.status == 403


async def proof_of(browser: Browser) -> str:
    await browser.get("/compose")
    return browser.proof


async def test_the_questions_of_the_first_hour_say_all_that_is_wrong_at_once(running, clock, aiohttp_client):
    browser = Browser(await aiohttp_client(site(running, clock)))
    token = running.transact(new_set_up_token)
    await browser.get(f"/setup/{token}")
    page = await browser.post(f"/setup/{token}", place="", name="", households="0", passphrase="short")
    checked(page)
    assert browser.status == 422
    assert re.findall(r'<a href="#([a-z_]+)">', page) == ["place", "households", "name", "passphrase"]
