"""Writing to the neighbourhood, and one post with its thread."""

from typing import Any

from aiohttp import web

from fedhood.adapters.http.limits import Bucket
from fedhood.adapters.web import answers, arrivals, city_messages, forms, once, views
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.render import Post
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, interactions, posts, timelines
from fedhood.core import city_messages as city_messages_core
from fedhood.core.access import Permission
from fedhood.core.posts import Category, Kind, Offered
from fedhood.core.timelines import Entry
from fedhood.kernel import ids, urls
from fedhood.kernel.errors import Conflict, Forbidden, Invalid
from fedhood.kernel.settings import Profile


async def audiences(visit: Visit) -> list[Offered]:
    """Whom one may choose as readers today."""
    offered = await visit.database.read(posts.offered, neighbourhood=visit.home.id, now=visit.now)
    return views.offered_here(offered, visit.settings)


async def compose(visit: Visit) -> web.StreamResponse:
    """`/compose`: the form."""
    return await _compose_page(visit, {}, Errors())


async def publish(visit: Visit) -> web.StreamResponse:
    """The form is sent: from here, or from the composer on the first page."""
    form = await visit.form()
    offered = await audiences(visit)
    audience = views.chosen_audience(offered, form.get("who", posts.Audience.NEIGHBOURHOOD.value))
    try:
        if audience is None:
            raise Invalid("this audience is not offered", code="places", field="who")
        visit.count(Bucket.POSTS)
        post_id = await visit.database.write(
            once.act,
            posts.publish,
            bucket=once.bucket(visit, form, "text", "who", "category"),
            by=visit.viewer,
            text=form.get("text", ""),
            audience=audience.audience,
            places=audience.places,
            category=_category(form.get("category", "")),
            language=forms.language_tag(form.get("language", "")) or visit.language.code,
        )
    except Invalid as refused:
        return await _compose_page(visit, form, forms.errors_of(refused, visit.words), status=422)
    except Conflict as refused:
        once.check(refused)
        return go("/")
    return go(urls.post(post_id))


def _category(value: str) -> Category:
    try:
        category = Category(value)
    except ValueError:
        return Category.OTHER
    return category if category in views.CATEGORIES else Category.OTHER


async def _compose_page(visit: Visit, form: dict[str, str], errors: Errors, *, status: int = 200) -> web.Response:
    offered = await audiences(visit)
    return visit.page(
        "compose.html",
        status=status,
        options=views.options(offered, visit.home, visit.words),
        categories=[(category.value, visit.words.gettext(name)) for category, name in views.CATEGORIES.items()],
        written_in=form.get("language", "") or visit.language.code,
        form=form,
        errors=errors,
    )


async def show(visit: Visit) -> web.StreamResponse:
    """`/p/{id}`: a post, its thread, and a box for an answer. A request for help lives under `/help`."""
    if visit.settings.profile is Profile.CITY and access.may(visit.viewer, Permission.SPEAK, None):
        # the address by which neighbourhoods know a message
        return go(city_messages.address(await city_messages.named(visit)))
    entry = await _entry(visit)
    if entry.post.root is not None:
        return go(f"{urls.post(entry.post.root)}#p-{entry.post.id}")
    if entry.post.kind is Kind.HELP:
        return go(urls.help_request(entry.post.id))
    return await _post_page(visit, entry)


async def _entry(visit: Visit) -> Entry:
    post_id = ids.parse(visit.request.match_info["id"])
    return await visit.database.read(timelines.entry, post_id=post_id, viewer=visit.viewer)


async def _post_page(
    visit: Visit,
    entry: Entry,
    *,
    text: str = "",
    ticked: bool = False,
    errors: Errors | None = None,
    status: int = 200,
) -> web.Response:
    return visit.page(
        "post.html",
        status=status,
        path=urls.post(entry.post.id),
        post=views.card(entry, visit.viewer, visit.words),
        may=answers.may(entry, visit),
        arrivals=await arrivals.of(visit, entry),
        errors=errors or Errors(),
        **await answers.under(visit, entry, text=text, ticked=ticked),
    )


