"""What has to do with everything: people who will not meet, or leave; servers that part; time that passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.core import help_requests, peers, relations
from fedhood.kernel.errors import Conflict, NotFound
from tests.histories.acts import Act, Chosen, Kind, of_thread, somebody, something
from tests.histories.state import rows
from tests.histories.world import peer_at

if TYPE_CHECKING:
    from random import Random

    from tests.histories.life import Life


def _choose_block(life: Life, chance: Random) -> Chosen:
    by, thing = somebody(life, chance), something(life, chance, "post", "request", "reply")
    return thing and Act("block", by, thing.label, other=thing.by)


def _block(life: Life, act: Act) -> None:
    house = life.house(act.by)
    other = life.account_at(house, act.other)
    if other is None or not life.is_seen(act.by, act.on):
        raise NotFound
    if relations.is_blocked(house.database._reader_db, life.person(act.by).viewer.account or 0, other):
        raise Conflict(code="so-already")
    house.write(help_requests.block, by=life.person(act.by).viewer, other=other)
    life.blocked.append((act.by, act.other))


def _choose_unblock(life: Life, chance: Random) -> Chosen:
    by = somebody(life, chance)
    blocked = rows(life.house(by), "SELECT other FROM block WHERE account = ?", life.person(by).viewer.account)
    if not blocked:
        return None
    people = rows(life.house(by), "SELECT id, key, uri FROM account WHERE id = ?", chance.choice(blocked)["other"])
    return Act("unblock", by, other=life.who(life.house(by), people[0]))


def _unblock(life: Life, act: Act) -> None:
    other = life.account_at(life.house(act.by), act.other)
    life.house(act.by).write(relations.unblock, by=life.person(act.by).viewer, other=other)


def _both(_life: Life, act: Act) -> set[str]:
    return {f"person {act.by}", f"person {act.other}"}


def _nobody_answers(life: Life, act: Act) -> Any:
    """Whom they block they know by what they read of them."""
    return life.is_seen(act.by, act.on), life.is_quiet()


def _nothing_is_under_way(life: Life, _act: Act) -> Any:
    return life.is_quiet()


def _choose_farewell(life: Life, chance: Random) -> Chosen:
    return Act("farewell", somebody(life, chance))


def _farewell(life: Life, act: Act) -> None:
    if len(life.world.houses) > 2 and not life.all_agreed():
        raise NotFound  # what they answered is taken back as well
    life.house(act.by).write(help_requests.farewell, by=life.person(act.by).viewer)
    life.left.add(act.by)


def _sees_their_own(life: Life, act: Act) -> Any:
    """All requests that somebody made or offered to."""
    theirs = {thing.label for thing in life.book.of("request") if thing.by == act.by}
    theirs |= {thing.about for thing in life.book.of("offer") if thing.by == act.by}
    return [(label, life.about(act.by, label)) for label in sorted(theirs)]


# -- servers -----------------------------------------------------------------------------------------------------------


def _choose_part(life: Life, chance: Random) -> Chosen:
    one, other = chance.sample(sorted(life.world.houses), 2)
    return Act("part", life.world.town.keepers[one], other=other)


def _part(life: Life, act: Act) -> None:
    life.house(act.by).write(peers.end, by=life.person(act.by).viewer, peer_id=_peer(life, act).id)
    life.has_parted = True


def _peer(life: Life, act: Act) -> peers.Peer:
    known = peer_at(life.world, life.person(act.by).house, act.other)
    if known is None:
        raise NotFound
    return known


def _propose(life: Life, act: Act) -> None:
    host = life.world.houses[act.other].host
    life.house(act.by).write(peers.propose, by=life.person(act.by).viewer, host=host)


def _confirm(life: Life, act: Act) -> None:
    life.house(act.by).write(peers.confirm, by=life.person(act.by).viewer, peer_id=_peer(life, act).id, pairs=None)


def what_follows(life: Life, act: Act) -> list[Act]:
    """What is to happen some acts after this one."""
    if act.kind == "part":
        here, keepers = life.person(act.by).house, life.world.town.keepers
        again = Act("propose", keepers[act.other], other=here)
        return [again, Act("confirm", act.by, other=act.other), Act("confirm", keepers[act.other], other=here)]
    if act.kind == "pause":
        others = [keeper for house, keeper in life.world.town.keepers.items() if keeper != act.by]
        return [Act("strike", keeper) for keeper in others]
    return []


# -- time --------------------------------------------------------------------------------------------------------------


def _choose_pause(life: Life, chance: Random) -> Chosen:
    return Act("pause", chance.choice(sorted(life.world.town.keepers.values())))


def _pause(life: Life, act: Act) -> None:
    if life.pauses == 2:
        raise Conflict(code="enough")  # what is to wait for ever would run out as well
    life.pauses += 1
    life.world.clock.move(life.pause)
    _strike(life, act)


def _strike(life: Life, act: Act) -> None:
    house = life.house(act.by)
    house.write(help_requests.expire_due)
    house.write(help_requests.erase_due)
    house.write(peers.lapse_due)


def never(_life: Life, _chance: Random) -> Chosen:
    """Not chosen: it follows from something else."""
    return None


KINDS: dict[str, Kind] = {
    "block": Kind(1, _choose_block, _block, view=_nobody_answers, reads=of_thread, writes=_both),
    "unblock": Kind(2, _choose_unblock, _unblock, view=_nothing_is_under_way, writes=_both),
    "farewell": Kind(1, _choose_farewell, _farewell, view=_sees_their_own, alone=True),
    "part": Kind(1, _choose_part, _part, view=_nothing_is_under_way, alone=True),
    "propose": Kind(0, never, _propose, alone=True),
    "confirm": Kind(0, never, _confirm, alone=True),
    "pause": Kind(1, _choose_pause, _pause, view=_nothing_is_under_way, alone=True),
    "strike": Kind(0, never, _strike, alone=True),
}
