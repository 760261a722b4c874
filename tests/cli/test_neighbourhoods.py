"""One more neighbourhood, which of them read each other, and who looks after them."""

import pytest

from fedhood.core import access, accounts, neighbourhoods, notifications, posts
from fedhood.core.access import Role
from fedhood.core.notifications import Kind
from fedhood.kernel import migrate
from tests.cli.conftest import Shell
from tests.support import people
from tests.support.clocks import NOON

COUNT = ("--households", "300", "--source", "Statbel", "--date", "2026-01-01")


@pytest.fixture
def ids(elm) -> dict[str, int]:
    """The ids of Elm and, once it was added, Oak."""

    class Ids(dict[str, int]):
        def __missing__(self, key: str) -> int:
            place = elm.database.look(neighbourhoods.by_key, key)
            assert place is not None
            return place.id

    return Ids()


def refused(fedhood: Shell, *words: str, code: int = 1, **environment: str) -> str:
    """The one sentence of a refusal."""
    result = fedhood(*words, **environment)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    return result.stderr.splitlines()[-1]


# -- add, list --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("elm")
def test_a_neighbourhood_is_added_and_listed(fedhood: Shell):
    said = fedhood("neighbourhoods", "add", "Oak Street", "--language", "nl", "--language", "fr", *COUNT)
    assert said.exit_code == 0, said.output
    assert "oak-street" in said.stdout
    assert fedhood.json("neighbourhoods", "list") == [
        {"key": "elm", "name": "Elm", "languages": ["en"], "households": None, "read_by": []},
        {"key": "oak-street", "name": "Oak Street", "languages": ["nl", "fr"], "households": 300, "read_by": []},
    ]
    assert fedhood("neighbourhoods", "list").stdout.splitlines() == [
        "elm: Elm; en; households not counted; read by no other",
        "oak-street: Oak Street; nl, fr; 300 households; read by no other",
    ]


def test_a_count_keeps_whose_it_is_and_of_which_day(fedhood: Shell, elm, ids):
    assert fedhood.json("neighbourhoods", "add", "Oak", "--key", "o1", *COUNT) == {"key": "o1", "name": "Oak"}
    oak = elm.database.look(neighbourhoods.get, ids["o1"])
    assert (oak.households, oak.households_source, oak.households_on) == (300, "Statbel", "2026-01-01")


@pytest.mark.usefixtures("elm")
@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["Elm"], "--key"),
        (["Ελιά"], "--key"),
        (["Oak", "--key", "Oak Street"], "'Oak Street' is no key"),
        (["Ana Lima"], "@ana-lima"),
        ([" "], "name is missing"),
        (["x" * 81, "--key", "x"], "too long"),
    ],
)
def test_what_cannot_be_added_is_said(fedhood: Shell, words: list[str], part: str):
    assert part in refused(fedhood, "neighbourhoods", "add", *words)
    assert [one["key"] for one in fedhood.json("neighbourhoods", "list")] == ["elm"]


@pytest.mark.usefixtures("elm")
@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--households", "300"], "belong together"),
        (["--source", "Statbel"], "belong together"),
        (["--households", "0", "--source", "Statbel", "--date", "2026-01-01"], "--households"),
        (["--households", "9", "--source", "Statbel", "--date", "1.1.2026"], "such as 2026-01-31"),
        (["--households", "9", "--source", "Statbel", "--date", "9999-01-01"], "still to come"),
        (["--language", "xx"], "--language"),
    ],
)
def test_a_count_or_a_language_that_cannot_be_is_said(fedhood: Shell, words: list[str], part: str):
    assert part in refused(fedhood, "neighbourhoods", "add", "Oak", *words, code=2)


def test_nothing_is_added_before_the_first_was_set_up_in_the_browser(fedhood: Shell):
    """The address of the set-up ends with the first neighbourhood: nobody could ever sign in."""
    migrate.up(fedhood.settings, now=NOON)
    assert "fedhood serve prints" in refused(fedhood, "neighbourhoods", "add", "Oak")
    assert fedhood.json("neighbourhoods", "list") == []
    assert "no neighbourhood" in fedhood("neighbourhoods", "list").stdout


@pytest.mark.usefixtures("elm")
def test_a_city_has_no_neighbourhoods_of_its_own(fedhood: Shell):
    assert "city" in refused(fedhood, "neighbourhoods", "add", "Oak", FEDHOOD_PROFILE="city")


# -- agree, part ------------------------------------------------------------------------------------------------------


@pytest.fixture
def oak(fedhood: Shell, elm) -> None:
    assert fedhood("neighbourhoods", "add", "Oak").exit_code == 0