async def answer(visit: Visit) -> web.StreamResponse:
    """An answer to a post, for everyone who reads the post."""
    entry = await _entry(visit)
    reply_id, errors = await answers.send(visit, entry)
    if errors:
        form = await visit.form()
        text, ticked = form.get("text", ""), answers.is_ticked(form)
        return await _post_page(visit, entry, text=text, ticked=ticked, errors=errors, status=422)
    return go(f"{urls.post(entry.post.thread)}#p-{reply_id}" if reply_id else urls.post(entry.post.thread))


async def thank(visit: Visit) -> web.StreamResponse:
    """Thanks, or thanks taken back: the button says which, by how things stand now."""
    entry = await _entry(visit)
    act = interactions.take_back if entry.my_thanks else interactions.thank
    await visit.database.write(act, by=visit.viewer, post_id=entry.post.id)
    return go(f"{urls.post(entry.post.thread)}#p-{entry.post.id}")


async def edit(visit: Visit) -> web.StreamResponse:
    """`/p/{id}/edit`: the author's words again."""
    entry = await _own(visit)
    return await _edit_page(visit, entry, entry.post.text, Errors(), ticked=entry.shared is not None)


async def save(visit: Visit) -> web.StreamResponse:
    """The author says it better."""
    entry = await _own(visit)
    form = await visit.form()
    text, ticked = form.get("text", ""), answers.is_ticked(form)
    more: dict[str, Any] = {"by": visit.viewer, "post_id": entry.post.id, "text": text}
    try:
        root = await _root(visit, entry)
        if root is not None and root.city is not None:
            await visit.database.write(city_messages_core.edit_answer, shared=ticked, **more)
        else:
            await visit.database.write(posts.edit, **more)
    except Invalid as refused:
        errors = forms.errors_of(refused, visit.words)
        return await _edit_page(visit, entry, text, errors, ticked=ticked, status=422)
    return go(f"{urls.post(entry.post.thread)}#p-{entry.post.id}")


async def _own(visit: Visit) -> Entry:
    entry = await _entry(visit)
    if not answers.may(entry, visit)["edit"] or entry.post.kind is Kind.HELP:
        raise Forbidden
    return entry


async def _tick_of(visit: Visit, entry: Entry) -> dict[str, str] | None:
    """What stands beside the tick on one's own answer to the city; None for anything else."""
    root = await _root(visit, entry)
    return None if root is None else await answers.city_tick(visit, root, is_set=entry.shared is not None)


async def _root(visit: Visit, entry: Entry) -> Entry | None:
    """What an answer stands under; None for what is no answer."""
    if entry.post.root is None:
        return None
    return await visit.database.read(timelines.entry, post_id=entry.post.root, viewer=visit.viewer)


async def _edit_page(
    visit: Visit, entry: Entry, text: str, errors: Errors, *, ticked: bool = False, status: int = 200
) -> web.Response:
    return visit.page(
        "edit.html",
        status=status,
        post=views.card(entry, visit.viewer, visit.words),
        back=urls.post(entry.post.thread),
        text=text,
        city_tick=await _tick_of(visit, entry),
        city_ticked=ticked,
        errors=errors,
    )


async def ask_delete(visit: Visit) -> web.StreamResponse:
    """`/p/{id}/delete`: are you sure? A button by itself does not undo what cannot be undone."""
    entry = await _entry(visit)
    if not answers.may(entry, visit)["delete"]:
        raise Forbidden
    card: Post = views.card(entry, visit.viewer, visit.words)
    return visit.page("delete.html", post=card, id=entry.post.id, back=urls.post(entry.post.thread))


async def delete(visit: Visit) -> web.StreamResponse:
    """It is taken away, here and wherever it was told."""
    entry = await _entry(visit)
    await visit.database.write(posts.delete, by=visit.viewer, post_id=entry.post.id)
    return go(urls.post(entry.post.root) if entry.post.root is not None else "/")
