"""How a help request and an offer stand, said to each who looks: the asker, a helper, everybody else."""

from markupsafe import Markup

from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.render import Action, State, Words
from fedhood.core import help_requests
from fedhood.core.access import Viewer
from fedhood.core.help_requests import HelpCategory, HelpRequest, Met, Offer, OfferState, Outcome, PrivateThread, Sent
from fedhood.core.timelines import Entry
from fedhood.kernel import urls

KINDS: dict[HelpCategory, str] = {
    HelpCategory.CARRYING: N_("Carrying"),
    HelpCategory.ERRAND: N_("Errand"),
    HelpCategory.COMPANY: N_("Company"),
    HelpCategory.REPAIR: N_("Repair"),
    HelpCategory.TRANSPORT: N_("A lift"),
    HelpCategory.ANIMALS: N_("Animals"),
    HelpCategory.PAPERS: N_("Letters and forms"),
    HelpCategory.OTHER: N_("Something else"),
}

OUTCOMES: dict[Outcome, str] = {
    Outcome.WITH_NEIGHBOUR: N_("A neighbour helped"),
    Outcome.OTHERWISE: N_("It worked out another way"),
    Outcome.NO_LONGER_NEEDED: N_("It is not needed any more"),
}

MET: dict[Met, str] = {
    Met.YES: N_("Yes, we met"),
    Met.NO: N_("No"),
    Met.RATHER_NOT: N_("I would rather not say"),
}


def kind(request: HelpRequest, words: Words) -> str:
    """What sort of help, as the small line over the request says it."""
    return words.gettext("Help wanted: %(kind)s", kind=words.gettext(KINDS[request.category]))


def where_and_until(request: HelpRequest, words: Words) -> str:
    """Roughly where, and until when."""
    until = words.gettext("until %(moment)s", moment=words.day_and_hour(request.until))
    return Markup("{} · {}").format(request.area, until) if request.area else until


def state(entry: Entry, viewer: Viewer, words: Words) -> State:
    """How the request stands, for the foot of its card. Raises ValueError for a post that asks for nothing."""
    if entry.help is None:
        raise ValueError("this post asks for no help")
    if viewer.account is not None and viewer.account == entry.author.id:
        return _for_asker(entry, entry.help, words)
    offer = entry.my_offer
    if offer is not None and _still_matters(offer, entry.help):
        return offer_state(offer, entry, words)
    return _for_others(entry, entry.help, viewer, words)


def _still_matters(offer: Offer, request: HelpRequest) -> bool:
    """One's own offer is what one wants to hear of, unless it ended and the request goes on without it."""
    if offer.state is OfferState.ACCEPTED:
        return request.state is help_requests.State.CLAIMED
    if offer.state is OfferState.WITHDRAWN:  # next door may not have heard of it yet: nobody is coming by this offer
        return request.state is help_requests.State.CLAIMED
    return offer.state is not OfferState.LAPSED or request.state is help_requests.State.OPEN


def _for_asker(entry: Entry, request: HelpRequest, words: Words) -> State:
    page = urls.help_request(request.post)
    match request.state:
        case help_requests.State.OPEN:
            waiting = entry.offers_waiting
            text = (
                words.ngettext("%(n)s person offered", "%(n)s people offered", waiting)
                if waiting
                else words.gettext("Nobody has offered yet.")
            )
            look = Action(label=words.gettext("See who can help"), href=f"{page}#offers", look="quiet")
            return State(kind="open", strong=words.gettext("Open"), text=str(text), action=look if waiting else None)
        case help_requests.State.CLAIMED:
            talk = Action(label=words.gettext("To your conversation"), href=f"{page}/talk", look="quiet")
            return State(kind="coming", strong=words.gettext("Someone is coming"), action=talk)
        case help_requests.State.RESOLVED:
            return State(kind="done", strong=_done(request, words), text=_closed(request, words))
        case help_requests.State.WITHDRAWN:
            return State(kind="late", strong=words.gettext("You took this back."), text=_closed(request, words))
        case help_requests.State.EXPIRED:
            again = Action(label=words.gettext("Ask again"), href=f"/help/new?again={request.post}", look="quiet")
            return State(kind="late", strong=words.gettext("The time has passed. Ask again?"), action=again)


def _done(request: HelpRequest, words: Words) -> str:
    """Two are thanked only where two had to do with it, as far as is known here."""
    together = request.outcome is Outcome.WITH_NEIGHBOUR
    return words.gettext("Done, thank you both") if together else words.gettext("Done")


def _for_others(entry: Entry, request: HelpRequest, viewer: Viewer, words: Words) -> State:
    match request.state:
        case help_requests.State.OPEN:
            reader = any(place.id == viewer.neighbourhood for place in entry.places)
            offer = Action(
                label=words.gettext("I can help"), href=f"{urls.help_request(request.post)}#offer", look="lamp"
            )
            return State(
                kind="open",
                strong=words.gettext("Open"),
                text=words.gettext("Here somebody is still looking for a hand."),
                action=offer if reader else None,
            )
        case help_requests.State.CLAIMED:
            return State(kind="coming", strong=words.gettext("Someone is coming"))
        case help_requests.State.RESOLVED:
            return State(kind="done", strong=words.gettext("Done"), text=_closed(request, words))
        case help_requests.State.WITHDRAWN:
            return State(kind="late", strong=words.gettext("Not needed any more."), text=_closed(request, words))
        case help_requests.State.EXPIRED:
            return State(kind="late", strong=words.gettext("The time has passed."), text=_closed(request, words))


