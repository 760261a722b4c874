"""Looking after a place: handed on, given back, helping people in; nobody gives or takes more than they have."""

import pytest

from fedhood.consequences import follow
from fedhood.core import access, households, moderation, neighbourhoods, notifications, posts, relations
from fedhood.core.access import Permission, Role
from fedhood.core.moderation import Reason
from fedhood.core.notifications import Kind
from fedhood.core.posts import Audience
from fedhood.kernel.errors import Conflict, Forbidden, NotFound
from tests.support import people
from tests.support.people import neighbours, resident

pytestmark = pytest.mark.both_databases


@pytest.fixture
def elm(database, consequences):
    consequences.then = follow
    return people.neighbourhood(database, "Elm")


@pytest.fixture
def mo(database, elm):
    return resident(database, "Mo", elm, moderator=True)


def again(database, viewer):
    """The same person with the rights of now."""
    return database.look(people.viewer, viewer.account, viewer.neighbourhood)


def heard(database, viewer):
    return [one.kind for one in database.look(notifications.latest, account=viewer.account)]


def log(database, viewer):
    return [(one.action, one.person) for one in database.look(moderation.log, viewer=viewer, neighbourhood=1)]


def test_a_second_moderator_is_named_told_and_can_do_the_same(database, elm, mo):
    ana = resident(database, "Ana", elm)
    database.transact(moderation.entrust, by=mo, account=ana.account)
    assert heard(database, ana) == [Kind.KEEPER_NAMED]
    assert log(database, mo) == [("entrust", ana.account)]
    bea = resident(database, "Bea", elm)
    database.transact(moderation.entrust, by=again(database, ana), account=bea.account)
    with pytest.raises(Conflict):
        database.transact(moderation.entrust, by=mo, account=bea.account)


def test_looking_after_it_can_be_given_back_but_not_by_the_last(database, elm, mo):
    with pytest.raises(Conflict) as refused:
        database.transact(moderation.relieve, by=mo, account=mo.account)
    assert refused.value.code == "last-keeper"
    ana = resident(database, "Ana", elm)
    database.transact(moderation.entrust, by=mo, account=ana.account)
    database.transact(moderation.relieve, by=mo, account=mo.account)
    assert not access.may(again(database, mo), Permission.MODERATE, elm)
    with pytest.raises(Conflict):
        database.transact(moderation.relieve, by=again(database, ana), account=ana.account)


def test_a_moderator_of_one_place_has_no_power_over_who_keeps_the_whole_server(database, elm, mo):
    host = resident(database, "Host", elm)
    database.transact(access.give, account=host.account, role=Role.MODERATOR, neighbourhood=None, by=None)
    for use_case in (moderation.issue_link, moderation.relieve):
        with pytest.raises(Forbidden):
            database.transact(use_case, by=mo, account=host.account)
    database.transact(moderation.issue_link, by=again(database, host), account=mo.account)


def test_who_keeps_several_places_alone_gives_it_back_only_to_somebody_who_keeps_them_all(database, elm, mo):
    people.neighbourhood(database, "Oak")
    host, next_host = resident(database, "Host", elm), resident(database, "Next", elm)
    database.transact(access.give, account=host.account, role=Role.MODERATOR, neighbourhood=None, by=None)
    with pytest.raises(Conflict):
        database.transact(moderation.relieve, by=again(database, host), account=host.account)
    database.transact(access.give, account=next_host.account, role=Role.MODERATOR, neighbourhood=None, by=None)
    database.transact(moderation.relieve, by=again(database, host), account=host.account)


def test_nobody_is_helped_named_or_moved_by_moderators_of_another_place(database, elm, mo):
    oak = people.neighbourhood(database, "Oak")
    bob, ana = resident(database, "Bob", oak), resident(database, "Ana", elm)
    for use_case in (moderation.issue_link, moderation.entrust, moderation.relieve):
        for by, whom in ((mo, bob), (ana, mo)):
            with pytest.raises(NotFound):
                database.transact(use_case, by=by, account=whom.account)
    with pytest.raises(NotFound):
        database.transact(moderation.merge_homes, by=mo, account=ana.account, other=bob.account)
    with pytest.raises(Forbidden):
        database.transact(moderation.set_rules, by=mo, neighbourhood=oak, rules="Ours")


