"""What neighbours report, for those who look after the place: read, hidden or shown again, answered; and the log."""

from typing import Any

import peewee
from aiohttp import web

from fedhood.adapters.web import forms, views
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.render import Words
from fedhood.adapters.web.reports import REASONS
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, accounts, moderation, neighbourhoods
from fedhood.core.access import Permission, Viewer
from fedhood.core.accounts import Account
from fedhood.core.moderation import Action, Report
from fedhood.core.neighbourhoods import Neighbourhood
from fedhood.core.posts import Post
from fedhood.kernel import urls
from fedhood.kernel.errors import Invalid, NotFound

_Waiting = list[tuple[Report, Post | None]]
_People = dict[int, Account]


def _own(db: peewee.Database, viewer: Viewer) -> list[Neighbourhood]:
    return [one for one in neighbourhoods.ours(db) if access.may(viewer, Permission.MODERATE, one.id)]


def _waiting(db: peewee.Database, *, viewer: Viewer) -> tuple[list[tuple[Neighbourhood, _Waiting]], _People, set[int]]:
    """The complaints of each neighbourhood with the posts they are about, everybody whom they name, and our places."""
    groups = []
    for place in _own(db, viewer):
        found = moderation.open_reports(db, viewer=viewer, neighbourhood=place.id)
        groups.append((place, [(one, moderation.post_of(db, report_id=one.id, viewer=viewer)) for one in found]))
    named = {who for _, some in groups for one, _ in some for who in (one.reporter, one.reported) if who is not None}
    return groups, accounts.many(db, named), {one.id for one in neighbourhoods.ours(db)}


async def show(visit: Visit) -> web.StreamResponse:
    """`/host/reports`: what waits, oldest first."""
    return await _page(visit, Errors())


async def _page(visit: Visit, errors: Errors, *, at: int = 0, text: str = "", status: int = 200) -> web.Response:
    groups, people, ours = await visit.database.read(_waiting, viewer=visit.viewer)
    return visit.page(
        "host/reports.html",
        status=status,
        path="/host/reports",
        groups=[
            (
                place.name,
                [
                    {
                        **_report(report, post, people, ours, visit),
                        "answer": text if report.id == at else "",
                        "error": errors.get("answer") if report.id == at else "",
                    }
                    for report, post in some
                ],
            )
            for place, some in groups
        ],
        errors=Errors({f"answer-{at}": errors.get("answer")}) if errors else errors,
    )


def _report(report: Report, post: Post | None, people: _People, ours: set[int], visit: Visit) -> dict[str, Any]:
    words = visit.words
    return {
        "id": report.id,
        "when": report.filed_at,
        "name": views.person(people[report.reported], words).name,
        "reporter": views.person(people[report.reporter], words).name if report.reporter is not None else "",
        "reason": words.gettext(REASONS[report.reason]),
        "words": report.text,
        "private": report.thread is not None,
        "gone": report.thread is None and post is None,
        "post": post.text if post is not None else "",
        "hidden": post is not None and post.hidden_at is not None,
        "may_hide": post is not None and _may_hide(post, visit.viewer),
        "elsewhere": post is not None and (post.uri is not None or not ours.issuperset(post.places)),
    }


def _may_hide(post: Post, viewer: Viewer) -> bool:
    """Whether the post is this moderator's to hide; the core decides again when the button is pressed."""
    place = post.neighbourhood if post.uri is None else viewer.neighbourhood
    return access.may(viewer, Permission.MODERATE, place)


async def hide(visit: Visit) -> web.StreamResponse:
    """Nobody but its author and the moderators reads the post until it is shown again."""
    report = await _found(visit)
    await visit.database.write(moderation.hide, by=visit.viewer, post_id=_post_of(report))
    return go(f"/host/reports#report-{report.id}")


async def restore(visit: Visit) -> web.StreamResponse:
    """The post is read again by whom it was read before."""
    report = await _found(visit)
    await visit.database.write(moderation.restore, by=visit.viewer, post_id=_post_of(report))
    return go(f"/host/reports#report-{report.id}")


async def answer(visit: Visit) -> web.StreamResponse:
    """The complaint is closed; whoever made it hears what became of it."""
    report = await _found(visit)
    form = await visit.form()
    outcome, text = form.get("outcome", ""), form.get("answer", "")
    try:
        if outcome not in {"upheld", "rejected"}:
            raise Invalid(code="form", field="answer")
        await visit.database.write(
            moderation.close, by=visit.viewer, report_id=report.id, upheld=outcome == "upheld", answer=text
        )
    except Invalid as refused:
        errors = forms.errors_of(refused, visit.words, otherwise="answer")
        return await _page(visit, errors, at=report.id, text=text, status=422)
    return go("/host/reports")


async def _found(visit: Visit) -> Report:
    number = visit.request.match_info["report"]
    if len(number) > 9:
        raise NotFound
    return await visit.database.read(moderation.get, report_id=int(number), viewer=visit.viewer)


def _post_of(report: Report) -> int:
    if report.post is None:
        raise NotFound
    return report.post


# --- The log ----------------------------------------------------------------------------------------------------------

_DONE = {
    "hide": N_("%(name)s hid a message."),
    "restore": N_("%(name)s showed a message again."),
    "report-upheld": N_("%(name)s agreed with a report."),
    "report-rejected": N_("%(name)s left things as they were after a report."),
}


def _done(db: peewee.Database, *, viewer: Viewer) -> tuple[list[tuple[Neighbourhood, list[Action]]], _People]:
    groups = [(place, moderation.log(db, viewer=viewer, neighbourhood=place.id)) for place in _own(db, viewer)]
    named = {one.moderator for _, some in groups for one in some if one.moderator is not None}
    return groups, accounts.many(db, named)


async def log(visit: Visit) -> web.StreamResponse:
    """`/host/log`: what was hidden, shown again and answered, by whom."""
    groups, people = await visit.database.read(_done, viewer=visit.viewer)
    return visit.page(
        "host/log.html",
        groups=[(place.name, [_action(one, people, visit.words) for one in some]) for place, some in groups],
    )


def _action(action: Action, people: _People, words: Words) -> dict[str, Any]:
    who = people.get(action.moderator) if action.moderator is not None else None
    name = views.person(who, words).name if who is not None else words.gettext("Somebody who left")
    return {
        "sentence": words.gettext(_DONE[action.action], name=name),
        "when": action.at,
        "href": urls.post(action.object) if action.object is not None else "",
        "reason": action.reason,
    }
