"""Two servers become neighbours: what is said, and how it is understood."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from fedhood.adapters.activitypub import actors, groups, keys, outbox, peering, resting
from fedhood.adapters.activitypub.handlers.contract import Context
from fedhood.adapters.activitypub.handlers.peering import PEERING
from fedhood.adapters.activitypub.saying import Saying
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import neighbourhoods, peers
from fedhood.core.neighbourhoods.tables import NeighbourhoodTable
from fedhood.core.peers import Peer, PeerAsked, PeerAskedAgain, PeerEnded, PeerFound, PeerState, Trust
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.kernel.clock import instant, milliseconds
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import Conflict, FedhoodError, Forbidden, Invalid, NotFound, RemoteFailure
from fedhood.kernel.jobs import JobTable
from fedhood.kernel.urls import Addresses
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.elm_server import GROUP, Elm, asking_as_oak, serving_elm
from tests.adapters.activitypub.next_door import World, build, deliveries
from tests.adapters.activitypub.shapes import secrets, shape
from tests.adapters.activitypub.test_actors import keep_keys
from tests.support.clocks import NOON, FakeClock
from tests.support.consequences import Consequences

ELM, OAK, CITY = (Addresses(f"https://{host}.example") for host in ("elm", "oak", "city"))
SECRETS = {ELM.base: "elm_instance", OAK.base: "oak_instance", CITY.base: "city_instance"}
Document = dict[str, Any]


# -- what is said ------------------------------------------------------------------------------------------------------


def recorded(number: str) -> Document:
    document = golden.document(number)
    return {name: document[name] for name in document if name != "proof"}


def said(database: Database, world: World, order: Callable[..., None], key: str) -> Document:
    """What the instance says when this is ordered, by the recorded id."""
    database.transact(order, peer_id=world.peer)
    delivery = database.look(deliveries)[-1]
    made_key, saying = peering.SAYINGS[delivery.verb](database.look(lambda db: db), world.addresses, delivery)
    assert isinstance(saying, Saying)
    assert (saying.actor, saying.inner) == (actors.INSTANCE, None)
    assert saying.document["id"] == world.addresses.activity(made_key)
    assert saying.document["published"] == instant(NOON)
    return {**saying.document, "id": world.addresses.activity(key)}


def home(database: Database, here: str) -> World:
    world = build(database, here)
    database.transact(keep_keys, actors.INSTANCE, f"{here}_instance")
    follow = f"{OAK.base}/ap/activities/01JDPEER"
    database.transact(lambda uow: PeerTable.update(their_follow_uri=follow).execute(uow.db))
    return world


def agree(uow: UnitOfWork, **values: Any) -> None:
    AgreementTable.update(**values).where(AgreementTable.ours).execute(uow.db)


@pytest.fixture
def elm(database: Database) -> World:
    return home(database, "elm")


@pytest.fixture
def oak(database: Database) -> World:
    return home(database, "oak")


def without_moments(document: Document) -> Document:
    plain = deepcopy(document)
    del plain["published"]
    for part in (plain.get("result", {}), plain["object"]):
        if isinstance(part, dict):
            part.pop("fhValidUntil", None)
            part.pop("updated", None)
    return plain


def test_we_ask_as_recorded(database: Database, oak: World) -> None:
    made = said(database, oak, outbox.peer_found, "01JDPEER")
    assert without_moments(made) == without_moments(recorded("50"))


def test_a_city_and_who_belongs_to_it_ask_as_recorded(database: Database, oak: World) -> None:
    database.transact(lambda uow: PeerTable.update(trust="city").execute(uow.db))
    theirs = said(database, oak, outbox.peer_found, "01JDSUB")
    assert theirs["fhPeering"].pop("fhNeighbourhoods") == ["https://oak.example/ap/groups/oak"]
    database.transact(lambda uow: NeighbourhoodTable.delete().execute(uow.db))
    for made in (theirs, said(database, oak, outbox.peer_found, "01JDSUB")):
        assert shape(made) == shape(recorded("55"))
        assert made["fhPeering"]["fhRequestedTrust"] == "city"


def test_we_agree_as_recorded(database: Database, elm: World) -> None:
    made = said(database, elm, outbox.peer_agreed, "01JDPEER-accept")
    assert without_moments(made) == without_moments(recorded("51"))
    assert shape(made) == shape(recorded("51"))


def test_we_agree_with_a_city_as_recorded(database: Database, elm: World) -> None:
    database.transact(lambda uow: PeerTable.update(trust="city").execute(uow.db))
    database.transact(agree, trust="city", scopes=["public", "city", "aggregate", "direct"], pairs=[])
    made = said(database, elm, outbox.peer_agreed, "01JDSUB-accept")
    assert shape(made) == shape(recorded("56"))
    for name in ("fhGrantedTrust", "fhGrantedScopes", "fhPairs", "fhKeyFingerprint"):
        assert made["result"][name] == recorded("56")["result"][name]


def test_we_refuse_as_recorded(database: Database, elm: World) -> None:
    made = said(database, elm, outbox.peer_rejected, "01JDPEER-reject")
    assert without_moments(made) == without_moments(recorded("52"))


def test_we_grant_less_as_recorded(database: Database, elm: World) -> None:
    database.transact(lambda uow: AgreementTable.update(updated_at=NOON).execute(uow.db))
    database.transact(peers.grant, by=None, peer_id=elm.peer, trust=Trust.FEDIVERSE)
    made = said(database, elm, outbox.peer_changed, "01JDPEER-downgrade")
    assert made["object"]["updated"] == instant(NOON + timedelta(seconds=1)), "later than what it replaces"
    assert without_moments(made) == without_moments(recorded("53"))
    assert shape(made) == shape(recorded("53"))


def test_we_name_other_pairs_as_recorded(database: Database, elm: World) -> None:
    birch = database.transact(neighbourhoods.create, name="Birch", key="birch")
    uri = f"{OAK.base}/ap/groups/oak"
    database.transact(peers.change_readers, by=None, peer_id=elm.peer, writer=birch, readers=[uri])
    made = said(database, elm, outbox.peer_changed, "01JDPEER-pairs")
    made["object"]["fhPairs"].sort(key=lambda pair: pair["fhFrom"], reverse=True)
    assert without_moments(made) == without_moments(recorded("53b"))


def test_we_take_our_asking_back_as_recorded(database: Database, oak: World) -> None:
    asked = said(database, oak, outbox.peer_found, "x")
    follow = peering.our_follow(database.look(lambda db: db), OAK, database.look(peers.get, oak.peer))
    database.transact(lambda uow: DeliveryTable.update(state="done").execute(uow.db))
    made = said(database, oak, outbox.peer_ended, "01JDPEER-undo")
    assert made["object"]["id"] == follow != asked["id"]
    made["object"]["id"] = recorded("54")["object"]["id"]
    assert without_moments(made) == without_moments(recorded("54"))


def test_an_asking_that_never_left_is_not_taken_back(database: Database, oak: World) -> None:
    said(database, oak, outbox.peer_found, "x")
    database.transact(resting.drop_all, peer_id=oak.peer)
    with pytest.raises(NotFound):
        said(database, oak, outbox.peer_ended, "x")


def test_who_was_never_asked_is_told_nothing_of_it(database: Database, oak: World) -> None:
    with pytest.raises(NotFound):
        said(database, oak, outbox.peer_ended, "x")


def test_what_is_agreed_no_more_is_not_said(database: Database, elm: World) -> None:
    database.transact(peers.ended, peer_id=elm.peer)
    for order in (outbox.peer_agreed, outbox.peer_changed, outbox.peer_rejected):
        with pytest.raises(NotFound):
            said(database, elm, order, "x")


def test_asking_twice_is_two_askings_and_saying_one_twice_is_the_same(database: Database, oak: World) -> None:
    db = database.look(lambda db: db)
    for _ in range(2):
        database.transact(outbox.peer_found, peer_id=oak.peer)
    ids = [peering.follow(db, OAK, delivery)[0] for delivery in database.look(deliveries)]
    at = milliseconds(NOON)
    assert ids == [f"peer-follow-elm.example-1-1-{at}", f"peer-follow-elm.example-1-2-{at}"]
    assert peering.follow(db, OAK, database.look(deliveries)[1])[0] == ids[1]


# -- how it is understood ----------------------------------------------------------------------------------------------


def introduction(database: Database, addresses: Addresses) -> Document:
    pair = secrets(SECRETS[addresses.base])
    return database.look(actors.document, addresses, actors.INSTANCE, pair, pair, NOON)


def understood(database: Database, here: Addresses, activity: Document, **also: Any) -> None:
    """What the worker does with an activity whose signer is known and whose proof holds."""
    signer: str = also.pop("signer", activity["actor"])
    peer: Peer | None = database.look(peers.by_host, Addresses(signer).host)
    about = activity["object"]
    handler = PEERING[activity["type"], about["type"] if isinstance(about, dict) else ""]
    handler.verify(activity)
    fetched: dict[str, Document] = {}
    for uri in handler.needs(activity):
        base = uri.removesuffix("/ap/instance")
        fetched[uri] = also.get("document") or introduction(database, Addresses(base))
    context = Context(activity=activity, peer=peer, signer_uri=signer, scoped=False, addresses=here, fetched=fetched)
    database.transact(handler.receive, context)


def refused(database: Database, here: Addresses, activity: Document, **also: Any) -> str:
    with pytest.raises(FedhoodError) as refusal:
        understood(database, here, activity, **also)
    return refusal.value.code


def peer_of(database: Database, host: str = "oak.example") -> Peer:
    peer = database.look(peers.by_host, host)
    assert peer is not None
    return peer


@pytest.fixture
def alone(database: Database) -> Iterator[Database]:
    """Elm, before it knows anybody."""
    database.transact(neighbourhoods.create, name="Elm District", key="elm")
    return database


def test_a_stranger_that_asks_is_kept_with_its_letters(alone: Database, consequences: Consequences) -> None:
    understood(alone, ELM, golden.document("50"))
    peer = peer_of(alone)
    assert (peer.state, peer.trust) == (PeerState.ASKED_US, Trust.NEIGHBOUR)
    assert peer.actor_uri == OAK.instance
    assert peer.peer_inbox == OAK.peer_inbox
    assert peer.fingerprint == "PGQH-Y4DO-SPJ2-EOBH-GFZN-RKET"
    assert peer.multikey == golden.test_key("oak_instance")["ed25519_public_multibase"]
    assert peer.their_follow_uri == golden.document("50")["id"]
    assert peer.offered_groups == [{"uri": f"{OAK.base}/ap/groups/oak", "key": "oak", "name": "Oak"}]
    assert [type(fact) for fact in consequences.facts] == [PeerAsked]


def test_a_city_that_asks_is_kept_as_a_city(alone: Database) -> None:
    understood(alone, ELM, golden.document("55"))
    peer = peer_of(alone, "city.example")
    assert (peer.trust, peer.offered_groups) == (Trust.CITY, [])


def test_who_asks_again_after_we_agreed_is_answered_again(
    database: Database, elm: World, consequences: Consequences
) -> None:
    document = introduction(database, OAK)
    key = document["assertionMethod"][0]["publicKeyMultibase"]
    database.transact(lambda uow: PeerTable.update(confirmed_at=uow.now, multikey=key).execute(uow.db))
    understood(database, ELM, golden.document("50"))
    assert [type(fact) for fact in consequences.facts] == [PeerAskedAgain]


def test_a_neighbourhood_keeps_the_name_that_we_know(database: Database, elm: World) -> None:
    database.transact(lambda uow: NeighbourhoodTable.update(name="Oak Hill").execute(uow.db))
    understood(database, ELM, golden.document("50"))
    assert [group["name"] for group in peer_of(database).offered_groups or []] == ["Oak Hill"]


def change_proposal(**values: Any) -> Document:
    activity = golden.document("50")
    activity["fhPeering"].update(values)
    return activity


@pytest.mark.parametrize(
    ("activity", "code"),
    [
        (change_proposal(type="PeeringAgreement"), "peering-kind"),
        (change_proposal(fhRequestedTrust="blocked"), "peering-trust"),
        (change_proposal(fhRequestedTrust=["city"]), "peering-trust"),
        (change_proposal(fhPeerInbox="https://evil.example/inbox"), "origin"),
        (change_proposal(fhPeerInbox=f"{OAK.base}/other"), "peering-inbox"),
        (change_proposal(fhKeyFingerprint="AAAA-AAAA-AAAA-AAAA-AAAA-AAAA"), "fingerprint"),
        (change_proposal(fhNeighbourhoods=[f"{ELM.base}/ap/groups/elm"]), "origin"),
        (change_proposal(fhNeighbourhoods=[f"{OAK.base}/ap/groups/<b>"]), "peering-groups"),
        (change_proposal(fhNeighbourhoods=[1]), "peering-groups"),
        (change_proposal(fhNeighbourhoods=[f"{OAK.base}/ap/groups/{n}" for n in range(101)]), "peering-groups"),
        ({**golden.document("50"), "object": CITY.instance}, "peering-object"),
        ({**golden.document("50"), "id": f"{CITY.base}/ap/activities/1"}, "origin"),
        ({**golden.document("50"), "fhPeering": "city"}, "peering-kind"),
    ],
)
def test_an_asking_that_contradicts_itself_is_refused(activity: Document, code: str, alone: Database) -> None:
    assert refused(alone, ELM, activity) == code
    assert alone.look(peers.all_peers) == []


def test_a_server_that_does_not_keep_to_scopes_is_refused(alone: Database) -> None:
    document = {**introduction(alone, OAK), "implements": []}
    assert refused(alone, ELM, golden.document("50"), document=document) == "not-fedhood"


def test_a_blocked_server_is_not_heard(database: Database, elm: World) -> None:
    database.transact(lambda uow: PeerTable.update(trust="blocked").execute(uow.db))
    assert refused(database, ELM, golden.document("50")) == "blocked"
    assert refused(database, ELM, golden.document("54")) == "peering-required"


# Oak's side: it asked, Elm answers


def waiting_oak(database: Database, world: World, *, state: str = "found") -> None:
    document = introduction(database, ELM)
    multikey = document["assertionMethod"][0]["publicKeyMultibase"]
    fingerprint = keys.fingerprint(ELM.instance, multikey)
    database.transact(lambda uow: AgreementTable.delete().execute(uow.db))
    database.transact(
        lambda uow: PeerTable.update(
            state=state, multikey=multikey, fingerprint=fingerprint, their_follow_uri=None
        ).execute(uow.db)
    )
    database.transact(neighbourhoods.unpair, writer=world.elm, reader=world.oak)
    database.transact(outbox.peer_found, peer_id=world.peer)


def test_what_elm_grants_is_kept_with_its_pairs(database: Database, oak: World) -> None:
    waiting_oak(database, oak)
    understood(database, OAK, golden.document("51"))
    granted = database.look(peers.agreement, oak.peer, ours=False)
    assert granted is not None
    assert (granted.trust, granted.scopes) == (Trust.NEIGHBOUR, ("public", "neighbours", "direct"))
    assert instant(granted.valid_until) == "2027-11-20T00:00:00Z"
    assert instant(granted.updated_at) == "2026-11-20T18:00:00Z"
    assert database.look(neighbourhoods.may_read, writer=oak.elm, reader=oak.oak)


def test_a_pair_with_a_neighbourhood_that_is_not_here_grants_nothing(database: Database, oak: World) -> None:
    waiting_oak(database, oak)
    activity = golden.document("51")
    activity["result"]["fhPairs"][0]["fhTo"] = f"{OAK.base}/ap/groups/ash"
    understood(database, OAK, activity)
    assert not database.look(neighbourhoods.may_read, writer=oak.elm, reader=oak.oak)


def test_our_own_words_are_understood_next_door(database: Database, oak: World) -> None:
    """Elm's Accept as Elm says it, with a neighbourhood that Oak meets for the first time."""
    waiting_oak(database, oak, state="agreed")
    activity = golden.document("51")
    activity["result"]["fhPairs"].append(
        {"fhFrom": f"{ELM.base}/ap/groups/birch-hill", "fhTo": f"{OAK.base}/ap/groups/oak"}
    )
    understood(database, OAK, activity)
    birch = database.look(neighbourhoods.by_uri, f"{ELM.base}/ap/groups/birch-hill")
    assert birch is not None
    assert (birch.name, birch.key, birch.peer) == ("Birch hill", "birch-hill", oak.peer)
    (job,) = database.look(lambda db: list(JobTable.select().execute(db)))
    assert (job.kind, job.details) == ("peer.meet", {"peer": oak.peer})