def test_who_was_given_a_link_reads_who_made_it(database, elm, mo):
    ana = resident(database, "Ana", elm)
    token = database.transact(moderation.issue_link, by=mo, account=ana.account)
    assert database.transact(access.use_link, token=token).account == ana.account
    (told,) = database.look(notifications.latest, account=ana.account)
    assert (told.kind, told.actor) == (Kind.LINK_MADE, mo.account)
    assert log(database, mo) == [("link", ana.account)]


def test_two_homes_that_are_one_become_one_with_all_who_live_there(database, elm, mo):
    ana, bea = resident(database, "Ana", elm), resident(database, "Bea", elm)
    database.transact(moderation.merge_homes, by=mo, account=ana.account, other=bea.account)
    homes = {database.look(households.household_of, one.account) for one in (ana, bea)}
    assert len(homes) == 1
    assert log(database, mo) == [("merge", ana.account)]
    with pytest.raises(Conflict):
        database.transact(moderation.merge_homes, by=mo, account=ana.account, other=bea.account)


def test_a_clerk_invites_another_and_nobody_else_does(database, elm, mo):
    with pytest.raises(Forbidden):
        database.transact(moderation.invite_clerk, by=mo, name="Kim", language="nl")
    clerk = resident(database, "Clerk", elm)
    database.transact(access.give, account=clerk.account, role=Role.CLERK, neighbourhood=None, by=None)
    token = database.transact(moderation.invite_clerk, by=again(database, clerk), name="Kim", language="nl")
    kim = database.transact(access.use_link, token=token).account
    assert (Role.CLERK, None) in database.look(access.rights_of, kim)
    again_token = database.transact(moderation.renew_clerk_link, by=again(database, clerk), account=kim)
    assert database.transact(access.use_link, token=again_token).account == kim
    database.transact(moderation.dismiss_clerk, by=again(database, clerk), account=kim)
    assert database.look(access.rights_of, kim) == frozenset()
    with pytest.raises(Conflict):
        database.transact(moderation.dismiss_clerk, by=again(database, clerk), account=clerk.account)
    with pytest.raises(NotFound):
        database.transact(moderation.renew_clerk_link, by=again(database, clerk), account=kim)


# -- complaints about who should read them -----------------------------------------------------------------------------


def test_nobody_reads_or_decides_on_a_complaint_about_themselves(database, elm, mo):
    ana, bea = resident(database, "Ana", elm), resident(database, "Bea", elm, moderator=True)
    post = database.transact(posts.publish, by=mo, text="Rude words")
    report = database.transact(moderation.report, by=ana, post_id=post, reason=Reason.UNKIND)
    assert database.look(moderation.open_reports, viewer=mo, neighbourhood=elm) == []
    for use_case in (moderation.get, moderation.post_of):
        with pytest.raises(NotFound):
            database.look(use_case, report_id=report, viewer=mo)
    with pytest.raises(NotFound):
        database.transact(moderation.close, by=mo, report_id=report, upheld=False, answer="")
    assert heard(database, mo) == []
    assert heard(database, bea) == [Kind.REPORT]


# -- how far a moderator hides -----------------------------------------------------------------------------------------


def test_the_home_of_a_thread_hides_a_neighbours_answer_in_it_and_the_neighbours_moderator_does_too(database, elm, mo):
    oak = people.neighbourhood(database, "Oak")
    neighbours(database, elm, oak)
    ana, bob, pim = (resident(database, *who) for who in (("Ana", elm), ("Bob", oak), ("Cleo", oak)))
    keeper = resident(database, "Pim", oak, moderator=True)
    post = database.transact(posts.publish, by=ana, text="Hello", audience=Audience.NEIGHBOURS, places=[oak])
    answer = database.transact(posts.reply, by=bob, to=post, text="Insult")
    for moderator in (mo, keeper):
        database.transact(moderation.hide, by=moderator, post_id=answer)
        for reader in (ana, pim):
            with pytest.raises(NotFound):
                database.look(posts.get, post_id=answer, viewer=reader)
        database.transact(moderation.restore, by=moderator, post_id=answer)
    with pytest.raises(Forbidden):
        database.transact(moderation.hide, by=pim, post_id=answer)


