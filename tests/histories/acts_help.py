"""Help, from asking to the end: offers, answers, private words."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fedhood.core import help_requests, moderation
from fedhood.core.help_requests import HelpCategory, Met, Outcome
from fedhood.core.moderation import Reason
from tests.histories.acts import Act, Chosen, Kind, of_thread, somebody, something
from tests.histories.acts_posts import audience, my_complaint, reach, sees_readers
from tests.histories.book import Thing

if TYPE_CHECKING:
    from random import Random

    from tests.histories.life import Life

SHORT, LONG = 1, 14  # days until a request runs out: within the first long pause, or never


def _choose_ask(life: Life, chance: Random) -> Chosen:
    by = somebody(life, chance)
    who = audience(life, chance, by)
    who = who if who[0] != "public" else ("neighbourhood", ())
    return Act("ask", by, more=(*who, chance.choice([SHORT, LONG, LONG])))


def secret(act: Act) -> str:
    """A note that only who is chosen may read."""
    return f"Secret {act.number} of {act.by}."


def _ask(life: Life, act: Act) -> int:
    house = life.house(act.by)
    asked: int = house.write(
        help_requests.ask,
        by=life.person(act.by).viewer,
        line=act.words,
        note=secret(act) if act.number % 4 else "",
        category=HelpCategory.CARRYING,
        area=f"Near {act.number}",
        until=house.clock.now() + timedelta(days=act.more[2]),
        **reach(life, act),
    )
    return asked


def _choose_note(life: Life, chance: Random) -> Chosen:
    thing = something(life, chance, "request")
    return thing and Act("note", thing.by, thing.label)


def _note(life: Life, act: Act) -> None:
    viewer = life.person(act.by).viewer
    life.house(act.by).write(help_requests.edit_note, by=viewer, request_id=life.at(act.by, act.on), text=secret(act))


def _choose_offer(life: Life, chance: Random) -> Chosen:
    thing = something(life, chance, "request")
    return thing and Act("offer", somebody(life, chance), thing.label)


def _offer(life: Life, act: Act) -> int:
    made: int = life.house(act.by).write(
        help_requests.offer,
        by=life.person(act.by).viewer,
        request_id=life.at(act.by, act.on) or 0,
        text=act.words if act.number % 3 else "",
    )
    return made


def _sees_open(life: Life, act: Act) -> Any:
    return life.is_seen(act.by, act.on), life.state_of(act.by, act.on), life.offers_by(act.by, act.on)


def _my_offers(_life: Life, act: Act) -> set[str]:
    return {f"offers {act.by} {act.on}"}


# -- what is done about an offer or a request: whoever does it sees all of it as it is ---------------------------------


def _request_of(life: Life, act: Act) -> Thing:
    thing = life.book.things[act.on]
    return life.book.things[thing.root]


def _sees_all(life: Life, act: Act) -> Any:
    return life.about(act.by, _request_of(life, act).label)


def _the_request(life: Life, act: Act) -> set[str]:
    return {f"thing {_request_of(life, act).label}", f"thing {act.on}"}


def _on_offer(kind: str, life: Life, chance: Random, *, by_helper: bool = False) -> Chosen:
    thing = something(life, chance, "offer")
    if thing is None:
        return None
    return Act(kind, thing.by if by_helper else life.book.things[thing.about].by, thing.label)


def _on_request(kind: str, life: Life, chance: Random) -> Chosen:
    thing = something(life, chance, "request")
    return thing and Act(kind, thing.by, thing.label)


def _do_with_offer(use_case: Any) -> Any:
    def do(life: Life, act: Act) -> Any:
        offer = life.at(act.by, act.on) or 0
        done = life.house(act.by).write(use_case, by=life.person(act.by).viewer, offer_id=offer)
        return done if use_case is help_requests.accept else None

    return do


def _do_with_request(use_case: Any) -> Any:
    def do(life: Life, act: Act) -> None:
        also = {"outcome": Outcome(act.more[0])} if act.more else {}
        request = life.at(act.by, act.on) or 0
        life.house(act.by).write(use_case, by=life.person(act.by).viewer, request_id=request, **also)

    return do


def _choose_resolve(life: Life, chance: Random) -> Chosen:
    act = _on_request("resolve", life, chance)
    return act and Act("resolve", act.by, act.on, more=(chance.choice(list(Outcome)).value,))


# -- private words -----------------------------------------------------------------------------------------------------


def _in_talk(kind: str, life: Life, chance: Random, *more: Any) -> Chosen:
    thing = something(life, chance, "talk")
    if thing is None:
        return None
    offer = life.book.things[thing.about]
    return Act(kind, chance.choice([thing.by, offer.by]), thing.label, more=more)


def _say(life: Life, act: Act) -> None:
    life.house(act.by).write(
        help_requests.say,
        by=life.person(act.by).viewer,
        thread_id=life.at(act.by, act.on) or 0,
        text=act.words,
    )


def _leave(life: Life, act: Act) -> None:
    viewer = life.person(act.by).viewer
    life.house(act.by).write(help_requests.leave, by=viewer, thread_id=life.at(act.by, act.on) or 0)


def _met(life: Life, act: Act) -> None:
    life.house(act.by).write(
        help_requests.met,
        by=life.person(act.by).viewer,
        thread_id=life.at(act.by, act.on) or 0,
        answer=Met(act.more[0]),
    )


def _choose_met(life: Life, chance: Random) -> Chosen:
    return _in_talk("met", life, chance, chance.choice(list(Met)).value)


def _my_answer(_life: Life, act: Act) -> set[str]:
    return {f"met {act.by} {act.on}"}


def _complain(life: Life, act: Act) -> None:
    life.house(act.by).write(
        moderation.report_talk,
        by=life.person(act.by).viewer,
        thread_id=life.at(act.by, act.on) or 0,
        reason=Reason.UNKIND,
        text=act.words,
    )


def _sees_talk(life: Life, act: Act) -> Any:
    thing = life.book.things[act.on]
    stands = life.talk_of(act.by, act.on)[:2]
    return life.state_of(act.by, thing.root), life.offer_of(act.by, thing.about), stands


def _in_thread(life: Life, act: Act) -> set[str]:
    thing = life.book.things[act.on]
    people = {f"person {thing.by}", *({f"person {life.book.things[thing.about].by}"} if thing.about else ())}
    return {f"thread {thing.root}", f"thing {thing.root}", f"person {life.book.things[thing.root].by}", *people}


KINDS: dict[str, Kind] = {
    "ask": Kind(9, _choose_ask, _ask, view=sees_readers, makes="request"),
    "note": Kind(1, _choose_note, _note, view=_sees_all, reads=of_thread, writes=_the_request),
    "offer": Kind(14, _choose_offer, _offer, view=_sees_open, reads=of_thread, writes=_my_offers, makes="offer"),
    "take-back": Kind(
        4,
        lambda life, chance: _on_offer("take-back", life, chance, by_helper=True),
        _do_with_offer(help_requests.take_back),
        view=_sees_all,
        reads=_in_thread,
        writes=_the_request,
    ),
    "accept": Kind(
        10,
        lambda life, chance: _on_offer("accept", life, chance),
        _do_with_offer(help_requests.accept),
        view=_sees_all,
        reads=_in_thread,
        writes=_the_request,
        makes="talk",
    ),
    "decline": Kind(
        2,
        lambda life, chance: _on_offer("decline", life, chance),
        _do_with_offer(help_requests.decline),
        view=_sees_all,
        reads=_in_thread,
        writes=_the_request,
    ),
    "release": Kind(
        3,
        lambda life, chance: _on_request("release", life, chance),
        _do_with_request(help_requests.release),
        view=_sees_all,
        reads=of_thread,
        writes=_the_request,
    ),
    "resolve": Kind(
        3,
        _choose_resolve,
        _do_with_request(help_requests.resolve),
        view=_sees_all,
        reads=of_thread,
        writes=_the_request,
    ),
    "withdraw": Kind(
        2,
        lambda life, chance: _on_request("withdraw", life, chance),
        _do_with_request(help_requests.withdraw),
        view=_sees_all,
        reads=of_thread,
        writes=_the_request,
    ),
    "say": Kind(8, lambda life, chance: _in_talk("say", life, chance), _say, view=_sees_talk, reads=_in_thread),
    "leave": Kind(
        2,
        lambda life, chance: _in_talk("leave", life, chance),
        _leave,
        view=_sees_all,
        reads=_in_thread,
        writes=_the_request,
    ),
    "met": Kind(2, _choose_met, _met, view=_sees_talk, reads=_in_thread, writes=_my_answer),
    "complain": Kind(
        1,
        lambda life, chance: _in_talk("complain", life, chance),
        _complain,
        view=_sees_talk,
        reads=_in_thread,
        writes=my_complaint,
    ),
}