def test_a_grant_from_whom_we_did_not_ask_counts_nothing(database: Database, oak: World) -> None:
    waiting_oak(database, oak)
    database.transact(lambda uow: DeliveryTable.delete().execute(uow.db))
    assert refused(database, OAK, golden.document("51")) == "not-asked"


def test_only_the_instance_speaks_for_its_server(database: Database, oak: World) -> None:
    waiting_oak(database, oak)
    assert refused(database, OAK, golden.document("51"), signer=f"{ELM.base}/ap/groups/elm") == "peering-actor"


def test_a_server_with_another_key_than_we_know_is_not_believed(database: Database, oak: World) -> None:
    waiting_oak(database, oak)
    other = introduction(database, ELM)
    other["assertionMethod"][0]["publicKeyMultibase"] = golden.test_key("rol")["ed25519_public_multibase"]
    assert refused(database, OAK, golden.document("51"), document=other) == "key-changed"


def change_result(**values: Any) -> Document:
    activity = golden.document("51")
    activity["result"].update(values)
    return activity


@pytest.mark.parametrize(
    ("activity", "code"),
    [
        (change_result(type="Note"), "peering-kind"),
        (change_result(attributedTo=CITY.instance), "author"),
        (change_result(id=CITY.peering("oak.example")), "origin"),
        (change_result(fhGrantedTrust="blocked"), "peering-trust"),
        (change_result(fhGrantedScopes="public"), "peering-scopes"),
        (change_result(fhGrantedScopes=[["public"]]), "peering-scopes"),
        (change_result(fhPairs=None), "peering-pairs"),
        (change_result(fhPairs=["x"]), "peering-pairs"),
        (change_result(fhPairs=[{"fhFrom": f"{CITY.base}/ap/groups/x", "fhTo": "x"}]), "origin"),
        (change_result(fhPairs=[{"fhFrom": f"{ELM.base}/ap/groups/x"}]), "member"),
        (change_result(fhValidUntil="for ever"), "peering-valid-until"),
        (change_result(fhKeyFingerprint="AAAA"), "fingerprint"),
        (
            {**golden.document("51"), "object": {**golden.document("51")["object"], "object": OAK.instance}},
            "peering-object",
        ),
    ],
)
def test_an_agreement_that_contradicts_itself_is_refused(
    activity: Document, code: str, database: Database, oak: World
) -> None:
    waiting_oak(database, oak)
    assert refused(database, OAK, activity) == code
    assert database.look(peers.agreement, oak.peer, ours=False) is None


