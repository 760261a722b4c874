"""The answers under a post or a request for help, and the box for one more."""

from typing import Any

from fedhood.adapters.http.limits import Bucket
from fedhood.adapters.web import arrivals, forms, once, views
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.render import Words
from fedhood.adapters.web.visit import Visit
from fedhood.core import access, city_messages, peers, posts, timelines
from fedhood.core.access import Permission
from fedhood.core.timelines import Entry
from fedhood.kernel.errors import Conflict, Invalid

FIELD = "answer-text"
TICK = "city"


async def under(visit: Visit, entry: Entry, *, text: str = "", ticked: bool = False) -> dict[str, Any]:
    """What a page shows under a post: its answers with what this viewer may do with each, and what was typed."""
    found = await visit.database.read(timelines.thread, root=entry.post.id, viewer=visit.viewer)
    return {
        "answers": [
            (
                views.card(answer, visit.viewer, visit.words),
                may(answer, visit),
                await arrivals.of(visit, answer, but_arrived=True),
            )
            for answer in found
        ],
        "may_answer": views.is_reader(entry, visit.viewer),
        "answer_to": next((views.card(one, visit.viewer, visit.words) for one in found if _is_named(one, visit)), None),
        "answer_reads": reads(entry, visit.words),
        "city_tick": await city_tick(visit, entry),
        "city_ticked": ticked,
        "answer_text": text,
    }


def _is_named(entry: Entry, visit: Visit) -> bool:
    """Whether the box is for this answer: one of somebody elsewhere, who hears only what answers them."""
    return visit.request.query.get("to") == str(entry.post.id) and may(entry, visit)["answer"]


async def city_tick(visit: Visit, entry: Entry, *, is_set: bool = False) -> dict[str, str] | None:
    """What stands beside the tick that lets the city read an answer; None where there is nothing to tick today.

    One that is set can always be taken away.
    """
    message = entry.city
    if message is None or message.peer is None:
        return None
    if not is_set and not await visit.database.read(city_messages.may_share, message, now=visit.now):
        return None
    city = await visit.database.read(peers.get, message.peer)
    return {"city": entry.author.name or city.host, "host": city.host, "place": visit.home.name}


def is_ticked(form: dict[str, str]) -> bool:
    """Whether the tick is set."""
    return form.get(TICK) == "yes"


def reads(entry: Entry, words: Words) -> str:
    """Who reads an answer: whom its post was told; what is answered to the city stays in the own neighbourhood."""
    return views.reads(entry, words) if entry.city is None else views.audience(words, entry.home.name)


def may(entry: Entry, visit: Visit) -> dict[str, bool]:
    """What this viewer may do with a post beyond reading it: its author change and remove it, a moderator remove it.

    `answer`: who wrote it is elsewhere, and is answered by name.
    """
    mine = visit.viewer.account is not None and visit.viewer.account == entry.author.id and entry.post.uri is None
    moderates = access.may(visit.viewer, Permission.MODERATE, entry.post.neighbourhood)
    # what comes from elsewhere its own home takes away; here it is reported, and hidden
    delete = mine or (moderates and entry.post.uri is None)
    answer = entry.author.visitor not in {None, ""} and entry.post.root is not None
    return {"edit": mine, "delete": delete, "answer": answer}


async def send(visit: Visit, entry: Entry) -> tuple[int, Errors]:
    """The box is sent: the id of the answer (0 when it was sent before), or what is wrong with it."""
    form = await visit.form()
    # an answer to anybody else is for who reads the post: there is nobody to tick
    more: dict[str, Any] = {} if entry.city is None else {"shared": is_ticked(form)}
    try:
        visit.count(Bucket.POSTS)
        reply: int = await visit.database.write(
            once.act,
            posts.reply if entry.city is None else city_messages.reply,
            bucket=once.bucket(visit, form, "text", TICK),
            by=visit.viewer,
            to=entry.post.id,
            text=form.get("text", ""),
            language=visit.language.code,
            **more,
        )
    except Conflict as refused:
        once.check(refused)
        return 0, Errors()
    except Invalid as refused:
        return 0, Errors({FIELD: forms.errors_of(refused, visit.words).get(refused.field or "text")})
    return reply, Errors()
