"""What somebody is to hear of, a sentence each."""

from typing import Any

from aiohttp import web

from fedhood.adapters.web import views
from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import accounts, notifications
from fedhood.core.notifications import Kind, Notification
from fedhood.kernel import urls
from fedhood.kernel.settings import Profile

_PAGE = 30
_SENTENCES: dict[Kind, str] = {
    Kind.REPLY: N_("%(name)s answered you."),
    Kind.THANKS: N_("%(name)s says thanks."),
    Kind.OFFER: N_("%(name)s would like to help you."),
    Kind.OFFER_ACCEPTED: N_("%(name)s is glad of your help. You two can arrange it in private now."),
    Kind.OFFER_REFUSED: N_("%(name)s does not need your help any more. Thank you for offering."),
    Kind.OFFER_TAKEN_BACK: N_("%(name)s took the offer back."),
    Kind.RELEASED: N_("What you and %(name)s had arranged is off. The request is open again."),
    Kind.CALLED_OFF: N_("%(name)s needs no help any more: what you two had arranged is off."),
    Kind.MESSAGE: N_("%(name)s wrote to you."),
    Kind.DID_YOU_MEET: N_("Did you and %(name)s meet?"),
    Kind.EXPIRED: N_("The time of your request has passed. Ask again?"),
    Kind.PEER_ASKS: N_("A neighbourhood next door would like to get to know you."),
    Kind.PEER_CHANGED: N_(
        "A neighbourhood next door shows you something else from now on. Look what you read of each other."
    ),
    Kind.PEER_ENDED: N_("A neighbourhood next door ended what you had agreed. Nothing is read across any more."),
    Kind.PEER_ENDING: N_("What you agreed with another place ends within a month. See whose turn it is."),
    Kind.PEER_SILENT: N_(
        "A neighbouring place has not answered for a week. What is meant for it waits. See why, and whose turn it is."
    ),
    Kind.PEER_REFUSING: N_("A neighbouring place does not take what is meant for it. See why, and whose turn it is."),
    Kind.PEER_KEY: N_(
        "A neighbouring place shows other letters than those you compared. Nothing goes back and forth until you have "
        "called them."
    ),
    Kind.PEER_KEY_ANNOUNCED: N_("A neighbouring place has new letters. Its old ones say so; there is nothing to do."),
    Kind.LIST_CHANGED: N_("The city’s list of neighbourhoods says something new. Nothing follows until you answer."),
    Kind.REPORT: N_("Somebody tells you that something is not right."),
    Kind.REPORT_ANSWER: N_("What you reported has been looked at."),
    Kind.POST_HIDDEN: N_("Those who look after this place hid something you wrote."),
    Kind.LINK_MADE: N_("%(name)s made a link with which you could come in. If you did not ask for it, tell them."),
    Kind.KEEPER_NAMED: N_("%(name)s asks you to look after this place with them."),
    Kind.KEEPER_RELIEVED: N_("%(name)s says that you look after this place no longer. Thank you for having done it."),
    Kind.CITY_URGENT: N_("The city of %(name)s has something urgent to tell you."),
}
_TO_A_CITY = {Kind.PEER_ASKS: N_("A neighbourhood would like to get to know you.")}
_BY_THE_HOST = frozenset({Kind.LINK_MADE, Kind.KEEPER_NAMED})
_LAMPS = frozenset({Kind.OFFER, Kind.EXPIRED})
_PICTURES = {
    Kind.THANKS: "thanks",
    Kind.REPLY: "reply",
    Kind.CITY_URGENT: "bell",
    Kind.DID_YOU_MEET: "check",
    Kind.KEEPER_NAMED: "home",
    Kind.KEEPER_RELIEVED: "home",
}
_DOORS = frozenset({Kind.OFFER_ACCEPTED, Kind.MESSAGE, Kind.RELEASED, Kind.CALLED_OFF, Kind.PEER_ASKS, Kind.LINK_MADE})

# what is not about a request for help, by the address of its page; and the part of a request's page for the rest
_ELSEWHERE = {
    Kind.REPLY: "/p/{}",
    Kind.THANKS: "/p/{}",
    Kind.PEER_ASKS: "/host/neighbours/{}",
    Kind.PEER_CHANGED: "/host/neighbours/{}",
    Kind.PEER_ENDED: "/host/neighbours/{}",
    Kind.PEER_ENDING: "/host/neighbours/{}",
    Kind.PEER_SILENT: "/host/neighbours/{}/sent",
    Kind.PEER_REFUSING: "/host/neighbours/{}/sent",
    Kind.PEER_KEY: "/host/neighbours/{}",
    Kind.LIST_CHANGED: "/host/neighbours/list",
    Kind.PEER_KEY_ANNOUNCED: "/host/neighbours/{}",
    Kind.POST_HIDDEN: "/p/{}",
    Kind.CITY_URGENT: "/p/{}",
    Kind.REPORT: "/host/reports",
    Kind.REPORT_ANSWER: "/account/reports",
    Kind.LINK_MADE: "/account#sessions",
    Kind.KEEPER_NAMED: "/host",
    Kind.KEEPER_RELIEVED: "/about",
}
_PARTS = {
    Kind.OFFER_ACCEPTED: "/talk",
    Kind.CALLED_OFF: "/talk",
    Kind.MESSAGE: "/talk",
    Kind.DID_YOU_MEET: "/talk#met",
    Kind.OFFER: "#offers",
}


async def show(visit: Visit) -> web.StreamResponse:
    """`/notifications`: newest first, what was not read yet marked in words."""
    told = await visit.database.read(notifications.latest, account=visit.account, limit=_PAGE + 1, before=visit.before)
    actors = await visit.database.read(accounts.many, {one.actor for one in told if one.actor is not None})
    shown = told[:_PAGE]
    return visit.page(
        "news.html",
        items=[_item(one, actors, visit) for one in shown],
        newest=max((one.id for one in shown if one.read_at is None), default=0),
        older=f"/notifications?older={shown[-1].id}" if len(told) > _PAGE else "",
    )


def _item(told: Notification, actors: dict[int, accounts.Account], visit: Visit) -> dict[str, Any]:
    actor = actors.get(told.actor) if told.actor is not None else None
    nobody = N_("Whoever keeps the machine") if told.kind in _BY_THE_HOST else N_("A neighbour")
    name = views.person(actor, visit.words).name if actor is not None else visit.words.gettext(nobody)
    sentence = _SENTENCES[told.kind]
    if visit.settings.profile is Profile.CITY:
        sentence = _TO_A_CITY.get(told.kind, sentence)
    return {
        "sentence": visit.words.gettext(sentence, name=name),
        "href": _address(told),
        "when": told.at,
        "unread": told.read_at is None,
        "picture": _picture(told.kind),
    }


def _address(told: Notification) -> str:
    if told.kind in _ELSEWHERE:
        return _ELSEWHERE[told.kind].format(told.object)
    return f"{urls.help_request(told.object)}{_PARTS.get(told.kind, '')}"


def _picture(kind: Kind) -> str:
    if kind in _LAMPS:
        return "lamp"
    if kind in _DOORS:
        return "door"
    return _PICTURES.get(kind, "flag")


async def mark_read(visit: Visit) -> web.StreamResponse:
    """All that the page showed has been read; what came since has not."""
    up_to = (await visit.form()).get("up_to", "")
    if up_to.isascii() and up_to.isdigit() and len(up_to) < 19:
        await visit.database.write(notifications.read_all, account=visit.account, up_to=int(up_to))
    return go("/notifications")
