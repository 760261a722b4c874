"""What is agreed with other servers, at the command line."""

from datetime import timedelta

import pytest

from fedhood.core import neighbourhoods, peers
from fedhood.core.peers import PeerChanged, PeerState, Trust
from fedhood.core.peers.tables import AgreementTable
from fedhood.kernel.clock import Clock
from tests.cli.conftest import Shell
from tests.cli.test_neighbourhoods import refused
from tests.core.peering import GROUP, GROUPS, LANE, OAK, ask, confirm, grant_us

LETTERS = "PGQH-Y4DO-SPJ2-EOBH-GFZN-RKET"


@pytest.fixture
def oak(elm, clock) -> int:
    """Oak and Lane on one server, agreed with both ways: Oak reads Elm, and Elm reads Oak."""
    peer = ask(elm.database, groups=[*GROUPS, {"uri": LANE, "key": "lane", "name": "Lane"}])
    place = elm.database.look(neighbourhoods.by_key, "elm").id
    confirm(elm.database, None, peer, pairs=[(place, GROUP)])
    grant_us(elm.database, clock, peer, place)
    return peer


@pytest.mark.usefixtures("elm")
def test_a_server_that_knows_nobody_says_so(fedhood: Shell):
    assert fedhood.json("peers", "list") == []
    assert "knows no other yet" in fedhood("peers", "list").stdout
    assert "it knows: none" in refused(fedhood, "peers", "show", OAK)
    assert "not the address of a neighbour" in refused(fedhood, "peers", "show", "no host")


@pytest.mark.usefixtures("oak")
def test_what_is_agreed_is_said_in_words_and_in_json(fedhood: Shell):
    assert fedhood.json("peers", "list") == [
        {"host": OAK, "name": OAK, "state": "agreed", "trust": "neighbour"},
    ]
    said = fedhood.json("peers", "show", f"https://{OAK}/")
    assert said["letters"] == "AAAA-z1"
    assert said["granted"]["scopes"] == ["public", "neighbours", "direct"]
    assert {"reader": "Oak", "writer": "Elm"} in said["reads"]
    lines = fedhood("peers", "show", OAK).stdout.splitlines()
    assert lines[:2] == [f"{OAK}: {OAK}; agreed; neighbour", "letters: AAAA-z1"]
    assert "Oak reads Elm" in lines
    assert "Elm reads Oak" in lines


def test_who_reads_along_is_changed_whole_or_not_at_all(fedhood: Shell, elm, oak, consequences):
    assert fedhood.json("peers", "pairs", OAK) == [{"ours": "elm", "theirs": "oak"}]
    said = fedhood("peers", "pairs", OAK, "--add", "Elm=lane", "--drop", "elm=Oak")
    assert said.stdout == "Lane (lane) reads what Elm (elm) shows next door.\n"
    for wrong, why in (
        ("elm", "is no pair"),
        ("elm=ash", "there are: Oak (oak), Lane (lane)"),
        ("ash=oak", "is called ash"),
    ):
        assert why in refused(fedhood, "peers", "pairs", OAK, "--add", "elm=oak", "--add", wrong)
    assert fedhood.json("peers", "pairs", OAK) == [{"ours": "elm", "theirs": "lane"}]
    fedhood("peers", "pairs", OAK, "--drop", "elm=lane")
    assert "Nobody of" in fedhood("peers", "pairs", OAK).stdout


def test_less_and_more_again_with_the_letters_as_they_were_heard(fedhood: Shell, elm, oak):
    assert "only what is for everyone" in fedhood("peers", "trust", OAK, "fediverse").stdout
    assert elm.database.look(peers.get, oak).trust is Trust.FEDIVERSE
    assert "--letters is needed" in refused(fedhood, "peers", "trust", OAK, "neighbour", code=2)
    assert "no longer their letters" in refused(fedhood, "peers", "trust", OAK, "neighbour", "--letters", "b")
    elm.database.transact(lambda uow: peers_letters(uow, oak))
    said = fedhood("peers", "trust", OAK, "neighbour", "--letters", "pgqh y4do spj2 eobh gfzn rket")
    assert said.stdout == f"{OAK} is a neighbour again.\n"
    assert len(fedhood.json("peers", "pairs", OAK)) == 2


def peers_letters(uow, peer: int) -> None:
    uow.db.execute_sql("UPDATE peer SET fingerprint = ? WHERE id = ?", (LETTERS, peer))


def test_letters_are_confirmed_and_what_was_agreed_ends(fedhood: Shell, elm):
    peer = ask(elm.database)
    elm.database.transact(lambda uow: peers_letters(uow, peer))
    assert "no longer their letters" in refused(fedhood, "peers", "confirm", OAK, "AAAA")
    assert fedhood("peers", "confirm", OAK, *LETTERS.lower().split("-")).exit_code == 0
    assert elm.database.look(peers.get, peer).state is PeerState.AGREED
    assert fedhood("peers", "end", OAK).exit_code == 0
    assert elm.database.look(peers.get, peer).state is PeerState.ENDED
    assert refused(fedhood, "peers", "end", OAK)


def test_what_the_command_line_changes_is_told_like_any_other_change(fedhood: Shell, elm, oak):
    fedhood("peers", "trust", OAK, "fediverse")
    rows = elm.database.look(lambda db: db.execute_sql("SELECT verb FROM delivery").fetchall())
    assert ("peer.update",) in rows
    assert PeerChanged.kind in {
        kind for (kind,) in elm.database.look(lambda db: db.execute_sql("SELECT kind FROM fact").fetchall())
    }


def test_a_year_more_is_said_in_the_last_month(fedhood: Shell, elm, oak):
    assert "does not end within a month" in refused(fedhood, "peers", "renew", OAK)
    elm.database.transact(ends_soon)
    assert fedhood("peers", "renew", OAK).stdout == f"What is agreed with {OAK} goes on for a year.\n"


def ends_soon(uow) -> None:
    soon = Clock().now() + timedelta(days=20)
    AgreementTable.update(valid_until=soon).execute(uow.db)


def test_letters_in_question_are_said_and_confirmed_as_they_are_shown(fedhood: Shell, elm, oak):
    assert "not in question" in refused(fedhood, "peers", "key", OAK, "AAAA")
    elm.database.transact(peers.key_seen_changed, peer_id=oak, multikey="z2", public_key_pem="PEM", fingerprint=LETTERS)
    said = fedhood.json("peers", "show", OAK)
    assert (said["letters"], said["shows"], said["in_question_since"] is None) == ("AAAA-z1", LETTERS, False)
    assert f"it shows {LETTERS}; call them" in fedhood("peers", "show", OAK).stdout
    assert "no longer their letters" in refused(fedhood, "peers", "key", OAK, "AAAA", "z1")
    assert fedhood("peers", "key", OAK, *LETTERS.split("-")).exit_code == 0
    assert fedhood.json("peers", "show", OAK)["letters"] == LETTERS
