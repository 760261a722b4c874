"""Other keys, asked for on the command line while the server runs."""

import pytest

from fedhood.adapters.activitypub import actors
from fedhood.adapters.activitypub.tables import ActorKeyTable
from fedhood.kernel.jobs import JobTable
from tests.cli.conftest import Shell
from tests.cli.test_neighbourhoods import refused

NAMED = {"FEDHOOD_HOST": "elm.example"}


@pytest.fixture
def keyed(elm):
    """Elm, whose server, neighbourhood and first resident have spoken to others."""

    def give(uow) -> None:
        for ref in (actors.INSTANCE, actors.group(1), actors.person(elm.people[0])):
            values = {"kind": ref.kind.value, "owner": ref.owner, "pem": b"-", "made_at": uow.now}
            ActorKeyTable.insert(**values).execute(uow.db)

    elm.database.transact(give)
    return elm


def jobs(elm) -> list[tuple[str, dict]]:
    return elm.database.look(lambda db: [(row.kind, row.details) for row in JobTable.select().execute(db)])


@pytest.mark.parametrize(
    ("words", "whose", "actor"),
    [
        ((), "this server", ("instance", 0)),
        (("--neighbourhood", "elm"), "Elm", ("group", 1)),
        (("--resident", "Ana Lima"), "Ana Lima", ("person", None)),
    ],
)
def test_keys_are_renewed_by_the_server(fedhood: Shell, keyed, words, whose, actor) -> None:
    said = fedhood("keys", "renew", *words, **NAMED)
    assert said.exit_code == 0, said.output
    assert whose in said.stdout
    kind, owner = actor
    assert jobs(keyed) == [("keys.renew", {"actor": kind, "owner": keyed.people[0] if owner is None else owner})]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--resident", "Ben"), "several are called Ben"),
        (("--resident", "Nobody"), "nobody here is called Nobody"),
        (("--neighbourhood", "oak"), "oak"),
        (("--neighbourhood", "elm", "--resident", "Ana Lima"), "one at a time"),
    ],
)
def test_nothing_is_renewed_for_who_is_not_meant(fedhood: Shell, keyed, words, sentence) -> None:
    assert sentence in refused(fedhood, "keys", "renew", *words, **NAMED)
    assert jobs(keyed) == []


def test_who_has_no_keys_gets_none(fedhood: Shell, elm) -> None:
    assert "no keys yet" in refused(fedhood, "keys", "renew", **NAMED)
    assert "no name" in refused(fedhood, "keys", "renew")
    assert jobs(elm) == []
