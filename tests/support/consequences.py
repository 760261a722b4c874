"""What follows from a fact, in a test."""

from collections.abc import Callable

from fedhood.kernel.engine import UnitOfWork
from fedhood.kernel.facts import Fact


class Consequences:
    """What follows from a fact in a test: nothing, unless `then` is set. `facts` are all that were stated, in order.

    A fact whose transaction failed afterwards is among them; what was kept is in the `fact` table.
    """

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.then: Callable[[UnitOfWork, Fact], None] | None = None

    def __call__(self, uow: UnitOfWork, fact: Fact) -> None:
        self.facts.append(fact)
        if self.then is not None:
            self.then(uow, fact)
