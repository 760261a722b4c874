"""The help board, asking, and one request: its asker chooses, a neighbour offers, everybody sees how it stands."""

from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from aiohttp import web
from markupsafe import Markup

from fedhood.adapters.http.limits import Bucket
from fedhood.adapters.web import answers, arrivals, forms, front, help_views, once, talk, views
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.posts import audiences
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import accounts, help_requests, neighbourhoods, posts, timelines
from fedhood.core.access import Viewer
from fedhood.core.help_requests import HelpCategory, HelpRequest, Offer, OfferState, Outcome, State
from fedhood.core.timelines import Entry
from fedhood.kernel import ids, urls
from fedhood.kernel.errors import Conflict, Invalid, NotFound

_EVENING = 18
_USUALLY = timedelta(days=2)
_DAY = timedelta(days=1)


# --- The board and the form -------------------------------------------------------------------------------------


async def board(visit: Visit) -> web.StreamResponse:
    """`/help`: the windows that are lit, newest first."""
    entries = await visit.database.read(timelines.board, viewer=visit.viewer, before=visit.before, limit=front.PAGE + 1)
    return visit.page(
        "board.html",
        posts=[views.card(entry, visit.viewer, visit.words) for entry in entries[: front.PAGE]],
        older=front.older(entries, "/help?"),
    )


async def new(visit: Visit) -> web.StreamResponse:
    """`/help/new`: the form, with what was asked before when the time of that has passed."""
    return await _ask_page(visit, await _again(visit), Errors())


async def _again(visit: Visit) -> dict[str, str]:
    """The request that is asked once more, its note included: it is the asker's own."""
    before = visit.request.query.get("again", "")
    if not before:
        return {}
    try:
        post_id = ids.parse(before)
        entry = await visit.database.read(timelines.entry, post_id=post_id, viewer=visit.viewer)
        note = await visit.database.read(help_requests.note_of, post_id=post_id, viewer=visit.viewer)
    except NotFound:
        return {}
    request = _request(entry)
    return {"line": entry.post.text, "note": note or "", "category": request.category.value, "area": request.area}


async def ask(visit: Visit) -> web.StreamResponse:
    """The form is sent: the window is lit."""
    form = await visit.form()
    offered = await audiences(visit)
    audience = views.chosen_audience(offered, form.get("who", posts.Audience.NEIGHBOURHOOD.value))
    until = forms.local_moment(form.get("until", ""), visit.zone)
    try:
        if audience is None:
            raise Invalid("this audience is not offered", code="places", field="who")
        if until is None:
            raise Invalid("this is no moment", code="until", field="until")
        visit.count(Bucket.POSTS)
        post_id = await visit.database.write(
            once.act,
            help_requests.ask,
            bucket=once.bucket(visit, form, "line", "note", "who", "until"),
            by=visit.viewer,
            line=form.get("line", ""),
            note=form.get("note", ""),
            category=_category(form.get("category", "")),
            area=form.get("area", ""),
            until=until,
            audience=audience.audience,
            places=audience.places,
            language=forms.language_tag(form.get("language", "")) or visit.language.code,
        )
    except Invalid as refused:
        errors = forms.errors_of(refused, visit.words, otherwise="line")
        # the text of the post that tells it is the line of this form
        errors = Errors({"line" if name == "text" else name: said for name, said in errors.sentences.items()})
        return await _ask_page(visit, form, errors, status=422)
    except Conflict as refused:
        once.check(refused)
        return go("/help")
    return go(urls.help_request(post_id))


def _category(value: str) -> HelpCategory:
    try:
        return HelpCategory(value)
    except ValueError:
        return HelpCategory.OTHER


async def _ask_page(visit: Visit, form: dict[str, str], errors: Errors, *, status: int = 200) -> web.Response:
    offered = await audiences(visit)
    readers = await visit.database.read(neighbourhoods.readers_of, visit.home.id)
    return visit.page(
        "ask.html",
        status=status,
        options=views.options(offered, visit.home, visit.words, help_only=True),
        next_door=[reader.name for reader in readers],
        categories=[(category.value, visit.words.gettext(name)) for category, name in help_views.KINDS.items()],
        until=form.get("until") or forms.to_field(_usual_end(visit), visit.zone),
        earliest=forms.to_field(visit.now, visit.zone),
        latest=forms.to_field(visit.now + help_requests.LONGEST, visit.zone),
        most_line=help_requests.MOST_LINE,
        most_note=help_requests.MOST_NOTE,
        most_area=help_requests.MOST_AREA,
        written_in=form.get("language", "") or visit.language.code,
        form=form,
        errors=errors,
    )


def _usual_end(visit: Visit) -> datetime:
    day = (visit.now + _USUALLY).astimezone(visit.zone)
    return day.replace(hour=_EVENING, minute=0, second=0, microsecond=0)


# --- One request --------------------------------------------------------------------------------------------------


async def show(visit: Visit) -> web.StreamResponse:
    """`/help/{id}`: one request, as its asker, a helper or anybody else sees it."""
    return await _request_page(visit, await _entry(visit))


