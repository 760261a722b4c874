"""What an act is: who does what to which thing, what they saw when they did it, and which acts it has to do with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from tests.histories.book import Thing
from tests.histories.life import Life


@dataclass(frozen=True)
class Act:
    """`by` does something to `on`; `other` is a second person, server or thing, `more` are plain values."""

    kind: str
    by: str
    on: str = ""
    other: str = ""
    more: tuple[Any, ...] = ()
    number: int = 0
    # what the one who acts saw of it, the first time
    saw: Any = None
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()

    @property
    def makes(self) -> str:
        """The label of what it makes."""
        return f"{self.kind}-{self.number}"

    @property
    def words(self) -> str:
        """A text that nobody else says."""
        return f"Words {self.number} of {self.by}."

    def goes_with(self, other: Act) -> bool:
        """Whether the two may happen in either order."""
        return not (self.writes & (other.reads | other.writes) or other.writes & self.reads)

    def __str__(self) -> str:
        said = " ".join(str(part) for part in (self.by, self.kind, self.on, self.other, *self.more) if part != "")
        return f"{self.number:3} {said}"


Chosen = Act | None


@dataclass(frozen=True)
class Kind:
    """How one kind of act is chosen, done, and depends on others.

    `view` is what its actor must see again in another run before they do it; `reads` and `writes` name what it has to
    do with: two acts of which one writes what the other reads or writes keep their order.
    """

    weight: int
    choose: Callable[[Life, Random], Chosen]
    do: Callable[[Life, Act], int | None]
    view: Callable[[Life, Act], Any] = field(default=lambda _life, _act: None)
    reads: Callable[[Life, Act], set[str]] = field(default=lambda _life, _act: set())
    writes: Callable[[Life, Act], set[str]] = field(default=lambda _life, _act: set())
    makes: str = ""
    alone: bool = False  # it has to do with everything


def view_of(kind: Kind, life: Life, act: Act) -> Any:
    """What an actor sees of what they are about to do; after a parting also with whom their server has agreed."""
    with_whom = (life.agreed(life.person(act.by).house), life.all_agreed()) if life.has_parted else None
    return kind.view(life, act), with_whom


def prepared(kind: Kind, life: Life, act: Act) -> Act:
    """The act as it is to be repeated."""
    reads = {f"person {act.by}", "town"} | kind.reads(life, act)
    writes = kind.writes(life, act) | ({"town"} if kind.alone else set())
    if kind.makes:
        writes |= {f"thing {act.makes}", f"thread {act.makes}"}
    return replace(act, saw=view_of(kind, life, act), reads=frozenset(reads), writes=frozenset(writes))


def perform(kind: Kind, life: Life, act: Act) -> None:
    """Do it, and write down what was made. Raises FedhoodError when the server says no."""
    made = kind.do(life, act)
    if kind.makes and made is not None:
        house = life.person(act.by).house
        root = act.makes if kind.makes in {"post", "request"} else life.book.things[act.on].root
        life.book.enter(Thing(act.makes, kind.makes, house, made, act.by, root, act.on))


# -- choosing ----------------------------------------------------------------------------------------------------------


def somebody(life: Life, chance: Random) -> str:
    return chance.choice(sorted(set(life.world.town.people) - life.left))


def something(life: Life, chance: Random, *kinds: str, by: str | None = None) -> Thing | None:
    """Something that was made, rather a new one; `by`: of theirs."""
    found = [thing for thing in life.book.of(*kinds) if by in {None, thing.by} and thing.by not in life.left]
    if not found:
        return None
    return chance.choice(found[-4:] if chance.random() < 0.7 else found)


def of_thread(life: Life, act: Act) -> set[str]:
    """What somebody who does something in a thread has to do with: it, the thing itself, and those they speak to."""
    thing = life.book.things[act.on]
    root = life.book.things[thing.root]
    return {f"thread {thing.root}", f"thing {act.on}", f"person {thing.by}", f"person {root.by}"}