def test_scopes_that_are_not_known_here_and_times_that_never_end_are_cut(database: Database, oak: World) -> None:
    waiting_oak(database, oak)
    understood(
        database, OAK, change_result(fhGrantedScopes=["public", "moon", "public"], fhValidUntil="2999-01-01T00:00:00Z")
    )
    granted = database.look(peers.agreement, oak.peer, ours=False)
    assert granted is not None
    assert granted.scopes == ("public",)
    assert granted.valid_until < NOON + timedelta(days=733)


def test_a_refusal_is_taken_in_once(database: Database, oak: World) -> None:
    waiting_oak(database, oak)
    for _ in range(2):
        understood(database, OAK, golden.document("52"))
        assert peer_of(database, "elm.example").state is PeerState.REFUSED


# Elm changes its mind


def agreed_oak(database: Database, world: World) -> None:
    waiting_oak(database, world)
    understood(database, OAK, golden.document("51"))


def test_a_newer_agreement_takes_the_place_of_the_old(database: Database, oak: World, clock: FakeClock) -> None:
    agreed_oak(database, oak)
    clock.move(timedelta(days=30))
    understood(database, OAK, golden.document("53"))
    assert database.look(peers.grants, peer_id=oak.peer, ours=False) == {"public"}
    assert not database.look(neighbourhoods.may_read, writer=oak.elm, reader=oak.oak)