async def _entry(visit: Visit) -> Entry:
    post_id = ids.parse(visit.request.match_info["id"])
    entry = await visit.database.read(timelines.entry, post_id=post_id, viewer=visit.viewer)
    _request(entry)
    return entry


def _request(entry: Entry) -> HelpRequest:
    """The request that a post tells. Raises NotFound for a post that asks for nothing."""
    if entry.help is None:
        raise NotFound
    return entry.help


async def _request_page(
    visit: Visit,
    entry: Entry,
    *,
    form: dict[str, str] | None = None,
    errors: Errors | None = None,
    status: int = 200,
    answer: str = "",
) -> web.Response:
    request, words = _request(entry), visit.words
    mine = _is_asker(visit, entry)
    values: dict[str, Any] = {
        "post": views.card(entry, visit.viewer, visit.words),
        "asker": views.first_name(entry.author.name),
        "request": request,
        "is_open": request.state is State.OPEN,
        "is_live": help_requests.is_live(request),
        "is_claimed": request.state is State.CLAIMED,
        "is_expired": request.state is State.EXPIRED,
        "base": urls.help_request(entry.post.id),
        "id": entry.post.id,
        "form": form or {},
        "errors": errors or Errors(),
        **await answers.under(visit, entry, text=answer),
        "since": words.gettext("Neighbour since %(month)s.", month=words.month(entry.author.joined_at)),
    }
    if mine:
        values |= await _for_asker(visit, entry)
        return visit.page("request_own.html", status=status, path=values["base"], **values)
    thread = (
        await visit.database.read(help_requests.thread_of, request_id=entry.post.id, viewer=visit.viewer)
        if visit.viewer.account is not None
        else None
    )
    values |= {
        "may_offer": _may_offer(entry, visit.viewer),
        "talk": thread is not None,
        "most_offer": help_requests.MOST_OFFER,
    }
    return visit.page("request.html", status=status, path=values["base"], **values)


def _is_asker(visit: Visit, entry: Entry) -> bool:
    return visit.viewer.account is not None and visit.viewer.account == entry.author.id


def _may_offer(entry: Entry, viewer: Viewer) -> bool:
    """Whether this viewer may say "I can help" now: to an open request of one's places, once at a time."""
    if _request(entry).state is not State.OPEN or viewer.neighbourhood is None:
        return False
    if entry.my_offer is not None and entry.my_offer.state in {OfferState.WAITING, OfferState.ACCEPTED}:
        return False
    return any(place.id == viewer.neighbourhood for place in entry.places)


async def _for_asker(visit: Visit, entry: Entry) -> dict[str, Any]:
    note = await visit.database.read(help_requests.note_of, post_id=entry.post.id, viewer=visit.viewer)
    offers = await visit.database.read(help_requests.offers_of, post_id=entry.post.id, viewer=visit.viewer)
    thread = await visit.database.read(help_requests.thread_of, request_id=entry.post.id, viewer=visit.viewer)
    chosen = await visit.database.read(accounts.get, thread.helper) if thread is not None else None
    helpers = await visit.database.read(accounts.many, {offer.helper for offer in offers})
    places = {offer.neighbourhood for offer in offers}
    names = {place: (await visit.database.read(neighbourhoods.get, place)).name for place in places}
    waiting = [offer for offer in offers if offer.state is OfferState.WAITING]
    return {
        "arrivals": await arrivals.of(visit, entry),
        "note": note or "",
        "offers": [_offer(offer, helpers[offer.helper], names, visit) for offer in waiting],
        "talk": thread is not None,
        "helper": views.first_name(chosen.name) if chosen is not None else "",
        "outcomes": [(outcome.value, visit.words.gettext(said)) for outcome, said in help_views.OUTCOMES.items()],
    }


def _offer(offer: Offer, helper: accounts.Account, names: dict[int, str], visit: Visit) -> dict[str, Any]:
    """An offer as its asker sees it: who, where they live, since which month, how long it still stands."""
    words = visit.words
    place = names[offer.neighbourhood]
    where = words.gettext("%(place)s, next door", place=place) if offer.neighbourhood != visit.home.id else place
    days = max(1, ceil((offer.expires_at - visit.now) / _DAY))
    since = (
        words.gettext("neighbour since %(month)s", month=words.month(helper.joined_at)) if helper.peer is None else ""
    )
    waits = words.ngettext("waits %(n)s more day for your answer", "waits %(n)s more days for your answer", days)
    base = f"{urls.help_request(offer.request)}/offers/{offer.id}"
    return {
        "person": replace(views.person(helper, words), href=views.person_page(helper, visit.viewer)),
        "first_name": views.first_name(helper.name),
        "where": Markup(" · ").join(part for part in (where, since, waits) if part),
        "words": offer.text,
        "choose": f"{base}/choose",
        "decline": f"{base}/decline",
    }


# --- What the asker does ------------------------------------------------------------------------------------------


