"""The city's list, as a clerk keeps it and as a neighbourhood reads it."""

import pytest

from fedhood.core import access, metrics, peers
from fedhood.core.access import Role
from fedhood.core.peers import Change, Listed, PeerState, Trust
from fedhood.kernel.settings import Profile, Settings
from tests.adapters.web.browser import Browser, site
from tests.adapters.web.test_pages_agreed import OTHER, form
from tests.adapters.web.test_pages_every import checked
from tests.adapters.web.test_pages_host import KNOWN, LETTERS, THEIRS, named, proof_of

__all__ = ["named"]  # the fixture

HERE = "elm.localhost:8080"
LIST = "/host/neighbours/list"


def letters_of(host: str, **more: str) -> dict[str, object]:
    base = f"https://{host}"
    return KNOWN | {
        "name": host.partition(".")[0].title(),
        "actor_uri": f"{base}/ap/instance",
        "inbox": f"{base}/ap/instance/inbox",
        "peer_inbox": f"{base}/ap/instance/peer-inbox",
        **more,
    }


def with_peer(database, host: str, trust: Trust, *groups: str) -> int:
    peer = database.transact(
        peers.asked,
        host=host,
        follow_uri=f"https://{host}/ap/activities/1",
        trust=trust,
        groups=[{"uri": f"https://{host}/ap/groups/{one}", "key": one, "name": one.title()} for one in groups],
        **letters_of(host),
    )
    database.transact(peers.confirm, by=None, peer_id=peer)
    return peer


# -- a clerk ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def clerk(running, clock, aiohttp_client, street) -> Browser:
    async def letters() -> str:
        return LETTERS

    running.transact(metrics.name_city, name="Gent")
    running.transact(access.give, account=street.eva.account, role=Role.CLERK, neighbourhood=None, by=None)
    settings = Settings(host=HERE, loopback_names=True, profile=Profile.CITY)
    client = await aiohttp_client(site(running, clock, settings, letters))
    return Browser(client).sign_in_as(running, street.eva)


async def test_a_clerk_puts_neighbourhoods_on_the_list_and_takes_them_off(street, clerk):
    await clerk.get(LIST)
    checked(clerk.text)
    assert "You know no neighbourhood yet." in clerk.words
    oak = with_peer(street.database, "oak.example", Trust.CITY, "oak")
    with_peer(street.database, "ash.example", Trust.CITY, "ash")
    await clerk.get("/host/neighbours")
    assert "The list that you publish" in clerk.words
    await clerk.get(LIST)
    assert clerk.words.count("Not on your list.") == 2
    await clerk.press(f"{LIST}/put", peer=str(oak))
    checked(clerk.text)
    assert (clerk.words.count("On your list."), clerk.words.count("Not on your list.")) == (1, 1)
    assert "http://elm.localhost:8080/ap/city/neighbourhoods" in clerk.words
    await clerk.press(f"{LIST}/put")
    assert clerk.words.count("On your list.") == 2
    await clerk.press(f"{LIST}/take", host="ash.example")
    assert "Not on your list." in clerk.words


async def test_what_changed_since_it_was_put_on_the_list_is_said(street, clerk):
    oak, ash = (with_peer(street.database, f"{name}.example", Trust.CITY, name) for name in ("oak", "ash"))
    await clerk.get(LIST)
    await clerk.press(f"{LIST}/put")
    street.database.transact(
        peers.key_seen_changed, peer_id=oak, multikey="zOther", public_key_pem="PEM", fingerprint=OTHER
    )
    street.database.transact(peers.end, by=None, peer_id=ash)
    await clerk.get(LIST)
    assert clerk.words.count("On your list, and nothing is agreed with them now.") == 2
    street.database.transact(peers.confirm_key, by=None, peer_id=oak, fingerprint=OTHER)
    await clerk.get(LIST)
    assert "On your list as it was. Something has changed since." in clerk.words
    await clerk.press(f"{LIST}/put", peer=str(oak))
    assert street.database.look(peers.published).entries[1].fingerprint == OTHER


@pytest.mark.parametrize("peer", ["x", "-1", "9" * 12])
async def test_a_form_that_is_none_puts_nobody_on_the_list(street, clerk, peer):
    with_peer(street.database, "oak.example", Trust.CITY)
    await clerk.get(LIST)
    await clerk.post(f"{LIST}/put", peer=peer)
    assert clerk.status == 422
    assert street.database.look(peers.published) is None


# -- a neighbourhood --------------------------------------------------------------------------------------------------


@pytest.fixture
def gent(street, named) -> int:
    return with_peer(street.database, "gent.example", Trust.CITY)


def says(street, clock, gent, *entries: tuple[str, str]) -> None:
    listed = [
        Listed(
            host=host,
            name=host.partition(".")[0].title(),
            actor_uri=f"https://{host}/ap/instance",
            fingerprint=letters,
            groups=(),
        )
        for host, letters in entries
    ]
    street.database.transact(
        peers.list_arrived,
        peer_id=gent,
        our_host=HERE,
        entries=listed,
        updated_at=clock.now(),
        digest=repr(entries) + str(clock.now()),
    )


async def test_without_a_city_there_is_no_list_to_follow(street, named):
    checked(await named.get(LIST))
    assert "As soon as you agreed with your city, you can follow its list here." in named.words
    await named.get("/host/neighbours")
    assert LIST not in named.text


