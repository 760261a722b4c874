"""Offers, answers and private words between two people of two servers, and who may not say them."""

import pytest

from fedhood.core import help_requests
from fedhood.core.help_requests import OfferState, State
from fedhood.core.help_requests.tables import HelpRequestTable, MessageTable, OfferTable, PrivateThreadTable
from fedhood.core.neighbourhoods.tables import PairTable
from fedhood.core.peers.tables import AgreementTable
from fedhood.core.relations.tables import BlockTable
from fedhood.kernel.engine import UnitOfWork
from tests.adapters.activitypub import next_door
from tests.adapters.activitypub.arriving import Here, here, know, letter, proved
from tests.support.people import viewer

ELM, OAK = "https://elm.example/ap/groups/elm", "https://oak.example/ap/groups/oak"
ALICE = f"https://elm.example/ap/people/{next_door.ALICE}"
BOB = f"https://oak.example/ap/people/{next_door.BOB}"
ROL = f"https://oak.example/ap/people/{next_door.ROL}"
HELP = "https://elm.example/ap/notes/01JDHELP"
AGREEMENT = "https://elm.example/ap/agreements/01JDAGR"
OFFER = "https://oak.example/ap/activities/01JDOFFER"


# -- the request is ours: elm ------------------------------------------------------------------------------------------


@pytest.fixture
def elm(running) -> Here:
    place = here(running, "elm")
    running.transact(next_door.add_request, 7001, place.world)
    return place


def offered(place: Here) -> dict:
    return letter("21", **{HELP: place.note(7001)})


def accept(place: Here) -> help_requests.PrivateThread:
    """Alice chooses Bob."""
    (offer,) = place.rows(OfferTable)
    world = place.world
    alice = place.database.look(viewer, world.alice, world.elm)
    thread = place.database.transact(help_requests.accept, by=alice, offer_id=offer.id)
    return place.database.look(help_requests.thread_row, thread)


async def test_a_neighbour_next_door_offers_help(elm) -> None:
    assert await elm.arrive(proved(offered(elm))) == "understood"
    (offer,) = elm.rows(OfferTable)
    assert (offer.helper, offer.neighbourhood, offer.request) == (elm.world.bob, elm.world.oak, 7001)
    assert (offer.text, offer.state, offer.uri) == ("I can drive you, leaving 8:30.", "waiting", OFFER)


async def test_an_offer_that_comes_twice_is_one_offer(elm) -> None:
    await elm.arrive(proved(offered(elm)))
    uri = offered(elm)["id"]
    elm.database.transact(_forget_arrivals)
    await elm.arrive(proved(offered(elm)))
    assert [one.uri for one in elm.rows(OfferTable)] == [uri]


def _forget_arrivals(uow: UnitOfWork) -> None:
    uow.db.execute_sql("DELETE FROM inbound")


async def test_an_offer_is_taken_back(elm) -> None:
    await elm.arrive(proved(offered(elm)))
    assert await elm.arrive(proved(letter("26b"))) == "understood"
    assert elm.rows(OfferTable)[0].state == OfferState.WITHDRAWN


async def test_an_offer_that_is_taken_back_before_it_came_is_none(elm) -> None:
    taken_back = proved(letter("26b"))
    assert await elm.arrive(taken_back) == "understood"
    assert await elm.arrive(proved({**offered(elm), "id": taken_back["object"]["id"]})) == "understood"
    assert elm.rows(OfferTable) == []


async def test_an_offer_to_a_request_that_is_not_here_waits(elm) -> None:
    assert await elm.arrive(proved(letter("21", **{HELP: elm.note(7999)}))) == "parked orphan"


async def test_the_chosen_helper_drops_out_and_the_request_is_open_again(elm) -> None:
    await elm.arrive(proved(offered(elm)))
    accept(elm)
    assert elm.rows(HelpRequestTable)[0].state == State.CLAIMED
    await elm.arrive(proved(letter("26b")))
    assert elm.rows(HelpRequestTable)[0].state == State.OPEN


async def test_the_helper_speaks_in_private(elm) -> None:
    await elm.arrive(proved(offered(elm)))
    thread = accept(elm)
    ours = elm.federation.addresses.agreement(str(thread.id))
    assert await elm.arrive(proved(letter("29b", **{AGREEMENT: ours}))) == "understood"
    (message,) = elm.rows(MessageTable)
    assert (message.author, message.thread, message.part) == (elm.world.bob, thread.id, "")
    assert message.text.startswith("I will be there at half past eight")