async def choose(visit: Visit) -> web.StreamResponse:
    """The asker chooses a helper; the two can talk now."""
    request_id, offer_id = await _offer_of_path(visit)
    await visit.database.write(help_requests.accept, by=visit.viewer, offer_id=offer_id)
    return go(f"{urls.help_request(request_id)}/talk")


async def decline(visit: Visit) -> web.StreamResponse:
    """The asker says no to one offer."""
    request_id, offer_id = await _offer_of_path(visit)
    await visit.database.write(help_requests.decline, by=visit.viewer, offer_id=offer_id)
    return go(f"{urls.help_request(request_id)}#offers")


async def _offer_of_path(visit: Visit) -> tuple[int, int]:
    """Request and offer that an address names; an offer to another request is not found under this one."""
    request_id, offer_id = (ids.parse(visit.request.match_info[name]) for name in ("id", "offer"))
    offers = await visit.database.read(help_requests.offers_of, post_id=request_id, viewer=visit.viewer)
    if all(offer.id != offer_id for offer in offers):
        raise NotFound
    return request_id, offer_id


async def note(visit: Visit) -> web.StreamResponse:
    """The asker writes the note anew."""
    entry = await _entry(visit)
    form = await visit.form()
    try:
        await visit.database.write(
            help_requests.edit_note, by=visit.viewer, request_id=entry.post.id, text=form.get("note", "")
        )
    except Invalid as refused:
        errors = forms.errors_of(refused, visit.words, otherwise="note")
        return await _request_page(visit, entry, form=form, errors=errors, status=422)
    return go(f"{urls.help_request(entry.post.id)}#note-card")


async def withdraw(visit: Visit) -> web.StreamResponse:
    """The asker takes the request back; where somebody is coming, after having read that they then do not."""
    entry = await _entry(visit)
    claimed = _request(entry).state is State.CLAIMED
    if claimed and _is_asker(visit, entry) and "sure" not in await visit.form():
        errors = Errors({"withdraw": visit.words.gettext("Somebody is coming. Read first what it means for them.")})
        return await _request_page(visit, entry, errors=errors, status=422)
    await visit.database.write(help_requests.withdraw, by=visit.viewer, request_id=entry.post.id)
    return go(urls.help_request(entry.post.id))


async def release(visit: Visit) -> web.StreamResponse:
    """The asker opens a request again that somebody was coming for."""
    entry = await _entry(visit)
    await visit.database.write(help_requests.release, by=visit.viewer, request_id=entry.post.id)
    return go(urls.help_request(entry.post.id))


async def resolve(visit: Visit) -> web.StreamResponse:
    """The asker says that it is over, and how it ended."""
    entry = await _entry(visit)
    form = await visit.form()
    try:
        outcome = Outcome(form.get("outcome", ""))
    except ValueError:
        errors = Errors({"outcome": visit.words.gettext("Choose how it ended.")})
        if form.get("from") == "talk":
            return await talk.not_closed(visit, errors)
        return await _request_page(visit, entry, form=form, errors=errors, status=422)
    await visit.database.write(help_requests.resolve, by=visit.viewer, request_id=entry.post.id, outcome=outcome)
    thread = await visit.database.read(help_requests.thread_of, request_id=entry.post.id, viewer=visit.viewer)
    page = urls.help_request(entry.post.id)
    return go(f"{page}/talk#met" if thread is not None and outcome is Outcome.WITH_NEIGHBOUR else page)


async def answer(visit: Visit) -> web.StreamResponse:
    """A question or a word, for everyone who reads the request; an offer goes another way."""
    entry = await _entry(visit)
    reply_id, errors = await answers.send(visit, entry)
    if errors:
        text = (await visit.form()).get("text", "")
        return await _request_page(visit, entry, answer=text, errors=errors, status=422)
    page = urls.help_request(entry.post.id)
    return go(f"{page}#p-{reply_id}" if reply_id else page)


# --- What a helper does -------------------------------------------------------------------------------------------


async def offer(visit: Visit) -> web.StreamResponse:
    """A neighbour says "I can help"."""
    entry = await _entry(visit)
    form = await visit.form()
    try:
        visit.count(Bucket.POSTS)
        await visit.database.write(
            help_requests.offer, by=visit.viewer, request_id=entry.post.id, text=form.get("text", "")
        )
    except Invalid as refused:
        return await _request_page(visit, entry, form=form, errors=forms.errors_of(refused, visit.words), status=422)
    except Conflict as refused:
        mine = entry.my_offer
        if refused.code != "offered-already" or mine is None or mine.text != form.get("text", "").strip():
            raise  # the same words again are the same offer, pressed twice
    return go(urls.help_request(entry.post.id))


async def take_back(visit: Visit) -> web.StreamResponse:
    """A helper takes the offer back, or drops out."""
    entry = await _entry(visit)
    if entry.my_offer is None:
        raise NotFound
    await visit.database.write(help_requests.take_back, by=visit.viewer, offer_id=entry.my_offer.id)
    return go(urls.help_request(entry.post.id))