def test_an_older_agreement_changes_nothing(database: Database, oak: World, clock: FakeClock) -> None:
    agreed_oak(database, oak)
    clock.move(timedelta(days=30))
    understood(database, OAK, golden.document("53"))
    understood(database, OAK, golden.document("53b"))
    understood(database, OAK, golden.document("51"))
    assert database.look(peers.grants, peer_id=oak.peer, ours=False) == {"public"}


def test_an_agreement_from_the_far_future_does_not_bar_later_ones(
    database: Database, oak: World, clock: FakeClock
) -> None:
    agreed_oak(database, oak)
    far = golden.document("53")
    far["object"]["updated"] = "2999-01-01T00:00:00Z"
    understood(database, OAK, far)
    clock.set(NOON + timedelta(days=8))
    understood(database, OAK, golden.document("53b"))
    assert "neighbours" in database.look(peers.grants, peer_id=oak.peer, ours=False)


def test_nothing_that_was_not_agreed_can_change(database: Database, oak: World) -> None:
    waiting_oak(database, oak)
    assert refused(database, OAK, golden.document("53")) == "not-agreed"


def test_a_change_that_does_not_say_when_is_refused(database: Database, oak: World) -> None:
    agreed_oak(database, oak)
    activity = golden.document("53")
    del activity["object"]["updated"]
    assert refused(database, OAK, activity) == "peering-updated"


