"""What the doctor says of neighbours: who is not reached, since when, how much waits, and why."""

from datetime import timedelta

import pytest

from fedhood.adapters.activitypub import causes, handling
from fedhood.adapters.activitypub.tables import DeliveryTable, HostTable, InboundTable
from fedhood.cli import doctor
from fedhood.core import peers
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel.clock import Clock
from tests.adapters.activitypub.next_door import add_peer
from tests.support.clocks import NOON


def finding(fedhood, name: str) -> tuple[str, str]:
    (found,) = [each for each in fedhood.json("doctor") if each["name"] == name]
    return found["outcome"], found["detail"]


def neighbours(fedhood) -> tuple[str, str]:
    return finding(fedhood, "neighbours")


def send(uow, peer: int, *, waiting: int, reason: str | None, since=NOON) -> None:
    """What the sending side keeps: so much waits for a peer, that was (not) reached the last time."""
    for number in range(1, waiting + 2):
        state = "waiting" if number <= waiting else "done"
        DeliveryTable.insert(
            peer=peer, epoch=1, number=number, verb="post.create", object=1, state=state, at=NOON
        ).execute(uow.db)
    HostTable.insert(
        peer=peer,
        failures=0 if reason is None else 2,
        next_at=NOON,
        last_error=reason,
        trouble_since=None if reason is None else since,
    ).execute(uow.db)


def test_without_neighbours_nobody_is_out_of_reach(fedhood, elm):
    assert neighbours(fedhood) == ("ok", "0 agreed, and none of them is out of reach")


def test_neighbours_who_are_reached_are_counted(fedhood, elm):
    peer = elm.database.transact(add_peer, "oak.example")
    elm.database.transact(send, peer, waiting=1, reason=None)
    assert neighbours(fedhood) == ("ok", "1 agreed, and none of them is out of reach")


def test_who_was_not_reached_and_is_to_get_nothing_is_not_missed(fedhood, elm):
    peer = elm.database.transact(add_peer, "oak.example")
    elm.database.transact(send, peer, waiting=0, reason="unreachable")
    assert neighbours(fedhood)[0] == "ok"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("no-such-name", "its name is not known"),
        ("no-name-server", "this machine's name server does not answer"),
        ("certificate-lapsed", "its certificate has lapsed; whoever hosts it must renew it"),
        ("certificate-unknown", "nobody whom we trust vouches for its certificate"),
        ("certificate-name", "its certificate is of another name"),
        ("certificate-too-new", "is the clock of this machine right?"),
        ("unreachable", "nobody answers at its address"),
        ("forbidden-address", "an address that is not public"),
        ("answered 500: internal-server-error", "something goes wrong there"),
        ("answered 502", "its proxy answers, and fedhood behind it does not"),
        ("answered 401: Signature stale", "our clock is slow, or its own is fast"),
        ("answered 401: Signature future", "our clock is fast, or its own is slow"),
        ("answered 503: Key in question", "it sees another key of ours"),
        ("answered 401", "it does not recognise our signature"),
        ("a reason of tomorrow", "a reason of tomorrow"),
    ],
)
def test_who_is_not_reached_is_named_with_the_reason(fedhood, elm, reason: str, said: str):
    peer = elm.database.transact(add_peer, "oak.example")
    elm.database.transact(send, peer, waiting=3, reason=reason)
    outcome, detail = neighbours(fedhood)
    assert outcome == "look"
    assert detail.startswith("oak.example is not reached since 2")
    assert "UTC (3 waiting): " in detail
    assert said in detail


def test_the_doctor_knows_every_cause_for_which_something_waits():
    waiting = {causes.of_reason(f"answered {status}") for status in (401, 408, 425, 429, 500, 502, 503, 504, 599)}
    waiting |= {causes.of_reason(code) for code in [*causes._NOT_REACHED, "fault"]} | set(causes.WORDS.values())
    assert waiting == set(doctor.WHY)


def test_who_refuses_what_is_sent_is_named(fedhood, elm):
    peer = elm.database.transact(add_peer, "oak.example")
    elm.database.transact(send, peer, waiting=0, reason=None)
    elm.database.transact(lambda uow: HostTable.update(refusals=3).execute(uow.db))
    outcome, detail = neighbours(fedhood)
    assert outcome == "look"
    assert detail == "oak.example refused the last three things or more; see fedhood peers letters oak.example"


def test_who_was_paused_is_not_left_so_unnoticed(fedhood, elm):
    peer = elm.database.transact(add_peer, "oak.example")
    elm.database.transact(send, peer, waiting=2, reason=None)
    elm.database.transact(handling.pause, by=None, peer_id=peer)
    outcome, detail = neighbours(fedhood)
    assert outcome == "look"
    assert detail == (
        f"oak.example is paused since {NOON:%Y-%m-%d %H:%M} UTC (2 waiting); "
        "it goes on with fedhood peers resume oak.example"
    )


def test_who_is_out_of_reach_longest_comes_first(fedhood, elm):
    for host, hours in (("oak.example", 1), ("ash.example", 2)):
        peer = elm.database.transact(add_peer, host)
        elm.database.transact(send, peer, waiting=1, reason="timeout", since=NOON - timedelta(hours=hours))
    _, detail = neighbours(fedhood)
    assert [part.split()[0] for part in detail.split("; ") if "reached" in part] == ["ash.example", "oak.example"]


def test_an_address_at_which_nobody_is_found_is_named(fedhood, elm):
    peer = elm.database.transact(add_peer, "lindne.example")
    elm.database.transact(lambda uow: PeerTable.update(state="looking").execute(uow.db))
    elm.database.transact(peers.not_found, peer_id=peer, reason="no-such-name")
    outcome, detail = neighbours(fedhood)
    assert outcome == "look"
    assert detail.startswith("lindne.example is not found: its name is not known")


def arrive(uow, peer: int, reason: str | None, at) -> None:
    """What the reading side keeps of something that came."""
    InboundTable.insert(
        uri=f"https://oak.example/ap/activities/{at.timestamp()}",
        peer=peer,
        signer="https://oak.example/ap/instance",
        scoped=False,
        epoch=1,
        number=1,
        body=b"{}",
        received_at=at,
        state="refused" if reason else "understood",
        next_at=at,
        reason=reason,
    ).execute(uow.db)


def test_a_clock_that_no_neighbour_contradicts_is_well(fedhood, elm):
    now = Clock().now()
    peer = elm.database.transact(add_peer, "oak.example")
    elm.database.transact(arrive, peer, None, now)
    elm.database.transact(arrive, peer, "proof-signature: no", now - timedelta(hours=1))
    elm.database.transact(arrive, peer, "proof-future: no", now - timedelta(days=8))
    assert finding(fedhood, "clock")[0] == "ok"


def test_what_was_signed_later_than_now_tells_of_a_clock(fedhood, elm):
    now = Clock().now()
    peer = elm.database.transact(add_peer, "oak.example")
    elm.database.transact(arrive, peer, "proof-future: the proof was made in the future", now)
    elm.database.transact(arrive, 0, "proof-future: the proof was made in the future", now - timedelta(days=1))
    outcome, detail = finding(fedhood, "clock")
    assert outcome == "look"
    assert "(1 from a server that is not known, 1 from oak.example)" in detail