async def test_a_list_is_followed_read_and_left_by_a_press_each(street, named, gent):
    await named.get("/host/neighbours")
    assert f'href="{LIST}"' in named.text
    await named.get(LIST)
    await named.press(f"{LIST}/follow", peer=str(gent), on="yes")
    checked(named.text)
    assert "It is about to be read." in named.words
    for reason, said in (
        ("no-list", "The city publishes no list."),
        ("list-older", "The city showed an older list than the one you know."),
        ("proof-signature", "The list was not signed by the city, or it cannot be read."),
    ):
        street.database.transact(peers.list_missed, peer_id=gent, reason=reason)
        await named.get(LIST)
        assert said in named.words
        assert reason not in named.text
    await named.press(f"{LIST}/read", peer=str(gent))
    await named.press(f"{LIST}/follow", peer=str(gent), on="no")
    assert street.database.look(peers.followed_lists) == []


async def test_who_joined_is_asked_by_a_press_and_by_nothing_else(street, named, gent, clock):
    street.database.transact(peers.follow_list, by=None, peer_id=gent)
    says(street, clock, gent, ("birch.example", OTHER))
    page = await named.get(LIST)
    checked(page)
    assert "Birch stands on the list of Gent. Ask them to be neighbours?" in named.words
    assert street.database.look(peers.by_host, "birch.example") is None
    await named.press(f"{LIST}/answer", **(form(page, "answer") | {"answer": "yes"}))
    assert "We are looking for them." in named.words
    birch = street.database.look(peers.by_host, "birch.example")
    street.database.transact(peers.found, peer_id=birch.id, **letters_of("birch.example", fingerprint=OTHER))
    checked(await named.get(f"/host/neighbours/{birch.id}"))
    assert "The list of Gent names the same letters. Call them all the same." in named.words
    street.database.transact(peers.found, peer_id=birch.id, **letters_of("birch.example", fingerprint=THEIRS))
    await named.get(f"/host/neighbours/{birch.id}")
    assert "The list of Gent names other letters. Do not press before you have called them." in named.words


async def test_no_is_heard_and_an_old_page_answers_nothing_twice(street, named, gent, clock):
    street.database.transact(peers.follow_list, by=None, peer_id=gent)
    says(street, clock, gent, ("birch.example", OTHER))
    fields = form(await named.get(LIST), "answer")
    for said in ("no", "yes"):
        await named.press(f"{LIST}/answer", **(fields | {"answer": said}))
        assert "There is nothing new to answer." in named.words
    assert street.database.look(peers.by_host, "birch.example") is None
    await named.post(f"{LIST}/answer", **(fields | {"change": "moved"}))
    assert named.status == 422


async def test_other_letters_are_shown_side_by_side_and_only_read(street, named, gent, clock):
    oak = with_peer(street.database, "oak.example", Trust.NEIGHBOUR, "oak")
    street.database.transact(peers.follow_list, by=None, peer_id=gent)
    says(street, clock, gent, ("oak.example", OTHER))
    page = await named.get(LIST)
    checked(page)
    assert "Oak stands on the list of Gent with other letters than those you know." in named.words
    for letters in (OTHER, THEIRS):
        assert letters.replace("-", " ").lower() in page
    await named.press(f"{LIST}/answer", **form(page, "answer"))
    assert "There is nothing new to answer." in named.words
    assert street.database.look(peers.get, oak).fingerprint == THEIRS


async def test_who_left_the_list_stays_a_neighbour_or_is_one_no_more(street, named, gent, clock):
    oak = with_peer(street.database, "oak.example", Trust.NEIGHBOUR, "oak")
    street.database.transact(peers.follow_list, by=None, peer_id=gent)
    says(street, clock, gent, ("oak.example", THEIRS))
    says(street, _Later(clock), gent)
    page = await named.get(LIST)
    checked(page)
    assert "Oak stands on the list of Gent no longer. " in named.words
    fields = form(page, "answer")
    assert (fields["change"], fields["answer"]) == (Change.LEFT.value, "no"), "the first button keeps them"
    await named.press(f"{LIST}/answer", **(fields | {"answer": "yes"}))
    assert street.database.look(peers.get, oak).state is PeerState.ENDED


class _Later:
    def __init__(self, clock) -> None:
        self._clock = clock

    def now(self):
        return self._clock.now().replace(microsecond=0).replace(second=59)


async def test_who_keeps_one_of_several_reads_the_list_and_answers_nothing(street, named, gent, clock):
    street.database.transact(peers.follow_list, by=None, peer_id=gent)
    says(street, clock, gent, ("birch.example", OTHER))
    street.database.transact(lambda uow: uow.db.execute_sql("DELETE FROM access_right WHERE neighbourhood IS NULL"))
    host = await street.browser(street.ana)
    page = await host.get(LIST)
    assert "Birch stands on the list of Gent." in host.words
    assert "<form" not in page.partition("<h1>")[2].partition("</main>")[0]
    proof = await proof_of(host)
    for what in ("follow", "read", "answer", "put", "take"):
        fields = {"peer": str(gent), "city": str(gent), "host": "birch.example", "change": "joined", "letters": OTHER}
        await host.post(f"{LIST}/{what}", csrf=proof, on="yes", answer="yes", **fields)
        assert host.status == 403
    assert street.database.look(peers.by_host, "birch.example") is None