# Oak leaves Elm


def known_oak(database: Database) -> None:
    document = introduction(database, OAK)
    key = document["assertionMethod"][0]["publicKeyMultibase"]
    database.transact(lambda uow: PeerTable.update(multikey=key).execute(uow.db))


def test_who_takes_its_asking_back_is_no_neighbour_any_more(
    database: Database, elm: World, consequences: Consequences
) -> None:
    known_oak(database)
    for _ in range(2):
        understood(database, ELM, golden.document("54"))
    assert peer_of(database).state is PeerState.ENDED
    assert not database.look(neighbourhoods.may_read, writer=elm.elm, reader=elm.oak)
    (ended,) = [one for one in consequences.facts if isinstance(one, PeerEnded)]
    assert not ended.by_us


@pytest.mark.parametrize(("name", "uri"), [("actor", CITY.instance), ("object", CITY.instance)])
def test_nobody_takes_back_what_another_asked(name: str, uri: str, database: Database, elm: World) -> None:
    known_oak(database)
    activity = golden.document("54")
    activity["object"][name] = uri
    assert refused(database, ELM, activity) in {"peering-actor", "peering-object"}
    assert peer_of(database).state is PeerState.AGREED


def test_a_stranger_answers_and_changes_nothing(alone: Database) -> None:
    for number in ("51", "52", "53", "54"):
        activity = golden.document(number)
        here = OAK if number != "54" else ELM
        with pytest.raises(Forbidden):
            understood(alone, here, activity)


