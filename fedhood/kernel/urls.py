"""Every address of ours, made in one place.

ActivityPub ids are `https://HOST/ap/…`: lower case, no port, no query, never reused. Pages are `/p/…` for a post,
`/help/…` for a help request, `/n/…` for a neighbourhood, `/@…` for a person. A counter that tells how many there are
is in no address.
"""

from functools import lru_cache
from urllib.parse import urlsplit

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
CITY = "/ap/city"  # the same at every city: what ends so is nobody's private address
HUB_KEY = "citywide"
HUB = f"/ap/groups/{HUB_KEY}"  # likewise: through it goes what residents say to the whole city


class Addresses:
    """The addresses of one server. `base` is empty when it has no name: then it has pages only."""

    def __init__(self, base: str) -> None:
        self.base = base

    @property
    def host(self) -> str:
        """The authority (host, and port on loopback)."""
        return urlsplit(self.base).netloc

    @property
    def instance(self) -> str:
        """The server's own actor."""
        return f"{self.base}/ap/instance"

    @property
    def instance_key(self) -> str:
        """The key that vouches for every other actor of this server."""
        return f"{self.base}/ap/instance#ed25519-key"

    @property
    def peer_inbox(self) -> str:
        """Where scoped activities arrive."""
        return f"{self.base}/ap/instance/peer-inbox"

    @property
    def shared_inbox(self) -> str:
        """Where public activities arrive."""
        return f"{self.base}/ap/inbox"

    @property
    def metrics(self) -> str:
        """The actor that hands in reports."""
        return f"{self.base}/ap/metrics"

    @property
    def city(self) -> str:
        """The actor that receives reports."""
        return f"{self.base}{CITY}"

    @property
    def hub(self) -> str:
        """The actor that passes on what residents say to the whole city."""
        return f"{self.base}{HUB}"

    @property
    def city_list(self) -> str:
        """The list of neighbourhoods that a city publishes."""
        return f"{self.base}/ap/city/neighbourhoods"

    def group(self, key: str) -> str:
        """A neighbourhood."""
        return f"{self.base}/ap/groups/{key}"

    def person(self, key: str) -> str:
        """A resident."""
        return f"{self.base}/ap/people/{key}"

    def note(self, post_id: int) -> str:
        """A post."""
        return f"{self.base}/ap/notes/{post_id}"

    def context(self, root_id: int) -> str:
        """A thread."""
        return f"{self.base}/ap/contexts/{root_id}"

    def activity(self, key: str) -> str:
        """An activity."""
        return f"{self.base}/ap/activities/{key}"

    def agreement(self, key: str) -> str:
        """What asker and helper agreed."""
        return f"{self.base}/ap/agreements/{key}"

    def receipt(self, key: str) -> str:
        """The asker's word that help came."""
        return f"{self.base}/ap/receipts/{key}"

    def peering(self, host: str) -> str:
        """What this server agreed with another."""
        return f"{self.base}/ap/peerings/{host}"

    def report(self, area: str, period: str, revision: int) -> str:
        """A report to the city."""
        return f"{self.base}/metrics/v1/reports/{area}/{period}/{revision}"


def post(post_id: int) -> str:
    """The page of a post."""
    return f"/p/{post_id}"


def help_request(post_id: int) -> str:
    """The page of a help request."""
    return f"/help/{post_id}"


def neighbourhood(key: str) -> str:
    """The page of a neighbourhood."""
    return f"/n/{key}"


def person(handle: str) -> str:
    """The page of a person."""
    return f"/@{handle}"


@lru_cache(maxsize=1024)  # an activity names the same few addresses again and again
def origin(uri: str) -> str:
    """Scheme, host and port of an address, as FEP-fe34 compares them; empty for what is no http(s) address."""
    try:
        parts = urlsplit(uri)
    except ValueError:  # brackets that hold no address
        return ""
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username is not None:
        return ""
    return f"{parts.scheme}://{parts.netloc.lower()}"


def authority(uri: str) -> str:
    """Host and port of an address in lower case: what a peer is known by; empty for what is no http(s) address."""
    return origin(uri).partition("://")[2]


# under which a country has people register their names
_SHARED = frozenset({"ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ne", "net", "or", "org"})


def registered_name(host: str) -> str:
    """The part of a host that somebody registered, as near as it can be told without a list: oak.example of
    a.b.oak.example, oak.co.uk of a.oak.co.uk. A port is left out.
    """
    labels = host.partition(":")[0].split(".")
    is_shared = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SHARED
    return ".".join(labels[-3 if is_shared else -2 :])
