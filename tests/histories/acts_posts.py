"""Posts, replies and thanks, and what moderators do about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.core import interactions, moderation, posts
from fedhood.core.moderation import Reason
from fedhood.core.posts import Audience
from fedhood.kernel.errors import NotFound
from tests.histories.acts import Act, Chosen, Kind, of_thread, somebody, something
from tests.histories.state import rows

if TYPE_CHECKING:
    from random import Random

    from tests.histories.life import Life

AUDIENCES = (*[Audience.NEIGHBOURS] * 7, *[Audience.PUBLIC] * 2, Audience.NEIGHBOURHOOD)


def next_door(life: Life, person: str) -> list[str]:
    """The neighbourhoods that read somebody's own."""
    house = life.house(person)
    found = rows(
        house,
        'SELECT key FROM neighbourhood JOIN pair ON reader = neighbourhood.id WHERE writer = ? AND "until" IS NULL',
        life.person(person).viewer.neighbourhood,
    )
    return sorted(row["key"].capitalize() for row in found)


def audience(life: Life, chance: Random, by: str) -> tuple[str, tuple[str, ...]]:
    """Who is to read something: an audience that can be had now, mostly all next door."""
    near = next_door(life, by)
    wanted = chance.choice(AUDIENCES)
    if wanted is not Audience.NEIGHBOURS:
        return wanted.value, ()
    if not near:
        return Audience.NEIGHBOURHOOD.value, ()
    return wanted.value, tuple(near if chance.random() < 0.7 else [chance.choice(near)])


def reach(life: Life, act: Act) -> dict[str, Any]:
    kind, places = act.more[0], act.more[1]
    house = life.house(act.by)
    return {"audience": Audience(kind), "places": [life.place_at(house, place) for place in places]}


def _choose_tell(life: Life, chance: Random) -> Chosen:
    by = somebody(life, chance)
    return Act("tell", by, more=audience(life, chance, by))


def _tell(life: Life, act: Act) -> int:
    return life.house(act.by).write(posts.publish, by=life.person(act.by).viewer, text=act.words, **reach(life, act))


def sees_readers(life: Life, act: Act) -> Any:
    return next_door(life, act.by)


def _all_vouch(life: Life, kind: str) -> None:
    """Raise NotFound for an answer while two servers have parted: who reads along hears of it only from both."""
    if kind == "reply" and len(life.world.houses) > 2 and not life.all_agreed():
        raise NotFound


def _choose_reply(life: Life, chance: Random) -> Chosen:
    thing = something(life, chance, "post", "request", "reply")
    return thing and Act("reply", somebody(life, chance), thing.label)


def _here(life: Life, act: Act) -> dict[str, Any]:
    return {"by": life.person(act.by).viewer, "post_id": life.at(act.by, act.on) or 0}


def _reply(life: Life, act: Act) -> int:
    _all_vouch(life, "reply")
    by, to = _here(life, act).values()
    return life.house(act.by).write(posts.reply, by=by, to=to, text=act.words)


def sees_it(life: Life, act: Act) -> Any:
    return life.is_seen(act.by, act.on)


def _choose_edit(life: Life, chance: Random) -> Chosen:
    thing = something(life, chance, "post", "reply")
    return thing and Act("edit", thing.by, thing.label)


def _edit(life: Life, act: Act) -> None:
    _all_vouch(life, life.book.things[act.on].kind)
    life.house(act.by).write(posts.edit, **_here(life, act), text=act.words)


def _the_thing(_life: Life, act: Act) -> set[str]:
    return {f"thing {act.on}"}


def _choose_remove(life: Life, chance: Random) -> Chosen:
    thing = something(life, chance, "post", "request", "reply")
    if thing is None:
        return None
    by = thing.by if chance.random() < 0.8 else life.world.town.keepers[thing.house]
    return Act("remove", by, thing.label)


def _remove(life: Life, act: Act) -> None:
    _all_vouch(life, life.book.things[act.on].kind)
    life.house(act.by).write(posts.delete, **_here(life, act))


def _whole_thread_of_a_root(life: Life, act: Act) -> set[str]:
    return {f"thing {act.on}", *({f"thread {act.on}"} if life.book.things[act.on].root == act.on else ())}


def _sees_answers(life: Life, act: Act) -> Any:
    """Of a request all that stands about it; of a reply, which answers to it are there."""
    thing = life.book.things[act.on]
    if thing.kind == "request":
        return life.about(act.by, act.on)
    if thing.kind == "post":
        return None
    there = [life.at(act.by, one.label) for one in life.book.of("reply") if one.about == act.on]
    house = life.house(act.by)
    return sum(rows(house, "SELECT deleted_at FROM post WHERE id = ?", one) == [{"deleted_at": None}] for one in there)