def _closed(request: HelpRequest, words: Words) -> str:
    return words.day_and_hour(request.closed_at) if request.closed_at else ""


def _ended_by_it(entry: Entry, request: HelpRequest, thread: PrivateThread) -> bool:
    """Whether what ended the request ended this conversation too: not one of a helper who had dropped out before."""
    if help_requests.is_live(request):
        return False
    if entry.post.uri is None:
        return request.offer == thread.offer
    offer = entry.my_offer
    return offer is not None and offer.id == thread.offer and offer.state is OfferState.ACCEPTED


def _how_it_closed(request: HelpRequest, words: Words, *, asks: bool) -> State:
    """What became of a request, said to one of the two over their conversation."""
    if request.state is help_requests.State.RESOLVED:
        return State(kind="done", strong=_done(request, words), text=_closed(request, words))
    if request.state is help_requests.State.EXPIRED:
        return State(kind="late", strong=words.gettext("The time has passed."), text=_closed(request, words))
    said = words.gettext("You took this back.") if asks else words.gettext("Not needed any more.")
    return State(kind="late", strong=said, text=_closed(request, words))


def offer_state(offer: Offer, entry: Entry, words: Words) -> State:
    """How one's own offer stands: who is asked, since when, and how to take it back."""
    page = urls.help_request(offer.request)
    back = Action(label=words.gettext("Take back my offer"), post=f"{page}/take-back", look="quiet")
    match offer.state:
        case OfferState.WAITING:
            strong, text = _waiting(offer, entry, words)
            return State(kind="no" if offer.sent is Sent.FAILED else "wait", strong=strong, text=text, action=back)
        case OfferState.ACCEPTED:
            talk = Action(label=words.gettext("To your conversation"), href=f"{page}/talk")
            return State(
                kind="coming",
                strong=words.gettext("You are the one who comes."),
                text=words.gettext("The note and all further words are in your conversation."),
                action=talk,
            )
        case OfferState.REFUSED:
            return State(kind="no", strong=_refused(offer, entry, words), text=_when(offer, words))
        case OfferState.WITHDRAWN:
            return State(kind="late", strong=words.gettext("You took your offer back."), text=_when(offer, words))
        case OfferState.LAPSED:
            return State(kind="late", strong=words.gettext("Your offer waited three days and has ended."))


def _waiting(offer: Offer, entry: Entry, words: Words) -> tuple[str, str]:
    """What is said while the answer is awaited: the place is asked first, then the person chooses."""
    place = entry.home.name
    chooses = words.gettext(
        "%(name)s chooses. Your offer stands until %(moment)s.",
        name=entry.author.name,
        moment=words.day_and_hour(offer.expires_at),
    )
    sent = words.gettext("Sent. Waiting for %(place)s.", place=place)
    match offer.sent:
        case None:
            return words.gettext("You offered your help."), chooses
        case Sent.SENDING:
            return sent, ""
        case Sent.TROUBLE:
            since = words.time(offer.sent_at or offer.offered_at)
            return sent, words.gettext("No answer since %(time)s. Still trying.", time=since)
        case Sent.ARRIVED:
            return words.gettext("It arrived in %(place)s.", place=place), chooses
        case Sent.FAILED:
            said = words.gettext("It could not be brought to %(place)s.", place=place)
            return said, words.gettext("We stopped trying. Take it back and try again later.")


def _refused(offer: Offer, entry: Entry, words: Words) -> str:
    """The no, in the words of the place for a neighbour next door, in the asker's for one of the same street."""
    away = offer.sent is not None
    match offer.reason:
        case "someone-else":
            said = (
                words.gettext("%(place)s said no: someone else is coming.", place=entry.home.name)
                if away
                else words.gettext("Someone else is coming. Thank you for offering.")
            )
        case "resolved" | "withdrawn" | "expired":
            said = words.gettext("It is not needed any more. Thank you for offering.")
        case "released":
            said = words.gettext("%(name)s asks again and looks for somebody else.", name=entry.author.name)
        case _:
            said = words.gettext("%(name)s said no, thank you for offering.", name=entry.author.name)
    return said


def _when(offer: Offer, words: Words) -> str:
    return words.day_and_hour(offer.answered_at) if offer.answered_at else ""


def talk_state(entry: Entry, thread: PrivateThread, words: Words, *, asks: bool, left: bool) -> State:
    """How things stand between the two, over their conversation."""
    if entry.help is not None and _ended_by_it(entry, entry.help, thread):
        return _how_it_closed(entry.help, words, asks=asks)
    if left:
        return State(kind="late", strong=words.gettext("This conversation has ended."))
    if thread.ended_at is not None:
        return State(kind="late", strong=words.gettext("This is over."), text=words.day_and_hour(thread.ended_at))
    if asks:
        return State(kind="coming", strong=words.gettext("Someone is coming"))
    return State(kind="coming", strong=words.gettext("You are the one who comes."))
