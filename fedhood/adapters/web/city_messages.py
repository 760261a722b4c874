"""The city writes to neighbourhoods: what its clerks wrote and how far it got, the form, and taking it back.

Only on a city's server; anywhere else these pages are not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.http.limits import Bucket
from fedhood.adapters.web import city_views, forms, once
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.languages import LANGUAGES
from fedhood.adapters.web.visit import go
from fedhood.core import access, accounts, city_messages, neighbourhoods
from fedhood.core.access import Permission
from fedhood.core.city_messages import CityMessage, Said
from fedhood.kernel import ids
from fedhood.kernel.errors import Conflict, Invalid, NotFound
from fedhood.kernel.settings import Profile

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import web

    from fedhood.adapters.web.visit import Visit
    from fedhood.core.neighbourhoods import Neighbourhood

PAGE = "/city/messages"
ALL = "all"
_PAGE = 20
_ANSWERS = 50


def _check(visit: Visit) -> None:
    """Raises NotFound where nobody speaks for a city, Unauthenticated and Forbidden for who may not."""
    access.require(visit.viewer, Permission.SPEAK, None)
    if visit.settings.profile is not Profile.CITY:
        raise NotFound


# -- what was written --------------------------------------------------------------------------------------------------


async def show_all(visit: Visit) -> web.StreamResponse:
    """`/city/messages`: the newest first, what was taken back included."""
    _check(visit)
    found = await visit.database.read(city_messages.written, viewer=visit.viewer, before=visit.before, limit=_PAGE + 1)
    shown = found[:_PAGE]
    known = await visit.database.read(neighbourhoods.many, {place for one in shown for place in one.places})
    answered = await visit.database.read(city_messages.answered, shown)
    return visit.page(
        "city/messages.html",
        messages=[
            {
                "href": address(one),
                "title": city_views.title(one, visit.language.code) or visit.words.gettext("A message without words"),
                "places": sorted(known[place].name for place in one.places),
                "when": city_views.span(one, visit.words),
                "urgent": one.urgent and bool(one.said),
                "mark": city_views.mark(one, visit.words, visit.now),
                "answered": one.id in answered,
            }
            for one in shown
        ],
        offered=bool(await visit.database.read(city_messages.offered, now=visit.now)),
        older=f"{PAGE}?older={shown[-1].id}" if len(found) > _PAGE else "",
    )


def address(message: CityMessage) -> str:
    """The page of a message, for the clerks."""
    return f"{PAGE}/{message.id}"


async def show(visit: Visit) -> web.StreamResponse:
    """`/city/messages/{id}`: all its languages, and how far it got in each neighbourhood."""
    message = await named(visit)
    far = await visit.database.read(city_messages.how_far, message)
    author = (await visit.database.read(accounts.many, [message.author])).get(message.author)
    answers, older = await _answers(visit, message)
    return visit.page(
        "city/message.html",
        base=address(message),
        title=city_views.title(message, visit.language.code),
        versions=[_version(one, said) for one, said in message.said.items()],
        urgent=message.urgent,
        mark=city_views.mark(message, visit.words, visit.now),
        when=city_views.span(message, visit.words),
        written_by="" if author is None else author.name,
        written_at=message.published_at,
        edited_at=message.edited_at,
        far=[(place.name, *city_views.how_far(sent, visit.words)) for place, sent in far],
        answers=answers,
        older=f"{address(message)}?older={older}" if older else "",
        is_over=not message.said,
    )


async def _answers(visit: Visit, message: CityMessage) -> tuple[list[dict[str, Any]], int]:
    """What people let the city read, with the name and the neighbourhood that they said it with.

    Beside it the number after which older ones come; 0 where there are none.
    """
    found = await visit.database.read(
        city_messages.answers, viewer=visit.viewer, message=message, before=visit.before, limit=_ANSWERS + 1
    )
    shown = found[:_ANSWERS]
    known = await visit.database.read(neighbourhoods.many, {one.place for one in shown})
    cards = [
        {
            "name": one.name or visit.words.gettext("Somebody"),
            "place": known[one.place].name,
            "when": one.published_at,
            "edited_at": one.edited_at,
            "words": city_views.words(one.text),
            "language": one.language,
        }
        for one in shown
    ]
    return cards, shown[-1].id if len(found) > _ANSWERS else 0


def _version(language: str, said: Said) -> dict[str, Any]:
    known = LANGUAGES.get(language)
    return {
        "language": language,
        "name": language if known is None else known.name,
        "title": said.title,
        "words": city_views.words(said.text),
    }


async def named(visit: Visit) -> CityMessage:
    """The message that an address names, for a clerk. Raises NotFound, Unauthenticated, Forbidden."""
    _check(visit)
    number = ids.parse(visit.request.match_info["id"])
    return await visit.database.read(city_messages.get, viewer=visit.viewer, message_id=number)


# -- the form ----------------------------------------------------------------------------------------------------------


async def new(visit: Visit) -> web.StreamResponse:
    """`/city/messages/new`: to whom, in which languages, from when until when."""
    _check(visit)
    return await _form_page(visit, {}, Errors())


async def write(visit: Visit) -> web.StreamResponse:
    """The form is sent."""
    _check(visit)
    form = await visit.form()
    offered = await visit.database.read(city_messages.offered, now=visit.now)
    chosen = [one.id for one in offered if ALL in form or _field(one) in form]
    said = _said(form)
    try:
        visit.count(Bucket.POSTS)
        message_id = await visit.database.write(
            once.act,
            city_messages.write,
            bucket=once.bucket(visit, form, *sorted(set(form) - {"csrf", "once"})),
            by=visit.viewer,
            said=said,
            places=chosen,
            begins_at=_moment(visit, form, "begins"),
            ends_at=_moment(visit, form, "ends"),
            urgent=_is_urgent(form),
        )
    except Invalid as refused:
        return await _form_page(visit, form, forms.errors_of(refused, visit.words), status=422)
    except Conflict as refused:
        once.check(refused)
        return go(PAGE)
    return go(f"{PAGE}/{message_id}")


async def edit(visit: Visit) -> web.StreamResponse:
    """`/city/messages/{id}/edit`: the same form, without the question to whom."""
    message = await named(visit)
    if not message.said:
        raise NotFound
    typed = {
        "begins": forms.to_field(message.begins_at, visit.zone),
        "ends": forms.to_field(message.ends_at, visit.zone),
    }
    for language, said in message.said.items():
        typed |= {f"title-{language}": said.title, f"text-{language}": said.text}
    if message.urgent:
        typed["urgent"] = "yes"
    return await _form_page(visit, typed, Errors(), message=message)


async def save(visit: Visit) -> web.StreamResponse:
    """A clerk says it better; everybody who got it reads that."""
    message = await named(visit)
    form = await visit.form()
    try:
        await visit.database.write(
            city_messages.edit,
            by=visit.viewer,
            message_id=message.id,
            said=_said(form),
            begins_at=_moment(visit, form, "begins"),
            ends_at=_moment(visit, form, "ends"),
            urgent=_is_urgent(form),
        )
    except Invalid as refused:
        errors = forms.errors_of(refused, visit.words)
        return await _form_page(visit, form, errors, message=message, status=422)
    return go(address(message))


def _said(form: dict[str, str]) -> dict[str, Said]:
    return {
        one: Said(title=form.get(f"title-{one}", ""), text=form.get(f"text-{one}", ""))
        for one in city_messages.LANGUAGES
    }


def _is_urgent(form: dict[str, str]) -> bool:
    return form.get("urgent") == "yes"


def _moment(visit: Visit, form: dict[str, str], name: str) -> datetime | None:
    """What a field says; None when it says nothing. Raises Invalid for a moment that is none."""
    typed = form.get(name, "").strip()
    moment = forms.local_moment(typed, visit.zone) if typed else None
    if typed and moment is None:
        raise Invalid("no moment", code="moment", field=name)
    return moment


def _field(place: Neighbourhood) -> str:
    return f"place-{place.id}"


async def _form_page(
    visit: Visit,
    form: dict[str, str],
    errors: Errors,
    *,
    message: CityMessage | None = None,
    status: int = 200,
) -> web.Response:
    offered = await visit.database.read(city_messages.offered, now=visit.now)
    told: dict[int, Neighbourhood] = {}
    if message is not None:
        told = await visit.database.read(neighbourhoods.many, message.places)
    return visit.page(
        "city/message_form.html",
        status=status,
        path=f"{PAGE}/new" if message is None else f"{address(message)}/edit",
        action=f"{PAGE}/new" if message is None else f"{address(message)}/edit",
        back=PAGE if message is None else address(message),
        is_new=message is None,
        places=[(_field(one), one.name, ALL in form or _field(one) in form) for one in offered],
        all_places=ALL in form,
        told=sorted(one.name for one in told.values()),
        parts=[_part(visit, form, errors, one) for one in city_messages.LANGUAGES],
        begins=form.get("begins", ""),
        asks_begin=message is None or visit.now < message.begins_at,
        ends=form.get("ends", ""),
        urgent=_is_urgent(form),
        most_title=city_messages.MOST_TITLE,
        most_text=city_messages.MOST_TEXT,
        errors=errors,
    )


def _part(visit: Visit, form: dict[str, str], errors: Errors, language: str) -> dict[str, Any]:
    """The fields of one language: open when there is something in it, and that of who writes."""
    title, text = form.get(f"title-{language}", ""), form.get(f"text-{language}", "")
    wrong = errors.get(f"title-{language}") or errors.get(f"text-{language}")
    return {
        "language": language,
        "name": LANGUAGES[language].name,
        "title": title,
        "text": text,
        "open": bool(title or text or wrong) or language == visit.language.code,
    }


# -- taking it back ----------------------------------------------------------------------------------------------------


async def ask_withdraw(visit: Visit) -> web.StreamResponse:
    """`/city/messages/{id}/withdraw`: are you sure?"""
    message = await named(visit)
    return visit.page(
        "city/message_withdraw.html",
        base=address(message),
        title=city_views.title(message, visit.language.code),
        is_over=not message.said,
    )


async def withdraw(visit: Visit) -> web.StreamResponse:
    """It goes here and wherever it was told; pressed twice, it is the same."""
    message = await named(visit)
    try:
        await visit.database.write(city_messages.withdraw, by=visit.viewer, message_id=message.id)
    except Conflict as refused:
        if refused.code != "withdrawn":
            raise
    return go(PAGE)