def _choose_thank(life: Life, chance: Random) -> Chosen:
    thing = something(life, chance, "post", "request", "reply")
    return thing and Act("thank", somebody(life, chance), thing.label)


def _choose_unthank(life: Life, chance: Random) -> Chosen:
    thing = something(life, chance, "post", "request", "reply")
    if thing is None:
        return None
    given = [name for name in sorted(set(life.world.town.people) - life.left) if _has_thanked(life, name, thing.label)]
    return Act("unthank", chance.choice(given), thing.label) if given else None


def _has_thanked(life: Life, person: str, label: str) -> bool:
    viewer, post_id = life.person(person).viewer, life.at(person, label)
    return post_id is not None and bool(
        rows(life.house(person), "SELECT 1 FROM thanks WHERE post = ? AND account = ?", post_id, viewer.account)
    )


def _thank(life: Life, act: Act) -> None:
    life.house(act.by).write(interactions.thank, **_here(life, act))


def _unthank(life: Life, act: Act) -> None:
    life.house(act.by).write(interactions.take_back, **_here(life, act))


def _my_thanks(_life: Life, act: Act) -> set[str]:
    return {f"thanks {act.by} {act.on}"}


# -- moderators --------------------------------------------------------------------------------------------------------


def _choose_hide(life: Life, chance: Random) -> Chosen:
    thing = something(life, chance, "post", "request", "reply")
    return thing and Act("hide", chance.choice(sorted(life.world.town.keepers.values())), thing.label)


def _choose_show(life: Life, chance: Random) -> Chosen:
    hidden = [thing for thing in life.book.of("post", "request", "reply") if _is_hidden(life, thing.label)]
    if not hidden:
        return None
    return Act("show", chance.choice(sorted(life.world.town.keepers.values())), chance.choice(hidden).label)


def _is_hidden(life: Life, label: str) -> bool:
    return any(
        rows(house, "SELECT 1 FROM post WHERE id = ? AND hidden_at IS NOT NULL", post_id)
        or rows(house, "SELECT 1 FROM post_place WHERE post = ? AND hidden", post_id)
        for house in life.world.houses.values()
        if (post_id := life.book.id_at(life.world, house, label)) is not None
    )


def _hide(life: Life, act: Act) -> None:
    root = life.book.things[act.on].root
    if rows(life.house(act.by), "SELECT 1 FROM post WHERE id = ? AND deleted_at IS NOT NULL", life.at(act.by, root)):
        raise NotFound  # nobody reads a thread that was removed
    life.house(act.by).write(moderation.hide, **_here(life, act))


def _show(life: Life, act: Act) -> None:
    life.house(act.by).write(moderation.restore, **_here(life, act))


def _has_arrived(life: Life, act: Act) -> Any:
    """What is hidden is sent to nobody any more: those who are to answer it must have it."""
    return _is_there(life, act), life.is_quiet()


def _is_there(life: Life, act: Act) -> Any:
    return rows(life.house(act.by), "SELECT hidden_at IS NULL FROM post WHERE id = ?", life.at(act.by, act.on))


def _the_thread(life: Life, act: Act) -> set[str]:
    return {f"thread {life.book.things[act.on].root}"}


def _choose_report(life: Life, chance: Random) -> Chosen:
    thing = something(life, chance, "post", "request", "reply")
    return thing and Act("report", somebody(life, chance), thing.label, more=(chance.choice(list(Reason)).value,))


def my_complaint(_life: Life, act: Act) -> set[str]:
    """The same complaint again is the same complaint: the first one's words stay."""
    return {f"complaint {act.by} {act.on}"}


def _report(life: Life, act: Act) -> None:
    life.reported[act.words] = act.on
    life.house(act.by).write(moderation.report, **_here(life, act), reason=Reason(act.more[0]), text=act.words)


KINDS: dict[str, Kind] = {
    "tell": Kind(10, _choose_tell, _tell, view=sees_readers, makes="post"),
    "reply": Kind(9, _choose_reply, _reply, view=sees_it, reads=of_thread, makes="reply"),
    "edit": Kind(7, _choose_edit, _edit, reads=of_thread, writes=_the_thing),
    "remove": Kind(3, _choose_remove, _remove, view=_sees_answers, reads=of_thread, writes=_whole_thread_of_a_root),
    "thank": Kind(6, _choose_thank, _thank, view=sees_it, reads=of_thread, writes=_my_thanks),
    "unthank": Kind(4, _choose_unthank, _unthank, view=sees_it, reads=of_thread, writes=_my_thanks),
    "hide": Kind(2, _choose_hide, _hide, view=_has_arrived, reads=of_thread, writes=_the_thread),
    "show": Kind(3, _choose_show, _show, view=_is_there, reads=of_thread, writes=_the_thread),
    "report": Kind(1, _choose_report, _report, view=sees_it, reads=of_thread, writes=my_complaint),
}