def test_who_only_reads_along_hides_an_answer_for_their_own_place_alone(database, elm, mo):
    oak = people.neighbourhood(database, "Oak")
    neighbours(database, elm, oak)
    ana, bea, bob = (resident(database, *who) for who in (("Ana", elm), ("Bea", elm), ("Bob", oak)))
    keeper = resident(database, "Pim", oak, moderator=True)
    post = database.transact(posts.publish, by=ana, text="Hello", audience=Audience.NEIGHBOURS, places=[oak])
    answer = database.transact(posts.reply, by=bea, to=post, text="Insult")
    database.transact(moderation.hide, by=keeper, post_id=answer)
    assert database.look(posts.get, post_id=answer, viewer=ana).text == "Insult"
    with pytest.raises(NotFound):
        database.look(posts.get, post_id=answer, viewer=bob)
    assert database.look(posts.thread, root=post, viewer=bob) == []
    assert [one.id for one in database.look(moderation.hidden_posts, viewer=keeper, neighbourhood=oak)] == [answer]
    assert database.look(moderation.hidden_posts, viewer=mo, neighbourhood=elm) == []
    with pytest.raises(Conflict):
        database.transact(moderation.hide, by=keeper, post_id=answer)
    database.transact(moderation.hide, by=mo, post_id=answer)
    with pytest.raises(NotFound):
        database.look(posts.get, post_id=answer, viewer=keeper)
    database.transact(moderation.restore, by=mo, post_id=answer)
    database.transact(moderation.restore, by=keeper, post_id=answer)
    assert database.look(posts.get, post_id=answer, viewer=bob).text == "Insult"


def test_what_another_place_told_is_hidden_at_home_alone_and_its_home_hides_it_everywhere(database, elm, mo):
    oak = people.neighbourhood(database, "Oak")
    neighbours(database, elm, oak)
    ana, bob = resident(database, "Ana", elm), resident(database, "Bob", oak)
    keeper = resident(database, "Pim", oak, moderator=True)
    post = database.transact(posts.publish, by=ana, text="Hello", audience=Audience.NEIGHBOURS, places=[oak])
    database.transact(moderation.hide, by=keeper, post_id=post)
    assert database.look(posts.get, post_id=post, viewer=ana).text == "Hello"
    assert database.look(posts.get, post_id=post, viewer=keeper).text == "Hello"
    with pytest.raises(NotFound):
        database.look(posts.get, post_id=post, viewer=bob)
    with pytest.raises(Conflict):
        database.transact(moderation.hide, by=keeper, post_id=post)
    database.transact(moderation.restore, by=keeper, post_id=post)
    database.transact(moderation.hide, by=mo, post_id=post)
    for reader in (bob, keeper):
        with pytest.raises(NotFound):
            database.look(posts.get, post_id=post, viewer=reader)


def test_what_two_places_read_of_each_other_they_read_no_longer_when_they_part_and_again_when_they_agree(database, elm):
    oak = people.neighbourhood(database, "Oak")
    neighbours(database, elm, oak)
    ana, bob = resident(database, "Ana", elm), resident(database, "Bob", oak)
    post = database.transact(posts.publish, by=ana, text="Hello", audience=Audience.NEIGHBOURS, places=[oak])
    database.transact(neighbourhoods.unpair, writer=elm, reader=oak)
    with pytest.raises(NotFound):
        database.look(posts.get, post_id=post, viewer=bob)
    assert database.look(posts.get, post_id=post, viewer=ana).text == "Hello"
    database.transact(neighbourhoods.pair, writer=elm, reader=oak)
    assert database.look(posts.get, post_id=post, viewer=bob).text == "Hello"


def test_a_block_is_not_to_be_counted_from_what_one_was_told(database, elm):
    ana, bob = resident(database, "Ana", elm), resident(database, "Bob", elm)
    post = database.transact(posts.publish, by=ana, text="Hello")
    database.transact(posts.reply, by=bob, to=post, text="Hi")
    assert database.look(notifications.unread, ana.account) == 1
    database.transact(relations.block, by=bob, other=ana.account)
    assert database.look(notifications.unread, ana.account) == 0


def test_whose_words_were_hidden_is_told_and_nobody_judges_their_own(database, elm, mo):
    ana = resident(database, "Ana", elm)
    post = database.transact(posts.publish, by=ana, text="Hello")
    database.transact(moderation.hide, by=mo, post_id=post)
    assert heard(database, ana) == [Kind.POST_HIDDEN]
    own = database.transact(posts.publish, by=mo, text="Mine")
    bea = resident(database, "Bea", elm, moderator=True)
    database.transact(moderation.hide, by=bea, post_id=own)
    with pytest.raises(Forbidden):
        database.transact(moderation.restore, by=mo, post_id=own)