@pytest.mark.usefixtures("oak")
@pytest.mark.parametrize("names", [("elm", "oak"), ("Oak", "ELM")])
def test_two_agree_and_part(fedhood: Shell, elm, ids, names: tuple[str, str]):
    def read_each_other() -> list[bool]:
        return [
            elm.database.look(neighbourhoods.may_read, writer=ids[one], reader=ids[other])
            for one, other in (("elm", "oak"), ("oak", "elm"))
        ]

    for _ in range(2):  # again is the same
        said = fedhood("neighbourhoods", "agree", *names)
        assert said.exit_code == 0, said.output
        assert read_each_other() == [True, True]
    listed = fedhood.json("neighbourhoods", "list")
    assert listed[0]["read_by"] == [{"key": "oak", "name": "Oak", "ours": True}]
    assert "read by Oak" in fedhood("neighbourhoods", "list").stdout
    for _ in range(2):
        assert fedhood("neighbourhoods", "part", *names).exit_code == 0
        assert read_each_other() == [False, False]


@pytest.mark.usefixtures("oak")
def test_what_was_shared_is_read_while_they_are_neighbours(fedhood: Shell, elm, ids):
    fedhood("neighbourhoods", "agree", "elm", "oak")
    ana = people.resident(elm.database, "Ada", ids["elm"])
    post = elm.database.transact(
        posts.publish, by=ana, text="hello", audience=posts.Audience.NEIGHBOURS, places=[ids["oak"]]
    )
    for command, parted in (("part", (ids["oak"],)), ("agree", ())):
        assert fedhood("neighbourhoods", command, "oak", "elm").exit_code == 0
        assert elm.database.look(posts.row, post_id=post).parted == parted


@pytest.mark.usefixtures("oak")
@pytest.mark.parametrize("command", ["agree", "part"])
@pytest.mark.parametrize(
    ("names", "part"),
    [(["elm", "Elm"], "one and the same"), (["elm", "birch"], "Elm (elm), Oak (oak)"), (["birch", "elm"], "birch")],
)
def test_what_are_not_two_of_ours_is_said(fedhood: Shell, command: str, names: list[str], part: str):
    assert part in refused(fedhood, "neighbourhoods", command, *names)


@pytest.mark.usefixtures("oak")
def test_a_name_of_two_needs_a_key(fedhood: Shell):
    assert fedhood("neighbourhoods", "add", "Oak", "--key", "oak-2").exit_code == 0
    assert fedhood("neighbourhoods", "add", "Birch").exit_code == 0
    assert fedhood("neighbourhoods", "agree", "oak", "birch").exit_code == 0, "a key comes before a name"
    assert "oak, oak-2" in refused(fedhood, "neighbourhoods", "agree", "OAK", "birch")


# -- entrust ----------------------------------------------------------------------------------------------------------


def rights(elm) -> frozenset[tuple[Role, int | None]]:
    return elm.database.look(access.rights_of, elm.people[0])


@pytest.mark.parametrize(("words", "where"), [([], "elm"), (["--everywhere"], None)])
def test_a_resident_is_entrusted_told_and_it_is_logged(fedhood: Shell, elm, ids, words: list[str], where: str | None):
    said = fedhood("accounts", "entrust", "Ana Lima", *words)
    assert said.exit_code == 0, said.output
    assert "already" in refused(fedhood, "accounts", "entrust", "Ana Lima", *words)
    assert rights(elm) == {(Role.MODERATOR, None if where is None else ids[where])}
    (told,) = elm.database.look(notifications.latest, account=elm.people[0])
    assert (told.kind, told.actor) == (Kind.KEEPER_NAMED, None)


@pytest.mark.parametrize(("words", "part"), [(["Nobody"], "nobody here is called Nobody"), (["Ben"], "use a handle")])
def test_who_cannot_be_entrusted_is_said(fedhood: Shell, elm, words: list[str], part: str):
    assert part in refused(fedhood, "accounts", "entrust", *words)
    assert rights(elm) == frozenset()


@pytest.mark.usefixtures("elm")
def test_a_city_has_clerks_and_no_moderators(fedhood: Shell):
    assert "clerks" in refused(fedhood, "accounts", "entrust", "Ana Lima", FEDHOOD_PROFILE="city")


def test_who_lives_nowhere_is_not_entrusted(fedhood: Shell, elm):
    clerk = elm.database.transact(accounts.create, name="Cleo", neighbourhood=None, language="en")
    assert "lives in no neighbourhood" in refused(fedhood, "accounts", "entrust", "cleo")
    assert elm.database.look(access.rights_of, clerk) == frozenset()
