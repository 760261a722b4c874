"""What goes to other servers, at the command line."""

from datetime import timedelta

import pytest

from fedhood.adapters.activitypub import hosts, outbox, streams
from fedhood.adapters.activitypub.answers import Outcome, Result
from fedhood.adapters.activitypub.tables import DeliveryTable, HostTable
from fedhood.kernel.clock import Clock
from tests.adapters.activitypub.next_door import add_peer
from tests.cli.conftest import Shell
from tests.cli.test_neighbourhoods import refused

OAK = "oak.example"


@pytest.fixture
def oak(elm) -> int:
    """Oak, to which two posts, a private word and a removal wait, now."""
    return elm.database.transact(_know_oak)


def _know_oak(uow) -> int:
    peer = add_peer(uow, OAK)
    for verb, about in (("post.create", 1), ("post.create", 2), ("message.create", 3), ("post.delete", 4)):
        outbox.deliver(uow, peer, verb, about)
    DeliveryTable.update(at=Clock().now()).execute(uow.db)
    return peer


def silence(elm, peer: int) -> None:
    """Oak gave no answer just now."""
    now = Clock().now()

    def fail(uow) -> None:
        uow.now = now
        (lease,) = hosts.take(uow, [peer], now)
        waiting = streams.first(uow.db, peer)[0]
        streams.settle(uow, lease, [(waiting, Result(outcome=Outcome.RETRY, reason="certificate-lapsed"))])

    elm.database.transact(fail)


def fates(fedhood: Shell, *words: str) -> list[tuple[str, str, str | None]]:
    said = fedhood.json("peers", "letters", OAK, *words)
    return [(one["place"], one["fate"], one["cause"]) for one in said["letters"]]


@pytest.mark.usefixtures("elm")
def test_a_server_that_knows_nobody_sends_to_nobody(fedhood: Shell):
    assert fedhood("peers", "letters").stdout == "This server knows no other yet.\n"
    assert fedhood.json("peers", "letters") == []
    for verb in ("letters", "retry", "pause", "resume"):
        assert "it knows: none" in refused(fedhood, "peers", verb, OAK)


def test_how_it_goes_is_said_in_the_words_of_the_pages(fedhood: Shell, elm, oak):
    assert fedhood("peers", "letters").stdout == f"{OAK}: Something is on its way to them.\n"
    silence(elm, oak)
    lines = fedhood("peers", "letters", OAK).stdout.splitlines()
    assert lines[0].startswith(f"{OAK}: No answer since ")
    assert "Their certificate has run out. Call them: they must renew it. Next try: " in lines[0]
    assert lines[1].startswith("4 things wait, the first written ")
    assert lines[2] == "Of the last 4: 0 arrived, 0 did not."
    assert [line.split()[0] for line in lines[3:]] == ["1-4", "1-3", "1-2", "1-1"]
    assert "Word that something was taken back: Waits. Their certificate has run out." in lines[3]
    assert "Something between two people: Waits." in lines[4]


def test_a_script_reads_the_same(fedhood: Shell, elm, oak):
    silence(elm, oak)
    said = fedhood.json("peers", "letters", OAK, "--limit", "1")
    assert {name: said[name] for name in ("host", "waiting", "cause", "parked", "paused", "refusing")} == {
        "host": OAK,
        "waiting": 4,
        "cause": "certificate-lapsed",
        "parked": False,
        "paused": None,
        "refusing": False,
    }
    (letter,) = said["letters"]
    assert (letter["about"], letter["attempts"], letter["may_forget"]) == ("taken-back", 0, False)
    assert said["next_try"] == letter["next_try"] > letter["since"]


def test_it_is_paused_tried_and_let_go_on(fedhood: Shell, elm, oak):
    silence(elm, oak)
    assert "is tried now" in fedhood("peers", "retry", OAK).stdout
    assert elm.database.look(_rest) <= Clock().now()
    assert "Nothing goes to" in fedhood("peers", "pause", OAK).stdout
    assert "Paused since" in fedhood("peers", "letters").stdout
    assert "paused" in refused(fedhood, "peers", "retry", OAK)
    assert "goes on" in fedhood("peers", "resume", OAK).stdout
    assert elm.database.look(streams.due, Clock().now() + timedelta(seconds=1))


def _rest(db):
    return next(iter(HostTable.select().execute(db))).next_at


def test_one_that_arrived_or_waits_is_not_sent_once_more(fedhood: Shell, oak):
    assert "not sent once more" in refused(fedhood, "peers", "retry", OAK, "1-1")
    assert refused(fedhood, "peers", "retry", OAK, "1-99")


def test_one_is_forgotten_and_then_all_but_what_is_taken_back_after_a_question(fedhood: Shell, oak):
    assert "1-1 is not sent" in fedhood("peers", "forget", OAK, "1-1").stdout
    assert "settled" in refused(fedhood, "peers", "forget", OAK, "1-1")
    assert "always told" in refused(fedhood, "peers", "forget", OAK, "1-4")
    assert "is no place of a letter" in refused(fedhood, "peers", "forget", OAK, "first")
    for words in ((), ("1-2", "--all")):
        assert "Name one letter" in refused(fedhood, "peers", "forget", OAK, *words, code=2)
    asked = fedhood("peers", "forget", OAK, "--all")
    assert asked.exit_code == 1
    assert "A post: 1" in asked.stdout
    assert "Something between two people: 1" in asked.stdout
    assert len(fates(fedhood, "--waiting")) == 3, "nobody said yes"
    assert "2 of what waited" in fedhood("peers", "forget", OAK, "--all", "--yes").stdout
    assert fates(fedhood, "--waiting") == [("1-4", "waiting", "in-turn")]
    assert fates(fedhood, "--lost") == [
        ("1-3", "forgotten", "forgotten"),
        ("1-2", "forgotten", "forgotten"),
        ("1-1", "forgotten", "forgotten"),
    ]
