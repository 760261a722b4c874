"""Who may see what, and who may do what: written by hand, from the words of the house and not from its code.

A new thing is a row here; a new kind of viewer is a name here and a cookie or a key in `scene`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

# -- who looks --------------------------------------------------------------------------------------------------------

# At Elm's server live Elm, Birch and Cedar. Elm and Cedar are neighbours, Birch is a stranger in the same house.
# At Oak's server live Oak and Ash. Elm and Oak are neighbours, Ash is a stranger in the same house.
# At the city's server nobody lives; its clerk writes to Elm and to Ash. Elm's and Oak's servers agreed with it.
WITH_COOKIE_AT_ELM = (
    "author",
    "neighbour",
    "helper",
    "blocked",  # by the author
    "birch",
    "cedar",
    "elm moderator",
    "birch moderator",
    "elm keeper",  # moderates the whole server, and lives in Elm
    "clerk",  # counts for the city, and lives in Birch
)
WITH_COOKIE_AT_OAK = ("oak", "oak helper", "oak moderator", "oak keeper", "ash")
WITH_COOKIE_AT_CITY = ("city clerk",)
AT_ELM = (
    *WITH_COOKIE_AT_ELM,
    "guest from oak",  # a cookie of the other server
    "stranger at elm",
    "oak's server",  # a GET signed with the key of a server that we agreed with
    "city's server",  # agreed with as the city
    "fir's server",  # found, its key known, nothing agreed
    "nowhere's server",  # nobody ever heard of it
    "forger",  # says that it is Oak's server, and signs with a key of its own
    "follower",  # on other software, follows Elm and answered there once
)
AT_OAK = (
    *WITH_COOKIE_AT_OAK,
    "guest from elm",
    "stranger at oak",
    "elm's server",
    "city's server at oak",
    "nowhere's server at oak",
)
AT_CITY = (
    *WITH_COOKIE_AT_CITY,
    "guest at the city",
    "stranger at the city",
    "elm's server at the city",
    "oak's server at the city",
    "nowhere's server at the city",
)
UNPAIRED = "oak's server, unpaired"  # Elm shows it nothing new; the agreement as such still holds
FORMER = "oak's server, parted"  # the agreement has ended
LATER = (UNPAIRED, FORMER)
# who comes with a key goes to the wire; that a page does not look at keys, one of them proves at each server
TO_THE_WIRE_ALONE = frozenset(
    {
        "follower",
        "fir's server",
        "nowhere's server",
        "forger",
        "nowhere's server at oak",
        "city's server at oak",
        "nowhere's server at the city",
    }
)
STRANGERS = {"elm": "stranger at elm", "oak": "stranger at oak", "city": "stranger at the city"}
# who comes with the key of a server, by whose server it is and where it asks
SERVERS = {
    "elm": {"oak": "oak's server", "city": "city's server", "fir": "fir's server"},
    "oak": {"elm": "elm's server", "city": "city's server at oak"},
    "city": {"elm": "elm's server at the city", "oak": "oak's server at the city"},
}
AGREED = frozenset(
    {name for at, there in SERVERS.items() for host, name in there.items() if (at, host) != ("elm", "fir")}
)
RESIDENTS = frozenset({*WITH_COOKIE_AT_ELM, *WITH_COOKIE_AT_OAK})
SIGNED_IN = frozenset({*RESIDENTS, *WITH_COOKIE_AT_CITY})
MODERATORS = frozenset({"elm moderator", "birch moderator", "oak moderator"})
KEEPERS = frozenset({"elm keeper", "oak keeper"})
CLERKS = frozenset({"clerk", "city clerk"})
SPEAKERS = frozenset(WITH_COOKIE_AT_CITY)  # on a neighbourhood's server nobody speaks for a city

_ELM = {"author", "neighbour", "helper", "elm moderator", "elm keeper"}
_OAK = {"oak", "oak helper", "oak moderator", "oak keeper"}
_ANYBODY = {*AT_ELM, *AT_OAK, *LATER}
_NOBODY: set[str] = set()
_ELM_LOOKS_AFTER = {"elm moderator", "elm keeper"}
_OAK_LOOKS_AFTER = {"oak moderator", "oak keeper"}
# who lives where: the same roof or the same key of an address
LIVES_IN = {
    "Elm": {*_ELM, "blocked", "odo", "silke"},
    "Birch": {"birch", "birch moderator", "clerk"},
    "Cedar": {"cedar"},
    "Oak": _OAK,
    "Ash": {"ash"},
}


# -- what there is ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Thing:
    """One thing with words that stand nowhere else.

    `seen`: who must find it somewhere, and may find it anywhere. `free`: who else may find it, below which address.
    Everyone else finds it nowhere. `travels`: whether it may leave Elm.
    """

    canary: str
    seen: frozenset[str]
    free: Mapping[str, frozenset[str]] = field(default_factory=dict)
    travels: bool = True

    def may_see(self, viewer: str, path: str) -> bool:
        return viewer in self.seen or any(
            viewer in some and path.startswith(below) for below, some in self.free.items()
        )


def _thing(canary: str, seen: set[str], free: Mapping[str, set[str]] | None = None, *, travels: bool = True) -> Thing:
    some = {below: frozenset(viewers) for below, viewers in (free or {}).items()}
    return Thing(canary, frozenset(seen), some, travels)


_NEXT_DOOR = _ELM | _OAK | {"oak's server"}
# a server gives nobody else's posts out on the wire: who comes with a key only need not find Elm's at Oak
_AT_HOME_ALONE = {"nowhere's server at oak", "city's server at oak"}
_EVERYBODY_ELSE = _ANYBODY - {"blocked"} - _AT_HOME_ALONE
_FOR_ANYBODY = {"": _AT_HOME_ALONE}
# who lives in Elm or Ash, and who wrote it or was sent it
_TOLD_BY_CITY = _ELM | {"blocked", "ash"}
_CITYWIDE = _ELM | {"ash"}
_PASSED_TO_OAK = {"/ap/activities/announce-hub-": {"oak's server at the city"}}
_CITY = {"city clerk", *SERVERS["city"].values()}
# a neighbour has a page: by name for the own neighbourhood, by a key that cannot be guessed for every resident
_PERSON = {"/@": _ELM | {"blocked"}, "/people/": set(RESIDENTS), "/host/people": _ELM_LOOKS_AFTER}

THINGS = {
    # posts of the author, who lives in Elm; whom the author blocked sees none of them, on no page
    "quiet post": _thing("pimpelmees", _ELM, travels=False),
    "answer to the quiet post": _thing("roodborst", _ELM, travels=False),
    "next-door post": _thing("wielewaal", _NEXT_DOOR),
    "answer next door": _thing("goudvink", _NEXT_DOOR),
    "cedar post": _thing("kwartelkoning", _ELM | {"cedar"}, travels=False),
    "public post": _thing("nachtegaal", _EVERYBODY_ELSE, _FOR_ANYBODY),
    "answer to the public post": _thing("boomklever", _EVERYBODY_ELSE, _FOR_ANYBODY),
    # of somebody on other software: it is on their server, and on Elm's pages
    "visitor's answer": _thing("appelvink", set(AT_ELM) - TO_THE_WIRE_ALONE - {"blocked"}, travels=False),
    "hidden post": _thing("winterkoning", {"author", *_ELM_LOOKS_AFTER}, travels=False),
    # a mirror next door is looked after by the moderators there
    "hidden public post": _thing("heggenmus", {"author", *_ELM_LOOKS_AFTER}, {"": {*AT_OAK}}),
    # told, and read there no longer: hidden by Cedar for Cedar, and told to Birch before the two parted
    "post hidden in cedar": _thing("kruisbek", _ELM, travels=False),
    "post told to birch once": _thing("draaihals", _ELM, travels=False),
    "removed post": _thing("zwartkop", _NOBODY),
    "removed public post": _thing("ijsvogel", _NOBODY),
    "edited post": _thing("visarend", _EVERYBODY_ELSE, _FOR_ANYBODY),
    # who was sent them reads them once more in their place in the stream, and after them what they say now
    "words edited away": _thing("kwikstaart", _NOBODY, {"": {"oak's server", UNPAIRED}, "/account/data": {"author"}}),
    # what comes from Oak
    "oak's word": _thing("tjiftjaf", _ELM | _OAK | {"blocked", "elm's server"}),
    "oak's quiet word": _thing("rietgors", _OAK),
    # a request that waits: its line travels, its note does not
    "open line": _thing("bosrietzanger", _NEXT_DOOR),
    "open note": _thing("blauwborst", {"author"}, travels=False),
    "offer from elm": _thing("scholekster", {"author"}, {"": {"helper"}}, travels=False),
    "offer from oak": _thing("watersnip", {"author", "elm's server"}, {"": {"oak helper"}}),
    "who offered": _thing("kerkuil", {"author"}, _PERSON, travels=False),
    "notification": _thing("kerkuil would like to help you", {"author"}, travels=False),
    # a request with a helper from Oak
    "away line": _thing("grutto", _NEXT_DOOR),
    "away note": _thing("houtsnip", {"author", "oak helper", "oak's server"}, {"": {UNPAIRED}}),
    "asker's message": _thing("patrijs", {"author", "oak helper", "oak's server"}, {"": {UNPAIRED}}),
    "oak helper's message": _thing("velduil", {"author", "oak helper", "elm's server"}),
    # a request that stays in Elm, with a helper from there
    "here line": _thing("steenuil", _ELM, travels=False),
    "here note": _thing("ransuil", {"author", "helper"}, travels=False),
    "here message": _thing("torenvalk", {"author", "helper"}, travels=False),
    # what the city says to Elm and Ash, and what is answered in Elm: the city reads none of it
    "city's word": _thing("spotvogel", _TOLD_BY_CITY | _CITY),
    "city's word to come": _thing("oeverzwaluw", _CITY),
    "city's word taken back": _thing("gierzwaluw", _NOBODY),
    "city's edited word": _thing("rotszwaluw", _TOLD_BY_CITY | _CITY),
    "city's words edited away": _thing("huiszwaluw", _NOBODY),
    "answer to the city": _thing("boerenzwaluw", _ELM | {"blocked"}, travels=False),
    # one that the city may read, and one that it may read no longer
    "answer that is let out": _thing("tapuit", _ELM | {"blocked", "city clerk", "city's server"}),
    "answer taken back from the city": _thing("paapje", _ELM | {"blocked"}),
    # what is said to the whole city, of which Elm and Ash take part: its server passes it on and shows it to nobody
    "city-wide post": _thing("koekoek", _CITYWIDE | {"city's server"}, _PASSED_TO_OAK),
    "city-wide answer": _thing("putter", _CITYWIDE, {"": {"city's server at oak", "elm's server at the city"}}),
    "removed city-wide post": _thing("fluiter", _NOBODY),
    "edited city-wide post": _thing("zanglijster", _CITYWIDE | {"city's server"}, _PASSED_TO_OAK),
    "words edited away from the city": _thing(
        "grasmus", _NOBODY, {**_PASSED_TO_OAK, "/ap/": {"city's server"}, "/account/data": {"author"}}
    ),
    # complaints: who made one is known to the moderators of the own neighbourhood, and goes nowhere; one about what was
    # said in private tells what the one says of it, and nothing that the two said
    "report's words": _thing("slechtvalk", _ELM_LOOKS_AFTER | _OAK_LOOKS_AFTER, {"": {"oak's server", UNPAIRED}}),
    "reporter's name": _thing("wespendief", _ELM_LOOKS_AFTER, _PERSON, travels=False),
    "report of a talk": _thing("sperwer", {"helper", *_ELM_LOOKS_AFTER}, travels=False),
}

# the city's, each known by an id of its own where it arrived
CITYS = frozenset(thing for thing in THINGS if thing.startswith("city's"))
VISITORS = frozenset(thing for thing in THINGS if thing.startswith("visitor's"))
# what the city may have, beside its own: an answer that somebody lets it read, and their name
LET_OUT = frozenset({"answer that is let out"})
LET_OUT_BY = frozenset({"neighbour"})
# what goes through the city's hub: its server has the bytes that it passes on, and nothing else of it
CITYWIDE = frozenset(thing for thing in THINGS if "city-wide" in thing or thing.endswith("from the city")) - {
    "answer taken back from the city"
}
PASSED_ON = CITYWIDE - {"removed city-wide post"}
AUTHORS = {
    "city-wide answer": "ash",
    **dict.fromkeys(CITYS, "nobody who could act on these pages"),
    "answer to the city": "neighbour",
    "answer that is let out": "neighbour",
    "answer taken back from the city": "neighbour",
    "answer to the quiet post": "helper",
    "answer next door": "helper",
    "answer to the public post": "neighbour",
    **dict.fromkeys(VISITORS, "nobody who could act on these pages"),
    "oak's word": "oak helper",
    "oak's quiet word": "oak helper",
}
OTHERWISE = "author"
HELP = frozenset({"open line", "away line", "here line"})
# the two who talk in private, and who has an offer to take back
PARTIES = {"away line": {"author", "oak helper"}, "here line": {"author", "helper"}}
OFFERED = {"open line": {"helper", "oak helper"}, "away line": {"oak helper"}, "here line": {"helper"}}
# complaints wait in the neighbourhood whose moderators must read them
REPORTS_IN = {"elm": _ELM_LOOKS_AFTER, "oak": _OAK_LOOKS_AFTER, "city": set()}

# who may learn that there was something: a Tombstone says no words
TOMBSTONES = {
    "removed post": {"oak's server"},
    "removed public post": _ANYBODY,
    "city's word taken back": _CITY - {"city clerk"},
    "removed city-wide post": {"city's server"},
}
# residents whose actor is there for anyone: they have acted beyond their server
BEYOND = frozenset({"author", "helper", "neighbour", "oak helper", "ash"})
# who lives in a place of the posts above that are answered
NEIGHBOURS = _ELM | _OAK | {"cedar", "blocked"}
# whose one-time links a moderator may make: those of the own neighbourhood
LOOKS_AFTER = {
    "elm moderator": LIVES_IN["Elm"],
    "birch moderator": LIVES_IN["Birch"],
    "elm keeper": LIVES_IN["Elm"] | LIVES_IN["Birch"] | LIVES_IN["Cedar"],
    "oak moderator": LIVES_IN["Oak"],
    "oak keeper": LIVES_IN["Oak"] | LIVES_IN["Ash"],
}


def author(thing: str) -> str:
    return AUTHORS.get(thing, OTHERWISE)


def knows(thing: str, viewer: str) -> bool:
    """Whether this viewer may know that a post, an answer or a line exists."""
    return THINGS[thing].may_see(viewer, "/")


def under_one_roof(viewer: str, other: str) -> bool:
    """Whether two live in the same neighbourhood."""
    return any(viewer in there and other in there for there in LIVES_IN.values())