# -- finding -----------------------------------------------------------------------------------------------------------


def look_for(uow: UnitOfWork, elm: Elm, state: str = "looking") -> int:
    made: int = PeerTable.insert(host=elm.addresses.host, state=state, trust="neighbour", added_at=uow.now).execute(
        uow.db
    )
    return made


async def test_a_server_that_was_named_is_found_and_asked(running: Database, consequences: Consequences) -> None:
    async with asking_as_oak(running) as oak, serving_elm(running) as elm:
        peer_id = await running.write(look_for, elm)
        await peering.discover(oak, peer_id)
        peer = await running.read(peers.get, peer_id)
        assert (peer.state, peer.name) == (PeerState.FOUND, "Elm District (server)")
        assert peer.actor_uri == elm.addresses.instance
        assert peer.fingerprint is not None
        assert actors.CAP_SCOPES in (peer.capabilities or [])
        assert [type(fact) for fact in consequences.facts] == [PeerFound]


async def test_a_server_that_is_not_found_says_why_and_is_looked_for_again(running: Database) -> None:
    async with asking_as_oak(running) as oak, serving_elm(running) as elm:
        peer_id = await running.write(look_for, elm)
        nodeinfo = elm.documents.pop("/.well-known/nodeinfo")
        with pytest.raises(Invalid):
            await peering.discover(oak, peer_id)
        assert (await running.read(peers.get, peer_id)).last_error == "no-nodeinfo"
        elm.documents["/.well-known/nodeinfo"] = nodeinfo
        await peering.discover(oak, peer_id)
        peer = await running.read(peers.get, peer_id)
        assert (peer.state, peer.last_error) == (PeerState.FOUND, None)


