"""The private thread of the two: the note, what they said, and after it whether they met."""

from datetime import timedelta
from typing import Any

from aiohttp import web

from fedhood.adapters.http.limits import Bucket
from fedhood.adapters.web import forms, help_views, once, views
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.render import Words
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import accounts, help_requests, neighbourhoods, relations, timelines
from fedhood.core.accounts import Account
from fedhood.core.help_requests import Message, Met, PrivateThread, Sent, State
from fedhood.core.timelines import Entry
from fedhood.kernel import ids, urls
from fedhood.kernel.errors import Conflict, Invalid, NotFound

# what goes next door mostly arrives within a minute
_SOON = timedelta(minutes=1)


async def show(visit: Visit) -> web.StreamResponse:
    """`/help/{id}/talk`: for the two alone; for everyone else there is nothing here."""
    entry, thread = await _found(visit)
    return await _page(visit, entry, thread)


async def not_closed(visit: Visit, errors: Errors) -> web.StreamResponse:
    """The same page, when the form on it that closes the request does not say how it ended."""
    entry, thread = await _found(visit)
    return await _page(visit, entry, thread, errors=errors, status=422)


async def _found(visit: Visit) -> tuple[Entry, PrivateThread]:
    request_id = ids.parse(visit.request.match_info["id"])
    entry = await visit.database.read(timelines.of_thread, request_id=request_id, viewer=visit.viewer)
    thread = await visit.database.read(help_requests.thread_of, request_id=request_id, viewer=visit.viewer)
    if thread is None:
        raise NotFound
    return entry, thread


async def _page(
    visit: Visit,
    entry: Entry,
    thread: PrivateThread,
    *,
    text: str = "",
    errors: Errors | None = None,
    status: int = 200,
) -> web.Response:
    other = await visit.database.read(accounts.get, thread.other(visit.account))
    messages = await visit.database.read(help_requests.messages, thread_id=thread.id, viewer=visit.viewer)
    answer = await visit.database.read(help_requests.my_answer, thread_id=thread.id, viewer=visit.viewer)
    place = await _place_of(visit, other)
    asks = visit.account == thread.asker
    left = await visit.database.read(help_requests.is_left, thread=thread)
    blocked = await visit.database.read(relations.blocked_by, visit.account)
    return visit.page(
        "talk.html",
        status=status,
        path=f"{urls.help_request(entry.post.id)}/talk",
        base=urls.help_request(entry.post.id),
        line=_line(entry, visit.words, asks=asks),
        facts=help_views.where_and_until(entry.help, visit.words) if entry.help is not None else "",
        state=help_views.talk_state(entry, thread, visit.words, asks=asks, left=left),
        name=views.first_name(other.name),
        person=views.person_page(other, visit.viewer),
        messages=[_message(message, other, place, visit) for message in messages],
        asks=asks,
        is_claimed=entry.help is not None and entry.help.state is State.CLAIMED and thread.ended_at is None,
        is_over=thread.ended_at is not None,
        is_left=left,
        i_left=thread.left_by == visit.account or (thread.left_by is None and other.id in blocked),
        is_erased=thread.erased_at is not None,
        may_say=await visit.database.read(help_requests.may_say, thread=thread, now=visit.now, by=visit.account),
        outcomes=[(outcome.value, visit.words.gettext(said)) for outcome, said in help_views.OUTCOMES.items()],
        met=answer.value if answer is not None else "",
        answers=[(met.value, visit.words.gettext(said)) for met, said in help_views.MET.items()],
        close_days=visit.settings.thread_close_days,
        erase_days=visit.settings.thread_erase_days,
        text=text,
        errors=errors or Errors(),
    )


def _line(entry: Entry, words: Words, *, asks: bool) -> str:
    """What was asked; not to the helper while it is hidden, nor to anybody once it is gone."""
    shown = asks or entry.post.hidden_at is None
    return entry.post.text if shown and entry.post.text else words.gettext("This request was taken away.")


async def _place_of(visit: Visit, other: Account) -> str:
    if other.neighbourhood is None:
        return ""
    return (await visit.database.read(neighbourhoods.get, other.neighbourhood)).name


def _message(message: Message, other: Account, place: str, visit: Visit) -> dict[str, Any]:
    mine = message.author != other.id
    return {
        "name": views.first_name(other.name),
        "mine": mine,
        "note": message.part == "note",
        "when": message.at,
        "words": message.text or visit.words.gettext("These words were erased."),
        "waiting": _waiting(message, place, visit) if mine else "",
    }


def _waiting(message: Message, place: str, visit: Visit) -> str:
    """What is said under a message that must still reach another neighbourhood."""
    words = visit.words
    if message.sent is Sent.SENDING and visit.now - message.at < _SOON:
        return words.gettext("On its way to %(place)s.", place=place)
    if message.sent in {None, Sent.ARRIVED}:
        return ""
    if message.sent is Sent.FAILED:
        return words.gettext("This did not arrive in %(place)s. We stopped trying.", place=place)
    return words.gettext("Not arrived in %(place)s yet. We keep trying.", place=place)


async def say(visit: Visit) -> web.StreamResponse:
    """One of the two says something."""
    entry, thread = await _found(visit)
    form = await visit.form()
    text = form.get("text", "")
    try:
        visit.count(Bucket.POSTS)
        await visit.database.write(
            once.act,
            help_requests.say,
            bucket=once.bucket(visit, form, "text"),
            by=visit.viewer,
            thread_id=thread.id,
            text=text,
        )
    except Conflict as refused:
        once.check(refused)
    except Invalid as refused:
        errors = forms.errors_of(refused, visit.words)
        return await _page(visit, entry, thread, text=text, errors=errors, status=422)
    return go(f"{urls.help_request(entry.post.id)}/talk#say")


async def leave(visit: Visit) -> web.StreamResponse:
    """One of the two wants to hear no more of it."""
    entry, thread = await _found(visit)
    await visit.database.write(help_requests.leave, by=visit.viewer, thread_id=thread.id)
    return go(f"{urls.help_request(entry.post.id)}/talk")


async def met(visit: Visit) -> web.StreamResponse:
    """One of the two answers whether they met."""
    entry, thread = await _found(visit)
    try:
        answer = Met((await visit.form()).get("answer", ""))
    except ValueError as failure:
        raise Invalid(code="form") from failure
    await visit.database.write(help_requests.met, by=visit.viewer, thread_id=thread.id, answer=answer)
    return go(f"{urls.help_request(entry.post.id)}/talk#met")
