"""Who looks after the place: handed on, given back, told; two homes that are one; the rules of the house."""

import pytest

from fedhood.consequences import follow
from fedhood.core import access, households
from fedhood.core.access import Permission, Role
from tests.adapters.web.browser import Browser
from tests.adapters.web.test_pages_every import checked
from tests.support import people


@pytest.fixture(autouse=True)
def _whoever_it_concerns_is_told(consequences) -> None:
    consequences.then = follow


@pytest.fixture
async def host(street) -> Browser:
    return await street.browser(street.ana)


def looks_after(street, viewer) -> bool:
    return viewer.account in street.database.look(access.holders, Permission.MODERATE, street.elm)


async def entrust(street, host: Browser, viewer) -> None:
    await host.get(f"/host/people/{viewer.account}/entrust")
    await host.press(f"/host/people/{viewer.account}/entrust")


# --- Who looks after the place ----------------------------------------------------------------------------------------


async def test_a_moderator_lets_a_neighbour_look_after_the_place_after_reading_what_it_means(street, host):
    await host.get("/host/people")
    assert "Let Eva Stoep look after this place too" in host.words
    checked(await host.get(f"/host/people/{street.eva.account}/entrust"))
    assert "Eva Stoep can then do what you do for Elm: let homes in, help people back in" in host.words
    assert not looks_after(street, street.eva)
    await host.press(f"/host/people/{street.eva.account}/entrust")
    assert looks_after(street, street.eva)
    assert "eva-stoep looks after this place" in host.words
    assert "Eva Stoep no longer" in host.words
    eva = await street.browser(street.eva)
    page = await eva.get("/notifications")
    assert "Ana Dakkapel asks you to look after this place with them." in eva.words
    assert 'href="/host"' in page
    await eva.get("/host")
    assert eva.status == 200


async def test_pressed_twice_it_is_the_same(street, host):
    await entrust(street, host, street.eva)
    await host.press(f"/host/people/{street.eva.account}/entrust")
    assert (host.status, looks_after(street, street.eva)) == (200, True)
    for _ in range(2):
        await host.get(f"/host/people/{street.eva.account}/relieve")
        await host.press(f"/host/people/{street.eva.account}/relieve")
    assert (host.status, looks_after(street, street.eva)) == (200, False)


async def test_who_is_relieved_is_told_and_the_log_says_both(street, host):
    await entrust(street, host, street.eva)
    page = await host.get(f"/host/people/{street.eva.account}/relieve")
    checked(page)
    assert "Eva Stoep then reads no reports, hides nothing and lets nobody in any more" in host.words
    await host.press(f"/host/people/{street.eva.account}/relieve")
    eva = await street.browser(street.eva)
    await eva.get("/notifications")
    assert "Ana Dakkapel says that you look after this place no longer." in eva.words
    await host.get("/host/log")
    assert "Ana Dakkapel let Eva Stoep look after this place too." in host.words
    assert "Ana Dakkapel said that Eva Stoep looks after this place no longer." in host.words


async def test_one_gives_it_back_oneself(street, host):
    await entrust(street, host, street.eva)
    await host.get(f"/host/people/{street.ana.account}/relieve")
    assert "You stay a neighbour as before." in host.words
    await host.press(f"/host/people/{street.ana.account}/relieve")
    assert (host.status, looks_after(street, street.ana)) == (200, False)
    assert "You look after this place no longer. Thank you for having done it." in host.words
    eva = await street.browser(street.eva)
    await eva.get("/host/log")
    assert "Ana Dakkapel looks after this place no longer." in eva.words


async def test_the_last_one_reads_why_it_cannot_be_given_back(street, host):
    await host.get(f"/host/people/{street.ana.account}/relieve")
    page = await host.post(f"/host/people/{street.ana.account}/relieve")
    checked(page)
    assert (host.status, looks_after(street, street.ana)) == (409, True)
    assert "Somebody has to look after this place, and there is nobody else yet." in host.words


async def test_whoever_may_do_more_is_neither_relieved_nor_given_a_link(street, host):
    street.database.transact(access.give, account=street.eva.account, role=Role.MODERATOR, neighbourhood=None, by=None)
    for what in ("relieve", "link"):
        await host.get(f"/host/people/{street.eva.account}/{what}")
        checked(await host.post(f"/host/people/{street.eva.account}/{what}"))
        assert host.status == 403
        assert "Eva Stoep may do more here than you, so this is not yours to do." in host.words
    assert looks_after(street, street.eva)


