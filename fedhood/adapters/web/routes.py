"""Every page, once: method, address, what answers, and for whom."""

from dataclasses import dataclass

from fedhood.adapters.web import (
    about,
    account,
    city_clerks,
    city_pages,
    door,
    files,
    front,
    help,
    host_codes,
    host_peers,
    host_people,
    host_reports,
    host_rules,
    host_setup,
    leaving,
    news,
    people,
    posts,
    reports,
    talk,
)
from fedhood.adapters.web.visit import Handler, Who

__all__ = ["ROUTES", "Route", "Who"]


@dataclass(frozen=True, slots=True)
class Route:
    """One page or one form. `who` is checked before the handler runs; what it reads is checked again in the core."""

    method: str
    path: str
    handler: Handler
    who: Who = Who.RESIDENT


ROUTES: tuple[Route, ...] = (
    # what anybody may ask for
    Route("GET", "/", front.first, Who.ANYONE),
    Route("GET", "/n/{key}", front.place, Who.ANYONE),
    Route("GET", "/p/{id}", posts.show, Who.ANYONE),
    Route("GET", "/help/{id:[0-9]+}", help.show, Who.ANYONE),
    Route("GET", "/about", about.about, Who.ANYONE),
    Route("GET", "/rules", about.rules, Who.ANYONE),
    Route("GET", "/about/policy", about.privacy, Who.ANYONE),
    Route("GET", "/accessibility", about.accessibility, Who.ANYONE),
    Route("GET", "/goodbye", leaving.goodbye, Who.ANYONE),
    Route("GET", "/static/{name}", files.static, Who.ANYONE),
    # the door
    Route("GET", "/sign-in", door.sign_in_page, Who.ANYONE),
    Route("POST", "/sign-in", door.sign_in, Who.ANYONE),
    Route("GET", "/link/{token}", door.link_page, Who.ANYONE),
    Route("POST", "/link/{token}", door.link, Who.ANYONE),
    Route("GET", "/join", door.join_page, Who.ANYONE),
    Route("POST", "/join", door.join, Who.ANYONE),
    Route("GET", "/setup/{token}", host_setup.set_up_page, Who.ANYONE),
    Route("POST", "/setup/{token}", host_setup.set_up, Who.ANYONE),
    Route("POST", "/sign-out", door.sign_out, Who.SIGNED_IN),
    Route("GET", "/again", door.again_page, Who.SIGNED_IN),
    Route("POST", "/again", door.again, Who.SIGNED_IN),
    # posts
    Route("GET", "/compose", posts.compose),
    Route("POST", "/compose", posts.publish),
    Route("POST", "/p/{id}/answer", posts.answer),
    Route("POST", "/p/{id}/thanks", posts.thank),
    Route("GET", "/p/{id}/edit", posts.edit),
    Route("POST", "/p/{id}/edit", posts.save),
    Route("GET", "/p/{id}/delete", posts.ask_delete),
    Route("POST", "/p/{id}/delete", posts.delete),
    Route("GET", "/p/{id}/report", reports.post_page),
    Route("POST", "/p/{id}/report", reports.post),
    Route("GET", "/@{handle}", people.by_handle, Who.ANYONE),
    Route("GET", "/people/{key}", people.by_key),
    Route("POST", "/people/{key}/block", people.block),
    Route("POST", "/people/{key}/unblock", people.unblock),
    # help
    Route("GET", "/help", help.board),
    Route("GET", "/help/new", help.new),
    Route("POST", "/help/new", help.ask),
    Route("GET", "/help/{id:[0-9]+}/report", reports.post_page),
    Route("POST", "/help/{id:[0-9]+}/report", reports.post),
    Route("POST", "/help/{id:[0-9]+}/answer", help.answer),
    Route("POST", "/help/{id:[0-9]+}/offer", help.offer),
    Route("POST", "/help/{id:[0-9]+}/take-back", help.take_back),
    Route("POST", "/help/{id:[0-9]+}/offers/{offer}/choose", help.choose),
    Route("POST", "/help/{id:[0-9]+}/offers/{offer}/decline", help.decline),
    Route("POST", "/help/{id:[0-9]+}/note", help.note),
    Route("POST", "/help/{id:[0-9]+}/withdraw", help.withdraw),
    Route("POST", "/help/{id:[0-9]+}/release", help.release),
    Route("POST", "/help/{id:[0-9]+}/resolve", help.resolve),
    Route("GET", "/help/{id:[0-9]+}/talk", talk.show),
    Route("POST", "/help/{id:[0-9]+}/talk", talk.say),
    Route("GET", "/help/{id:[0-9]+}/talk/report", reports.talk_page),
    Route("POST", "/help/{id:[0-9]+}/talk/report", reports.talk),
    Route("POST", "/help/{id:[0-9]+}/leave", talk.leave),
    Route("POST", "/help/{id:[0-9]+}/met", talk.met),
    # what is one's own
    Route("GET", "/notifications", news.show, Who.SIGNED_IN),
    Route("POST", "/notifications", news.mark_read, Who.SIGNED_IN),
    Route("GET", "/account", account.show, Who.SIGNED_IN),
    Route("POST", "/account/language", account.language, Who.SIGNED_IN),
    Route("POST", "/account/passphrase", account.passphrase, Who.SIGNED_IN),
    Route("POST", "/account/sessions", account.sign_out_elsewhere, Who.SIGNED_IN),
    Route("POST", "/account/code", account.make_code),
    Route("GET", "/account/reports", reports.mine),
    Route("GET", "/account/data", leaving.data, Who.SIGNED_IN),
    Route("GET", "/account/leave", leaving.leave_page),
    Route("POST", "/account/leave", leaving.leave),
    # the city's figures
    Route("GET", "/metrics/v1/", city_pages.figures, Who.ANYONE),
    Route("GET", "/city", city_pages.overview, Who.CLERK),
    Route("GET", "/city/set-up", city_pages.set_up, Who.CLERK),
    Route("POST", "/city/set-up", city_pages.save_set_up, Who.CLERK),
    Route("GET", "/city/clerks", city_clerks.show, Who.CLERK),
    Route("POST", "/city/clerks", city_clerks.invite, Who.CLERK),
    Route("POST", "/city/clerks/{account:[0-9]+}/link", city_clerks.renew, Who.CLERK),
    Route("POST", "/city/clerks/{account:[0-9]+}/dismiss", city_clerks.dismiss, Who.CLERK),
    # who looks after the place
    Route("GET", "/host", host_setup.overview, Who.KEEPER),
    Route("GET", "/host/neighbours", host_peers.show_all, Who.KEEPER),
    Route("POST", "/host/neighbours", host_peers.add, Who.KEEPER),
    Route("POST", "/host/neighbours/here", host_peers.here, Who.KEEPER),
    Route("GET", "/host/neighbours/{peer:[0-9]+}", host_peers.show, Who.KEEPER),
    Route("POST", "/host/neighbours/{peer:[0-9]+}/match", host_peers.match, Who.KEEPER),
    Route("POST", "/host/neighbours/{peer:[0-9]+}/differ", host_peers.differ, Who.KEEPER),
    Route("POST", "/host/neighbours/{peer:[0-9]+}/block", host_peers.block, Who.KEEPER),
    Route("POST", "/host/neighbours/{peer:[0-9]+}/unblock", host_peers.unblock, Who.KEEPER),
    Route("GET", "/host/codes", host_codes.show, Who.MODERATOR),
    Route("POST", "/host/codes", host_codes.make, Who.MODERATOR),
    Route("POST", "/host/codes/{sheet:[0-9]+}/cancel", host_codes.cancel, Who.MODERATOR),
    Route("GET", "/host/reports", host_reports.show, Who.MODERATOR),
    Route("POST", "/host/reports/{report:[0-9]+}/hide", host_reports.hide, Who.MODERATOR),
    Route("POST", "/host/reports/{report:[0-9]+}/show", host_reports.restore, Who.MODERATOR),
    Route("POST", "/host/reports/{report:[0-9]+}/answer", host_reports.answer, Who.MODERATOR),
    Route("POST", "/host/posts/{id}/show", host_reports.show_post, Who.MODERATOR),
    Route("GET", "/host/log", host_reports.log, Who.MODERATOR),
    Route("GET", "/host/people", host_people.show, Who.MODERATOR),
    Route("GET", "/host/people/{account:[0-9]+}/link", host_people.ask_link, Who.MODERATOR),
    Route("POST", "/host/people/{account:[0-9]+}/link", host_people.make_link, Who.MODERATOR),
    Route("GET", "/host/people/{account:[0-9]+}/entrust", host_people.ask_entrust, Who.MODERATOR),
    Route("POST", "/host/people/{account:[0-9]+}/entrust", host_people.entrust, Who.MODERATOR),
    Route("GET", "/host/people/{account:[0-9]+}/relieve", host_people.ask_relieve, Who.MODERATOR),
    Route("POST", "/host/people/{account:[0-9]+}/relieve", host_people.relieve, Who.MODERATOR),
    Route("GET", "/host/people/homes", host_people.ask_merge, Who.MODERATOR),
    Route("POST", "/host/people/homes", host_people.choose_homes, Who.MODERATOR),
    Route("POST", "/host/people/homes/merge", host_people.merge_homes, Who.MODERATOR),
    Route("GET", "/host/rules", host_rules.show, Who.MODERATOR),
    Route("POST", "/host/rules", host_rules.save, Who.MODERATOR),
)
