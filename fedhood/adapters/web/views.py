"""Posts as their cards show them: who may read them by names, words as safe HTML, and how a request stands."""

from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from fedhood.adapters.web import city_views, help_views
from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.linked import AFTER_ADDRESS, text_html
from fedhood.adapters.web.render import Option, Person, Post, Words, initials, tint
from fedhood.core import posts
from fedhood.core.access import Viewer
from fedhood.core.accounts import Account, AccountState
from fedhood.core.city_messages import CityMessage
from fedhood.core.neighbourhoods import Neighbourhood
from fedhood.core.posts import Audience, Category, Offered
from fedhood.core.timelines import Entry
from fedhood.kernel import urls
from fedhood.kernel.settings import Settings

_SHORT = 600

CATEGORIES: dict[Category, str] = {
    Category.OTHER: N_("Just a word"),
    Category.QUESTION: N_("A question"),
    Category.GIVE_LEND: N_("To give or lend"),
    Category.LOST_FOUND: N_("Lost or found"),
    Category.PUBLIC_WORKS: N_("In the street"),
}


def person(account: Account, words: Words) -> Person:
    """A person as a house front and a name; somebody who left has neither name nor letters.

    Who visits from other software goes by what they are called there too, so that nobody takes them for a neighbour.
    """
    name = account.name or words.gettext("Somebody who left")
    if account.visitor:
        name = f"{name} ({account.visitor})"
    return Person(name=name, initials=initials(account.name), tint=tint(account.key))


def person_page(account: Account, viewer: Viewer) -> str:
    """The address of somebody's page for a viewer; empty for one's own, and for who does not live here."""
    if not viewer.is_resident or account.id == viewer.account or account.state is not AccountState.ACTIVE:
        return ""
    if account.handle and account.neighbourhood == viewer.neighbourhood:
        return urls.person(account.handle)
    return f"/people/{account.key}"


def is_reader(entry: Entry, viewer: Viewer) -> bool:
    """Whether this viewer is one of those whom a post is told, and so may answer: anybody else only reads it."""
    return viewer.neighbourhood is not None and any(place.id == viewer.neighbourhood for place in entry.places)


def first_name(name: str) -> str:
    """What a button calls somebody."""
    return name.split(maxsplit=1)[0] if name.strip() else name


def audience(words: Words, home: str, others: Sequence[str] = (), *, everyone: bool = False) -> str:
    """The name of an audience: home alone, home and others, or everyone."""
    if everyone:
        return words.gettext("Everyone on the internet")
    if others:
        return words.gettext("%(place)s and also %(others)s", place=home, others=words.joined(others))
    return words.gettext("%(place)s only", place=home)


def city(words: Words, home: str, name: str) -> str:
    """The name of the audience that is a whole city."""
    return words.gettext("%(place)s and the whole city of %(city)s", place=home, city=name)


def reads(entry: Entry, words: Words) -> str:
    """Who can read a post, by the names of its places, and the city that may read an answer."""
    if entry.shared_with is not None:
        return words.gettext("%(place)s and the city of %(city)s", place=entry.home.name, city=entry.shared_with.name)
    if entry.post.audience is Audience.CITY:
        hub = next((place.name for place in entry.places if place.uri and place.uri.endswith(urls.HUB)), "")
        return city(words, entry.home.name, hub)
    return audience(
        words,
        entry.home.name,
        [place.name for place in entry.places if place.id != entry.home.id],
        everyone=entry.post.audience is Audience.PUBLIC,
    )


# --- The question of who can read it ----------------------------------------------------------------------------


def option_value(offered: Offered) -> str:
    """What a form sends for an audience: its kind and, for neighbours and a city, the places."""
    if offered.audience in {Audience.NEIGHBOURS, Audience.CITY}:
        return ".".join((offered.audience.value, *map(str, offered.places)))
    return offered.audience.value


def offered_here(offered: Sequence[Offered], settings: Settings) -> list[Offered]:
    """The audiences that can be kept: without a public name nobody on the internet finds this place."""
    return [one for one in offered if settings.host or one.audience is not Audience.PUBLIC]


def options(offered: Sequence[Offered], home: Neighbourhood, words: Words, *, help_only: bool = False) -> list[Option]:
    """The answers to "who can read this?" by names. A request for help is for neighbours: never for the internet."""
    return [
        Option(
            value=option_value(one),
            name=city(words, home.name, one.names[0])
            if one.audience is Audience.CITY
            else audience(words, home.name, one.names, everyone=one.audience is Audience.PUBLIC),
            detail=words.gettext(_DETAILS[one.audience]),
        )
        for one in offered
        if not (help_only and one.audience in {Audience.CITY, Audience.PUBLIC})
    ][:6]


_DETAILS = {
    Audience.NEIGHBOURHOOD: N_("your own neighbourhood"),
    Audience.NEIGHBOURS: N_("the next neighbourhood reads along and may offer too"),
    Audience.CITY: N_("all neighbourhoods of the city that take part; the city passes it on and does not read it"),
    Audience.PUBLIC: N_("for good: others may keep a copy"),
}