async def test_a_helper_hands_over_no_note(elm) -> None:
    await elm.arrive(proved(offered(elm)))
    ours = elm.federation.addresses.agreement(str(accept(elm).id))
    forged = letter("29b", **{AGREEMENT: ours})
    forged["object"]["fhPart"] = "note"
    assert (await elm.arrive(proved(forged))).startswith("refused")
    assert elm.rows(MessageTable) == []


async def test_nobody_but_the_two_speaks_in_private(elm) -> None:
    await elm.arrive(proved(offered(elm)))
    ours = elm.federation.addresses.agreement(str(accept(elm).id))
    forged = letter("29b", **{AGREEMENT: ours, BOB: ROL})
    assert await elm.arrive(proved(forged)) == "refused author"


async def test_words_under_an_agreement_that_is_not_here_wait(elm) -> None:
    assert await elm.arrive(proved(letter("29b"))) == "parked orphan"


async def test_who_was_blocked_offers_nothing_and_is_not_told(elm) -> None:
    world = elm.world
    elm.database.transact(
        lambda uow: BlockTable.insert(account=world.alice, other=world.bob, at=uow.now).execute(uow.db)
    )
    assert await elm.arrive(proved(offered(elm))) == "understood"
    assert elm.rows(OfferTable) == []


async def _refused(place: Here, activity: dict, code: str) -> None:
    assert await place.arrive(proved(activity)) == f"refused {code}"
    assert place.rows(OfferTable) == []


async def test_an_offer_for_another_asker_is_refused(elm) -> None:
    eve = elm.database.transact(next_door.add_person, "01JDEVE", elm.world.elm)
    assert eve
    await _refused(elm, offered(elm) | {"to": ["https://elm.example/ap/people/01JDEVE"]}, "recipient")


async def test_an_offer_to_more_than_one_is_refused(elm) -> None:
    await _refused(elm, offered(elm) | {"to": [ALICE, BOB]}, "addressed")


async def test_an_offer_with_a_copy_to_others_is_refused(elm) -> None:
    await _refused(elm, offered(elm) | {"cc": [ELM]}, "addressed")


async def test_an_offer_of_another_scope_is_refused(elm) -> None:
    await _refused(elm, offered(elm) | {"fhScope": "neighbours"}, "scope")


async def test_an_offer_in_the_name_of_another_servers_neighbourhood_is_refused(elm) -> None:
    await _refused(elm, offered(elm) | {"fhFrom": ELM}, "origin")


async def test_an_offer_from_a_neighbourhood_that_was_not_told_is_refused(elm) -> None:
    elm.database.transact(next_door.add_place, "ash", peer=elm.world.peer, base=elm.theirs)
    await _refused(elm, offered(elm) | {"fhFrom": "https://oak.example/ap/groups/ash"}, "not-a-place")


async def test_an_offer_from_a_neighbourhood_that_is_paired_no_more_is_refused(elm) -> None:
    elm.database.transact(lambda uow: PairTable.delete().execute(uow.db))
    await _refused(elm, offered(elm), "not-paired")


async def test_an_offer_without_the_grant_for_private_words_is_refused(elm) -> None:
    elm.database.transact(lambda uow: AgreementTable.update(scopes=["neighbours"]).execute(uow.db))
    await _refused(elm, offered(elm), "scope-not-granted")


async def test_nobody_takes_back_what_another_offered(elm) -> None:
    await elm.arrive(proved(offered(elm)))
    forged = letter("26b") | {"actor": ROL}
    assert await elm.arrive(proved(forged)) == "refused author"
    forged["object"]["actor"] = ROL
    assert await elm.arrive(proved(forged | {"id": f"{OFFER}-again"})) == "refused author"
    assert elm.rows(OfferTable)[0].state == OfferState.WAITING


# -- the request is next door's: oak -----------------------------------------------------------------------------------


@pytest.fixture
async def oak(running) -> Here:
    place = here(running, "oak")
    assert await place.arrive(proved(letter("20"))) == "understood"
    return place


def offer_of_bob(place: Here) -> int:
    (request,) = place.rows(HelpRequestTable)
    bob = place.database.look(viewer, place.world.bob, place.world.oak)
    return place.database.transact(help_requests.offer, by=bob, request_id=request.post, text="I can drive.")


def answered(place: Here, number: str, offer: int, **names: str) -> dict:
    theirs = {OFFER + "2": OFFER, ROL: BOB, OFFER: place.federation.addresses.activity(f"offer-{offer}")}
    return letter(number, **theirs, **names)


