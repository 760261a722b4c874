"""Saying that something is not right, to those who look after the place, and what came of it."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from fedhood.adapters.http.limits import Bucket
from fedhood.adapters.web import forms, views
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.render import Words
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, accounts, help_requests, moderation, neighbourhoods, timelines
from fedhood.core.access import Permission
from fedhood.core.accounts import Account
from fedhood.core.moderation import Reason, Report, ReportState
from fedhood.kernel import ids, urls
from fedhood.kernel.errors import Invalid, NotFound

REASONS: dict[Reason, str] = {
    Reason.UNKIND: N_("It is unkind or threatening"),
    Reason.PRIVATE_DETAILS: N_("It tells private things about somebody"),
    Reason.DANGEROUS: N_("It is dangerous"),
    Reason.PROFILING: N_("It suspects somebody for how they look"),
    Reason.SPAM: N_("It is advertising"),
    Reason.OTHER: N_("Something else"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What somebody complains about: a post, or what was said in the private thread of a request."""

    person: Account
    text: str
    page: str
    post: int | None = None
    thread: int | None = None


# --- The form ---------------------------------------------------------------------------------------------------------


async def post_page(visit: Visit) -> web.StreamResponse:
    """`/p/{id}/report` and `/help/{id}/report`: why, and in one's own words."""
    return await _page(visit, await _post(visit), {}, Errors())


async def talk_page(visit: Visit) -> web.StreamResponse:
    """`/help/{id}/talk/report`: the same, for one of the two."""
    return await _page(visit, await _talk(visit), {}, Errors())


async def post(visit: Visit) -> web.StreamResponse:
    """A post is reported."""
    return await _send(visit, await _post(visit))


async def talk(visit: Visit) -> web.StreamResponse:
    """The other one of a private thread is reported."""
    return await _send(visit, await _talk(visit))


async def _post(visit: Visit) -> _Subject:
    post_id = ids.parse(visit.request.match_info["id"])
    entry = await visit.database.read(timelines.entry, post_id=post_id, viewer=visit.viewer)
    page = urls.help_request(post_id) if entry.help is not None else urls.post(post_id)
    return _Subject(person=entry.author, text=entry.post.text, page=page, post=post_id)


async def _talk(visit: Visit) -> _Subject:
    request_id = ids.parse(visit.request.match_info["id"])
    thread = await visit.database.read(help_requests.thread_of, request_id=request_id, viewer=visit.viewer)
    if thread is None:
        raise NotFound
    other = await visit.database.read(accounts.get, thread.other(visit.account))
    return _Subject(person=other, text="", page=f"{urls.help_request(request_id)}/talk", thread=thread.id)


async def _page(
    visit: Visit, subject: _Subject, form: dict[str, str], errors: Errors, *, status: int = 200
) -> web.Response:
    return visit.page(
        "report.html",
        status=status,
        path=f"{subject.page}/report",
        name=_called(subject.person, visit.words),
        text=subject.text,
        private=subject.thread is not None,
        page=subject.page,
        read_by=_but(await _keepers(visit), subject.person.id),
        elsewhere=await _elsewhere(visit, subject.person),
        reasons=[(reason.value, visit.words.gettext(said)) for reason, said in REASONS.items()],
        form=form,
        errors=errors,
    )


def _called(person: Account, words: Words) -> str:
    """A neighbour by their first name, a city by its whole one."""
    name = views.person(person, words).name
    return name if person.neighbourhood is None else views.first_name(name)


async def _keepers(visit: Visit) -> list[Account]:
    """Who looks after the viewer's neighbourhood, by name."""
    keepers = await visit.database.read(access.holders, Permission.MODERATE, visit.home.id)
    people = await visit.database.read(accounts.many, keepers)
    return sorted((one for one in people.values() if one.name), key=lambda one: one.name)


def _but(keepers: list[Account], reported: int) -> list[str]:
    """The names of those who read a complaint: nobody reads one about themselves."""
    return [one.name for one in keepers if one.id != reported]


async def _elsewhere(visit: Visit, person: Account) -> str:
    """The neighbourhood of who is reported, when its moderators are told too."""
    if person.neighbourhood in {None, visit.home.id}:
        return ""
    return (await visit.database.read(neighbourhoods.get, person.neighbourhood or 0)).name


async def _send(visit: Visit, subject: _Subject) -> web.Response:
    form = await visit.form()
    try:
        reason = _reason(form)
        if await _is_told_already(visit, subject):
            return go("/account/reports?said=already")
        visit.count(Bucket.REPORTS)
        more: dict[str, Any] = {"by": visit.viewer, "reason": reason, "text": form.get("text", "")}
        if subject.post is None:
            await visit.database.write(moderation.report_talk, thread_id=subject.thread or 0, **more)
        else:
            await visit.database.write(moderation.report, post_id=subject.post, **more)
    except Invalid as refused:
        errors = forms.errors_of(refused, visit.words)
        return await _page(visit, subject, form, errors, status=422)
    return go("/account/reports")


async def _is_told_already(visit: Visit, subject: _Subject) -> bool:
    """Whether this visitor's own report of the same waits for an answer: a second one would add nothing to it."""
    told = await visit.database.read(moderation.filed_by, viewer=visit.viewer)
    return any(
        one.state is ReportState.OPEN and (one.post, one.thread) == (subject.post, subject.thread) for one in told
    )


def _reason(form: dict[str, str]) -> Reason:
    try:
        return Reason(form.get("reason", ""))
    except ValueError as failure:
        raise Invalid("no reason was chosen", code="reason", field="reason") from failure


# --- What came of it --------------------------------------------------------------------------------------------------


async def mine(visit: Visit) -> web.StreamResponse:
    """`/account/reports`: what one told, who reads it, and the answer."""
    told = await visit.database.read(moderation.filed_by, viewer=visit.viewer)
    people = await visit.database.read(accounts.many, {one.reported for one in told})
    keepers = await _keepers(visit)
    return visit.page(
        "reports.html",
        already=visit.request.query.get("said") == "already",
        reports=[_told(one, people[one.reported], _but(keepers, one.reported), visit.words) for one in told],
    )


_OUTCOMES = {
    ReportState.OPEN: ("wait", N_("It is being looked at.")),
    ReportState.UPHELD: ("done", N_("They agree with you.")),
    ReportState.REJECTED: ("late", N_("They leave it as it is.")),
}


def _told(report: Report, person: Account, read_by: list[str], words: Words) -> dict[str, Any]:
    kind, said = _OUTCOMES[report.state]
    if report.state is ReportState.OPEN and not read_by:
        said = N_("It waits: nobody can look at it yet.")
    name = views.first_name(views.person(person, words).name)
    about = (
        words.gettext("About your conversation with %(name)s", name=name)
        if report.thread is not None
        else words.gettext("About something %(name)s wrote", name=name)
    )
    return {
        "about": about,
        "name": name,
        "read_by": read_by,
        "when": report.filed_at,
        "reason": words.gettext(REASONS[report.reason]),
        "text": report.text,
        "kind": kind,
        "said": words.gettext(said),
        "open": report.state is ReportState.OPEN,
        "answer": report.answer,
    }