async def test_a_server_that_cannot_be_reached_is_looked_for_again(running: Database) -> None:
    async with asking_as_oak(running) as oak:
        async with serving_elm(running) as elm:
            peer_id = await running.write(look_for, elm)
        with pytest.raises(RemoteFailure):
            await peering.discover(oak, peer_id)
        assert (await running.read(peers.get, peer_id)).last_error == "unreachable"


async def test_another_key_than_the_one_that_was_confirmed_is_not_taken_over(running: Database) -> None:
    async with asking_as_oak(running) as oak, serving_elm(running) as elm:
        peer_id = await running.write(look_for, elm)
        await running.write(lambda uow: PeerTable.update(confirmed_at=uow.now, multikey="z6MkOther").execute(uow.db))
        with pytest.raises(Conflict):
            await peering.discover(oak, peer_id)


async def test_the_names_of_neighbourhoods_are_learnt_from_whom_we_agreed_with(running: Database) -> None:
    async with asking_as_oak(running) as oak, serving_elm(running) as elm:
        peer_id = await running.write(look_for, elm, "agreed")
        uri = elm.addresses.base + GROUP
        pair = secrets("elm_instance")
        values = {"actor_uri": elm.addresses.instance, "multikey": keys.multikey(pair.ed25519)}
        await running.write(lambda uow: PeerTable.update(values).execute(uow.db))
        gone = f"{elm.addresses.base}/ap/groups/gone"
        await running.write(neighbourhoods.remember, peer=peer_id, uri=gone, key="gone", name="Gone")  # asked first
        await running.write(neighbourhoods.remember, peer=peer_id, uri=uri, key="elm", name="Elm")
        await groups.meet(oak, peer_id)
        known = await running.read(neighbourhoods.by_uri, uri)
        assert known is not None
        assert known.name == "Elm District"
