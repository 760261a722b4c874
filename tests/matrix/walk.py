"""Every viewer asks for every address; nothing is done, only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.matrix import deeds, expected, knock, routes

if TYPE_CHECKING:
    from tests.matrix.knock import Answer, Viewer
    from tests.matrix.routes import Ask
    from tests.matrix.scene import Site
    from tests.matrix.tally import Tally

_SAME = "hidden answers compared with missing ones"


async def everything(site: Site, viewers: list[Viewer], tally: Tally, *, only: str = "") -> None:
    """Ask for all that the route table has, in each form, or for what begins with `only`."""
    asks = [ask for ask in await routes.gets(site) if ask.path.startswith(only)]
    for viewer in viewers:
        wire_alone = viewer.name in expected.TO_THE_WIRE_ALONE
        await _as_one(site, viewer, [ask for ask in asks if not wire_alone or knock.is_wire(ask.path)], tally)


async def _as_one(site: Site, viewer: Viewer, asks: list[Ask], tally: Tally) -> None:
    missing: dict[tuple[str, str, str], Answer] = {}

    async def get(method: str, path: str, accept: str) -> Answer:
        answer = await site.door.ask(viewer, method, path, accept=accept)
        tally.look(viewer, method, path, answer)
        return answer

    for ask in asks:
        for accept in routes.accepts(ask.path, viewer):
            answer = await get("GET", ask.path, accept)
            if not ask.missing or ask.knows(tally.whose(viewer, ask.path)):
                continue
            head = await get("HEAD", ask.path, accept)
            for method, one in (("GET", answer), ("HEAD", head)):
                known = (method, ask.missing, accept)
                if known not in missing:
                    missing[known] = await get(method, ask.missing, accept)
                    said = missing[known].status
                    tally.check(
                        "missing answers that refuse",
                        f"ANSWERS {method} {ask.missing} says {said}",
                        viewer.name,
                        good=said in deeds.REFUSALS,
                    )
                compare(tally, viewer, method, (ask.path, one), (ask.missing, missing[known]))


def compare(tally: Tally, viewer: Viewer, method: str, hidden: tuple[str, Answer], missing: tuple[str, Answer]) -> None:
    """One answer about what is hidden against the one about what never was."""
    one, other = hidden[1].as_of(hidden[0]), missing[1].as_of(missing[0])
    parts = [part for part, a, b in zip(("status", "headers", "body"), one, other, strict=True) if a != b]
    at = f"{hidden[0]} ({hidden[1].status}) from {missing[0]} ({missing[1].status})"
    tally.check(
        _SAME,
        f"DIFFERS {method} {at}: {', '.join(parts)}",
        viewer.name,
        good=not parts,
    )