def chosen_audience(offered: Sequence[Offered], value: str) -> Offered | None:
    """The audience that a form sent; None for one that is not offered today."""
    return next((one for one in offered if option_value(one) == value), None)


def _through_hub(post: posts.Post) -> bool:
    """Whether a post came through a city's hub, which passes no thanks back."""
    return post.audience is Audience.CITY and post.uri is not None


# --- Cards --------------------------------------------------------------------------------------------------------


def card(entry: Entry, viewer: Viewer, words: Words, *, short: bool = False) -> Post:
    """A post as its card shows it to one viewer. `short`: among others, where a long one is cut."""
    post, request = entry.post, entry.help
    if entry.city is not None:
        return _from_city(entry, entry.city, viewer, words, short=short)
    mine = viewer.account is not None and viewer.account == post.author
    reader = is_reader(entry, viewer)
    said = _beginning(post.text) if short and request is None else post.text
    away = viewer.neighbourhood is not None and entry.home.id != viewer.neighbourhood
    return Post(
        id=str(post.id),
        base=urls.help_request(post.id) if request is not None else urls.post(post.id),
        person=replace(person(entry.author, words), href=person_page(entry.author, viewer)),
        when=post.published_at,
        reads=reads(entry, words),
        words=said if request is not None else text_html(said),
        cut=said != post.text,
        look="lost" if post.category is Category.LOST_FOUND else "",
        next_door=entry.home.name if away else "",
        far=away and post.audience is Audience.CITY,
        kind=_kind(entry, words),
        line=request is not None,
        fact=_fact(entry, viewer, words),
        language=post.language if post.language and post.language != words.language.code else "",
        state=help_views.state(entry, viewer, words) if request is not None else None,
        thanks=post.thanks if reader and not mine and request is None and not _through_hub(post) else None,
        thanked=entry.my_thanks,
        answers=post.replies if reader and post.root is None else None,
        report=viewer.is_resident and not mine,
    )


def _from_city(entry: Entry, message: CityMessage, viewer: Viewer, words: Words, *, short: bool) -> Post:
    """What the city says, as the city's: in the reader's language, and urgent in so many words."""
    post = entry.post
    language = message.language_for(words.language.code)
    text = message.said[language].text if message.said else ""
    said = _beginning(text) if short else text
    names = [entry.home.name, *(place.name for place in entry.places if place.id != entry.home.id)]
    when = city_views.span(message, words)
    return Post(
        id=str(post.id),
        base=urls.post(post.id),
        person=Person(name=from_city(entry.author, words), initials="", tint=0),
        when=post.published_at,
        reads=words.gettext("Can be read by: %(audience)s", audience=city_views.reads(message, names, words)),
        words=text_html(said),
        cut=said != text,
        look="city",
        urgent=words.gettext("Urgent") if message.urgent else "",
        title=message.said[language].title if message.said else "",
        fact=Markup(" · ").join(part for part in (when, _edited(post, words), _hidden(post, viewer, words)) if part),
        language=language if language != words.language.code else "",
        answers=post.replies if is_reader(entry, viewer) else None,
        report=viewer.is_resident,
    )


def from_city(account: Account, words: Words) -> str:
    """Whose word it is, so that nobody takes it for a neighbour's."""
    if not account.name:
        return words.gettext("Message from the city")
    return words.gettext("Message from the city of %(city)s", city=account.name)


def _beginning(text: str) -> str:
    """A long text up to the end of a word, so that a list stays one; a short one whole."""
    if len(text) <= _SHORT:
        return text
    return f"{text[:_SHORT].rsplit(maxsplit=1)[0].rstrip(AFTER_ADDRESS)} …"


def _kind(entry: Entry, words: Words) -> str:
    if entry.help is not None:
        return help_views.kind(entry.help, words)
    if entry.author.visitor is not None:
        return words.gettext("Visitor from elsewhere, not a neighbour")
    category = entry.post.category
    return words.gettext(CATEGORIES[category]) if category in CATEGORIES and category is not Category.OTHER else ""


def _fact(entry: Entry, viewer: Viewer, words: Words) -> str:
    said = help_views.where_and_until(entry.help, words) if entry.help is not None else _edited(entry.post, words)
    told = city_views.told(entry.shared, words) if viewer.account == entry.post.author else ""
    return Markup(" · ").join(part for part in (said, told, _hidden(entry.post, viewer, words)) if part)


def _hidden(post: posts.Post, viewer: Viewer, words: Words) -> str:
    """That a post is hidden, for its author and the moderators; the author also reads whom to ask."""
    if post.hidden_at is None:
        return words.gettext("Hidden here from your neighbours.") if viewer.neighbourhood in post.hidden_in else ""
    said = words.gettext("Hidden here from everybody else by those who look after this place.")
    if post.author != viewer.account:
        return said
    asked = Markup('<a href="/about">{}</a>').format(words.gettext("Who they are, to ask them why"))
    return Markup("{} {}").format(said, asked)


def _edited(post: posts.Post, words: Words) -> str:
    return words.gettext("Changed %(moment)s", moment=words.day_and_hour(post.edited_at)) if post.edited_at else ""
