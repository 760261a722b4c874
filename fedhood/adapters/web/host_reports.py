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
from fedhood.core.moderation import Action, Reach, Report
from fedhood.core.neighbourhoods import Neighbourhood
from fedhood.core.posts import Post
from fedhood.kernel import ids, urls
from fedhood.kernel.errors import Invalid, NotFound

_Waiting = list[tuple[Report, tuple[Post, Reach] | None]]
_People = dict[int, Account]


def _own(db: peewee.Database, viewer: Viewer) -> list[Neighbourhood]:
    return [one for one in neighbourhoods.ours(db) if access.may(viewer, Permission.MODERATE, one.id)]


def _waiting(db: peewee.Database, *, viewer: Viewer) -> tuple[list[tuple[Neighbourhood, _Waiting]], _People, set[int]]:
    """The complaints of each neighbourhood with the posts they are about, everybody whom they name, and our places."""
    groups = []
    for place in _own(db, viewer):
        found = moderation.open_reports(db, viewer=viewer, neighbourhood=place.id)
        groups.append((place, [(one, _post_with_reach(db, one, viewer)) for one in found]))
    named = {who for _, some in groups for one, _ in some for who in (one.reporter, one.reported) if who is not None}
    return groups, accounts.many(db, named), {one.id for one in neighbourhoods.ours(db)}


def _post_with_reach(db: peewee.Database, report: Report, viewer: Viewer) -> tuple[Post, Reach] | None:
    post = moderation.post_of(db, report_id=report.id, viewer=viewer)
    return None if post is None else (post, moderation.reach(db, post=post, viewer=viewer))


def _hidden(db: peewee.Database, *, viewer: Viewer) -> tuple[list[tuple[Neighbourhood, list[Post]]], _People]:
    """What is hidden now in each neighbourhood, and everybody who wrote it."""
    groups = [(place, moderation.hidden_posts(db, viewer=viewer, neighbourhood=place.id)) for place in _own(db, viewer)]
    return groups, accounts.many(db, {post.author for _, some in groups for post in some})


async def show(visit: Visit) -> web.StreamResponse:
    """`/host/reports`: what waits, oldest first."""
    return await _page(visit, Errors())


async def _page(visit: Visit, errors: Errors, *, at: int = 0, text: str = "", status: int = 200) -> web.Response:
    groups, people, ours = await visit.database.read(_waiting, viewer=visit.viewer)
    hidden, authors = await visit.database.survey(_hidden, viewer=visit.viewer)
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
        hidden=[
            (place.name, [_hidden_post(post, authors, visit.words) for post in some]) for place, some in hidden if some
        ],
        errors=Errors({f"answer-{at}": errors.get("answer")}) if errors else errors,
    )


def _report(
    report: Report, about: tuple[Post, Reach] | None, people: _People, ours: set[int], visit: Visit
) -> dict[str, Any]:
    words = visit.words
    post, within = about or (None, None)
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
        "hidden": post is not None and within is not None and moderation.is_hidden(post, within),
        "may_hide": within is not None and within.log != 0,
        "elsewhere": post is not None
        and within is not None
        and (not within.everywhere or not ours.issuperset(post.places)),
    }


def _hidden_post(post: Post, authors: _People, words: Words) -> dict[str, Any]:
    return {
        "id": post.id,
        "name": views.person(authors[post.author], words).name,
        "when": post.published_at,
        "words": post.text,
        "href": urls.post(post.id),
    }


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


async def show_post(visit: Visit) -> web.StreamResponse:
    """A hidden post is read again, whether or not a complaint still waits."""
    post_id = ids.parse(visit.request.match_info["id"])
    await visit.database.write(moderation.restore, by=visit.viewer, post_id=post_id)
    return go("/host/reports#hidden")


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
    "link": N_("%(name)s made a link with which %(person)s can come in."),
    "entrust": N_("%(name)s let %(person)s look after this place too."),
    "relieve": N_("%(name)s said that %(person)s looks after this place no longer."),
    "merge": N_("%(name)s made the home where %(person)s lives one with another."),
    "rules": N_("%(name)s wrote the house rules anew."),
    "visitors": N_("%(name)s lets visitors from elsewhere in."),
    "no-visitors": N_("%(name)s refuses visitors from elsewhere."),
}
_GAVE_BACK = N_("%(name)s looks after this place no longer.")


def _done(db: peewee.Database, *, viewer: Viewer) -> tuple[list[tuple[Neighbourhood, list[Action]]], _People]:
    groups = [(place, moderation.log(db, viewer=viewer, neighbourhood=place.id)) for place in _own(db, viewer)]
    named = {who for _, some in groups for one in some for who in (one.moderator, one.person) if who is not None}
    return groups, accounts.many(db, named)


async def log(visit: Visit) -> web.StreamResponse:
    """`/host/log`: what was done, by whom, and for whom."""
    groups, people = await visit.database.read(_done, viewer=visit.viewer)
    return visit.page(
        "host/log.html",
        groups=[(place.name, [_action(one, people, visit.words) for one in some]) for place, some in groups],
    )


def _action(action: Action, people: _People, words: Words) -> dict[str, Any]:
    gave_back = action.action == "relieve" and action.person == action.moderator
    sentence = _GAVE_BACK if gave_back else _DONE[action.action]
    return {
        "sentence": words.gettext(
            sentence, name=_name(action.moderator, people, words), person=_name(action.person, people, words)
        ),
        "when": action.at,
        "href": _page_of(action),
        "reason": action.reason,
    }


def _name(who: int | None, people: _People, words: Words) -> str:
    found = people.get(who) if who is not None else None
    return views.person(found, words).name if found is not None else words.gettext("Whoever keeps the machine")


def _page_of(action: Action) -> str:
    if action.object is not None:
        return urls.post(action.object)
    return "/rules" if action.action == "rules" else ""