async def test_the_asker_next_door_chooses_our_resident(oak) -> None:
    offer = offer_of_bob(oak)
    assert await oak.arrive(proved(answered(oak, "22", offer))) == "understood"
    assert oak.rows(OfferTable)[0].state == OfferState.ACCEPTED
    (thread,) = oak.rows(PrivateThreadTable)
    assert (thread.uri, thread.asker, thread.helper) == (AGREEMENT, oak.world.alice, oak.world.bob)
    assert await oak.arrive(proved(letter("29a"))) == "understood"
    (note,) = oak.rows(MessageTable)
    assert (note.part, note.author) == ("note", oak.world.alice)
    assert note.text.startswith("Elm Street 12, ring twice.")
    assert await oak.arrive(proved(letter("26"))) == "understood"
    assert oak.rows(PrivateThreadTable)[0].ended_at is not None


async def test_the_asker_next_door_says_no(oak) -> None:
    offer = offer_of_bob(oak)
    assert await oak.arrive(proved(answered(oak, "23", offer))) == "understood"
    (kept,) = oak.rows(OfferTable)
    assert (kept.state, kept.reason) == (OfferState.REFUSED, "declined")


async def test_the_asker_next_door_lets_our_resident_go(oak) -> None:
    offer = offer_of_bob(oak)
    await oak.arrive(proved(answered(oak, "22", offer)))
    await oak.arrive(proved(answered(oak, "23", offer)))
    (kept,) = oak.rows(OfferTable)
    assert (kept.state, kept.reason) == (OfferState.REFUSED, "released")


async def test_an_answer_to_an_offer_that_is_not_here_waits(oak) -> None:
    assert await oak.arrive(proved(answered(oak, "22", 4242))) == "parked orphan"


async def test_nobody_but_the_asker_answers(oak) -> None:
    offer = offer_of_bob(oak)
    eve = "https://elm.example/ap/people/01JDEVE"
    oak.database.transact(know, oak.world.peer, eve)
    assert await oak.arrive(proved(answered(oak, "22", offer, **{ALICE: eve}))) == "refused author"
    assert oak.rows(OfferTable)[0].state == OfferState.WAITING


async def test_an_answer_for_somebody_else_than_the_helper_is_refused(oak) -> None:
    offer = offer_of_bob(oak)
    wrong = answered(oak, "22", offer) | {"to": [ROL]}
    assert await oak.arrive(proved(wrong)) == "refused recipient"


async def test_an_agreement_about_another_request_is_refused(oak) -> None:
    offer = offer_of_bob(oak)
    wrong = answered(oak, "22", offer, **{HELP: "https://elm.example/ap/notes/other"})
    assert await oak.arrive(proved(wrong)) == "refused request-unknown"


async def test_an_agreement_of_another_server_is_refused(oak) -> None:
    offer = offer_of_bob(oak)
    wrong = answered(oak, "22", offer, **{AGREEMENT: "https://pine.example/ap/agreements/1"})
    assert await oak.arrive(proved(wrong)) == "refused origin"


async def test_the_word_that_help_came_is_the_askers_alone(oak) -> None:
    offer = offer_of_bob(oak)
    await oak.arrive(proved(answered(oak, "22", offer)))
    eve = "https://elm.example/ap/people/01JDEVE"
    oak.database.transact(know, oak.world.peer, eve)
    assert await oak.arrive(proved(letter("26", **{ALICE: eve}))) == "refused author"
    assert oak.rows(PrivateThreadTable)[0].ended_at is None


@pytest.mark.parametrize("order", [("25", "26"), ("26", "25")], ids="-".join)
async def test_how_it_ended_is_known_whichever_is_heard_first(oak, order) -> None:
    offer = offer_of_bob(oak)
    await oak.arrive(proved(answered(oak, "22", offer)))
    assert [await oak.arrive(proved(letter(number))) for number in order] == ["understood"] * 2
    (request,) = oak.rows(HelpRequestTable)
    assert (request.state, request.outcome) == ("resolved", "with-neighbour")


async def test_a_direct_letter_says_its_scope_inside_too(oak) -> None:
    offer = offer_of_bob(oak)
    await oak.arrive(proved(answered(oak, "22", offer)))
    for spoil in ({"fhScope": "neighbours"}, {"to": [ROL]}, {"cc": [ELM]}):
        wrong = letter("29a")
        wrong["id"] += next(iter(spoil))
        wrong["object"] |= spoil
        assert await oak.arrive(proved(wrong)) == "refused addressed"
    assert oak.rows(MessageTable) == []