async def test_nobody_of_another_neighbourhood_is_asked(street, host):
    for what in ("entrust", "relieve"):
        await host.get(f"/host/people/{street.bob.account}/{what}")
        assert host.status == 404
        await host.get("/host/people")
        await host.post(f"/host/people/{street.bob.account}/{what}")
        assert host.status == 404


async def test_who_a_link_was_made_for_is_told_by_whom(street, host):
    await host.get(f"/host/people/{street.eva.account}/link")
    await host.post(f"/host/people/{street.eva.account}/link")
    eva = await street.browser(street.eva)
    page = await eva.get("/notifications")
    assert "Ana Dakkapel made a link with which you could come in. If you did not ask for it, tell them." in eva.words
    assert 'href="/account#sessions"' in page
    await host.get("/host/log")
    assert "Ana Dakkapel made a link with which Eva Stoep can come in." in host.words


# --- Two homes are one ------------------------------------------------------------------------------------------------


async def choose(host: Browser, street, one, other) -> None:
    await host.get("/host/people")
    fields = {"place": str(street.elm), "one": str(one.account), "other": str(other.account)}
    await host.post("/host/people/homes", **fields)


async def test_two_who_live_together_become_one_home_after_a_second_look(street, host):
    kim = people.resident(street.database, "Kim Luifel", street.elm)
    await choose(host, street, street.eva, kim)
    checked(await host.get(host.headers["Location"]))
    assert "Eva Stoep and Kim Luifel live together" in host.words
    homes = [street.database.look(households.household_of, one.account) for one in (street.eva, kim)]
    assert homes[0] != homes[1]
    await host.press("/host/people/homes/merge", one=str(street.eva.account), other=str(kim.account))
    assert "They are one home from now on." in host.words
    assert street.database.look(households.household_of, kim.account) == homes[0]
    await host.get("/host/log")
    assert "Ana Dakkapel made the home where Eva Stoep lives one with another." in host.words


async def test_one_person_twice_and_one_home_twice_are_said_so(street, host):
    await choose(host, street, street.eva, street.eva)
    assert host.status == 422
    assert "Choose two different people." in host.words
    checked(host.text)
    both = {"one": str(street.ana.account), "other": str(street.eva.account)}
    await host.press("/host/people/homes/merge", **both)
    await host.post("/host/people/homes/merge", **both, csrf=host.proof)
    assert host.status == 409
    assert "They live in one home already." in host.words


async def test_nobody_of_another_neighbourhood_is_chosen(street, host):
    await choose(host, street, street.eva, street.bob)
    assert host.status == 404
    await host.get("/host/people")
    await host.post("/host/people/homes/merge", one=str(street.eva.account), other=str(street.bob.account))
    assert host.status == 404
    await host.get("/host/people/homes")
    assert (host.status, host.where) == (303, "/host/people")


# --- The first steps, and the rules -----------------------------------------------------------------------------------


async def test_the_first_page_of_a_moderator_shows_three_steps_and_the_rest(street, host):
    page = await host.get("/host")
    checked(page)
    first, then = page.split('id="then"')
    for path in ("/host/codes", "/host/people", "/host/neighbours"):
        assert f'href="{path}"' in first
    for path in ("/host/people", "/host/reports", "/host/log", "/host/rules"):
        assert f'href="{path}"' in then
    assert "Let somebody you trust come in with a code. Then find their name under People" in host.words


async def test_the_rules_that_a_moderator_writes_are_read_by_everybody(street, host):
    checked(await host.get("/host/rules"))
    await host.press("/host/rules", place=str(street.elm), rules="Be kind.\n\nNo fireworks.")
    assert "The rules are saved." in host.words
    assert "No fireworks." in host.text
    eva, bob = await street.browser(street.eva), await street.browser(street.bob)
    assert "<p>No fireworks.</p>" in await eva.get("/rules")
    assert "No fireworks." not in await bob.get("/rules")
    await host.get("/host/log")
    assert "Ana Dakkapel wrote the house rules anew." in host.words
    await host.get("/host/rules")
    await host.press("/host/rules", place=str(street.elm), rules="")
    await eva.get("/rules")
    assert "Speak as you would at the door." in eva.words


async def test_rules_that_are_too_long_come_back_and_those_of_another_place_are_not_written(street, host):
    await host.get("/host/rules")
    page = await host.post("/host/rules", place=str(street.elm), rules="x" * 5001)
    checked(page)
    assert host.status == 422
    assert "x" * 5001 in page
    await host.post("/host/rules", place=str(street.oak), rules="x")
    assert host.status == 404
