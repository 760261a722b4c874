"""Who may see what, and who may do what: written by hand, from the words of the house and not from its code.

A new thing is a row here; a new kind of viewer is a name here and a cookie or a key in `scene`.
"""

from dataclasses import dataclass

# -- who looks --------------------------------------------------------------------------------------------------------

# At Elm's server live Elm, Birch and Cedar. Elm and Cedar are neighbours, Birch is a stranger in the same house.
# At Oak's server live Oak and Ash. Elm and Oak are neighbours, Ash is a stranger in the same house.
AT_ELM = (
    "author",
    "neighbour",
    "helper",
    "blocked",
    "birch",
    "cedar",
    "elm moderator",
    "birch moderator",
    "clerk",  # counts for the city, and lives in Birch
    "guest from oak",  # a cookie of the other server
    "stranger at elm",
    "oak's server",  # a GET signed with the key of a server that we agreed with
    "fir's server",  # found, its key known, nothing agreed
    "nowhere's server",  # nobody ever heard of it
    "forger",  # says that it is Oak's server, and signs with a key of its own
)
AT_OAK = (
    "oak",
    "oak helper",
    "oak moderator",
    "ash",
    "guest from elm",
    "stranger at oak",
    "elm's server",
    "nowhere's server at oak",
)
UNPAIRED = "oak's server, unpaired"  # Elm shows it nothing new; the agreement as such still holds
FORMER = "oak's server, parted"  # the agreement has ended
LATER = (UNPAIRED, FORMER)
STRANGERS = {"elm": "stranger at elm", "oak": "stranger at oak"}
MODERATORS = frozenset({"elm moderator", "birch moderator", "oak moderator"})
CLERKS = frozenset({"clerk"})
SIGNED_IN = frozenset({*AT_ELM[:9], *AT_OAK[:4]})

_ELM = {"author", "neighbour", "helper", "elm moderator"}
_OAK = {"oak", "oak helper", "oak moderator"}
_ANYBODY = {*AT_ELM, *AT_OAK, *LATER}
_NOBODY: set[str] = set()


# -- what there is ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Thing:
    """One thing with words that stand nowhere else.

    `seen`: who must find it somewhere, and may find it anywhere. `free`: who may find it, or not. Everyone else finds
    it nowhere. `only_at`: the addresses outside of which `free` does not hold. `travels`: whether it may leave Elm.
    """

    canary: str
    seen: frozenset[str]
    free: frozenset[str] = frozenset()
    only_at: str = ""
    travels: bool = True

    def may_see(self, viewer: str, path: str = "") -> bool:
        return viewer in self.seen or (viewer in self.free and path.startswith(self.only_at))


def _thing(canary: str, seen: set[str], free: set[str] = _NOBODY, *, only_at: str = "", travels: bool = True) -> Thing:
    return Thing(canary, frozenset(seen), frozenset(free), only_at, travels)


_NEXT_DOOR = _ELM | _OAK | {"oak's server"}

THINGS = {
    # posts of the author, who lives in Elm; whom the author blocked sees none of them, on no page
    "quiet post": _thing("pimpelmees", _ELM, travels=False),
    "answer to the quiet post": _thing("roodborst", _ELM, travels=False),
    "next-door post": _thing("wielewaal", _NEXT_DOOR),
    "answer next door": _thing("goudvink", _NEXT_DOOR),
    "cedar post": _thing("kwartelkoning", _ELM | {"cedar"}, travels=False),
    "public post": _thing("nachtegaal", _ANYBODY - {"blocked"}),
    "answer to the public post": _thing("boomklever", _ANYBODY - {"blocked"}),
    "hidden post": _thing("winterkoning", {"author", "elm moderator"}, travels=False),
    # a mirror next door is looked after by the moderators there
    "hidden public post": _thing("heggenmus", {"author", "elm moderator"}, {*AT_OAK}),
    "removed post": _thing("zwartkop", _NOBODY),
    "removed public post": _thing("ijsvogel", _NOBODY),
    "edited post": _thing("visarend", _ANYBODY - {"blocked"}),
    "words edited away": _thing("kwikstaart", _NOBODY, {"oak's server"}),
    # what comes from Oak
    "oak's word": _thing("tjiftjaf", _ELM | _OAK | {"blocked", "elm's server"}),
    "oak's quiet word": _thing("rietgors", _OAK),
    # a request that waits: its line travels, its note does not
    "open line": _thing("bosrietzanger", _NEXT_DOOR),
    "open note": _thing("blauwborst", {"author"}, travels=False),
    "offer from elm": _thing("scholekster", {"author"}, {"helper"}, travels=False),
    "offer from oak": _thing("watersnip", {"author", "elm's server"}, {"oak helper"}),
    "who offered": _thing("kerkuil", {"author"}, {"elm moderator"}, only_at="/host/people", travels=False),
    "notification": _thing("kerkuil would like to help you", {"author"}, travels=False),
    # a request with a helper from Oak
    "away line": _thing("grutto", _NEXT_DOOR),
    "away note": _thing("houtsnip", {"author", "oak helper", "oak's server"}, {UNPAIRED}),
    "asker's message": _thing("patrijs", {"author", "oak helper", "oak's server"}, {UNPAIRED}),
    "oak helper's message": _thing("velduil", {"author", "oak helper", "elm's server"}),
    # a request that stays in Elm, with a helper from there
    "here line": _thing("steenuil", _ELM, travels=False),
    "here note": _thing("ransuil", {"author", "helper"}, travels=False),
    "here message": _thing("torenvalk", {"author", "helper"}, travels=False),
    # a complaint: who made it is known to the moderators who look after both, and goes nowhere
    "report's words": _thing("slechtvalk", _NOBODY, {"elm moderator", "oak moderator", "oak's server", UNPAIRED}),
    "reporter's name": _thing("wespendief", {"elm moderator"}, travels=False),
}

AUTHORS = {
    "answer to the quiet post": "helper",
    "answer next door": "helper",
    "answer to the public post": "neighbour",
    "oak's word": "oak helper",
    "oak's quiet word": "oak helper",
}
OTHERWISE = "author"
HELP = frozenset({"open line", "away line", "here line"})
# the two who talk in private, and who has an offer to take back
PARTIES = {"away line": {"author", "oak helper"}, "here line": {"author", "helper"}}
OFFERED = {"open line": {"helper", "oak helper"}, "away line": {"oak helper"}, "here line": {"helper"}}

# who may learn that there was something: a Tombstone says no words
TOMBSTONES = {"removed post": {"oak's server"}, "removed public post": _ANYBODY}
# residents whose actor is there for anyone: they have acted beyond their server
BEYOND = frozenset({"author", "helper", "neighbour", "oak helper"})
# who lives in a place of the posts above that are answered
NEIGHBOURS = _ELM | _OAK | {"cedar", "blocked"}
# people of Elm, whom the moderator of Birch may not look after, and the other way round
LOOKS_AFTER = {
    "elm moderator": {"author", "neighbour", "helper", "blocked", "elm moderator", "odo", "silke"},
    "birch moderator": {"birch", "birch moderator", "clerk"},
    "oak moderator": {"oak", "oak helper", "oak moderator"},
}


def author(thing: str) -> str:
    return AUTHORS.get(thing, OTHERWISE)


def knows(thing: str, viewer: str) -> bool:
    """Whether this viewer may know that a post, an answer or a line exists."""
    return THINGS[thing].may_see(viewer)
