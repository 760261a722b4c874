"""Reading what an activity says of itself, before anything is looked up: pure, and refusing what contradicts itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fedhood.adapters.activitypub import vocabulary
from fedhood.kernel import urls
from fedhood.kernel.errors import Invalid

MOST_ADDRESSED = 100
_SHORT_PUBLIC = frozenset({"as:Public", "Public"})
_LONGEST_ADDRESS = 2000
_LONGEST_LANGUAGE = 35  # RFC 5646, 4.4.1
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A neighbourhood's Announce around what a person did with a post.

    `to` are the Groups of its places, the home first; for a public post it is the home alone. `thing` is the Note, or
    the Tombstone that is left of one.
    """

    group: str
    scope: str
    to: tuple[str, ...]
    act: str
    inner: dict[str, Any]
    author: str
    thing: dict[str, Any]


def text(document: dict[str, Any], name: str) -> str:
    """A member that must be a string that is not empty. Raises Invalid."""
    value = document.get(name)
    if not isinstance(value, str) or not value or len(value) > _LONGEST_ADDRESS:
        raise Invalid(f"{name} is missing or no address", code="member", field=name)
    return value


def embedded(document: dict[str, Any], name: str = "object") -> dict[str, Any]:
    """A member that must be an object. Raises Invalid."""
    value = document.get(name)
    if not isinstance(value, dict):
        raise Invalid(f"{name} is not an object", code="member", field=name)
    return value


def addressed(document: dict[str, Any], name: str = "to", *, most: int = MOST_ADDRESSED) -> tuple[str, ...]:
    """To whom it is said, in order; Public in its full form. Raises Invalid, also beyond `most`."""
    value = document.get(name, [])
    members = value if isinstance(value, list) else [value]
    if len(members) > most or not all(isinstance(one, str) for one in members):
        raise Invalid(f"{name} is not a list of addresses", code="member", field=name)
    return tuple(vocabulary.PUBLIC if one in _SHORT_PUBLIC else one for one in members)


def named(value: Any) -> str:
    """The id of a thing that is given whole or by its id alone. Raises Invalid."""
    return text(value, "id") if isinstance(value, dict) else text({"id": value}, "id")


def same_origin(uri: str, other: str) -> None:
    """Raises Invalid unless both are of one server (FEP-fe34)."""
    if not urls.origin(uri) or urls.origin(uri) != urls.origin(other):
        raise Invalid("what belongs together is of two servers", code="origin")


def content(document: dict[str, Any]) -> str:
    """The plain text of `content`. Raises Invalid."""
    return vocabulary.text_of(document.get("content"))


def optional_content(document: dict[str, Any]) -> str:
    """The plain text of `content`, empty where there is none. Raises Invalid."""
    return content(document) if "content" in document else ""


def language(document: dict[str, Any]) -> str:
    """The one language that `contentMap` names, else an empty string."""
    spoken = document.get("contentMap")
    names = list(spoken) if isinstance(spoken, dict) else []
    return names[0] if len(names) == 1 and len(names[0]) <= _LONGEST_LANGUAGE else ""


def moment_of(document: dict[str, Any], name: str) -> datetime | None:
    """A moment, None where it is missing or cannot be read (A10)."""
    value = document.get(name)
    if not isinstance(value, str) or _MOMENT.fullmatch(value) is None:
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def whole_number(document: dict[str, Any], name: str) -> int:
    """A member that must be a whole number above zero. Raises Invalid."""
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Invalid(f"{name} is not a number", code="member", field=name)
    return value


# -- scope (L5 to L8) --------------------------------------------------------------------------------------------------


def scope(document: dict[str, Any]) -> str:
    """`fhScope`, empty where there is none. Raises Invalid for what is no string."""
    value = document.get("fhScope", "")
    if not isinstance(value, str):
        raise Invalid("the scope is not a word", code="scope")
    return value


def direct(activity: dict[str, Any]) -> str:
    """The one person whom a direct activity is for (L8). Raises Invalid for anyone else on the envelope."""
    to = addressed(activity)
    if scope(activity) != vocabulary.DIRECT:
        raise Invalid("what is said to one person has the scope direct", code="scope")
    if len(to) != 1 or addressed(activity, "cc"):
        raise Invalid("it is for one person and for nobody else", code="addressed")
    text(activity, "fhFrom")
    return to[0]


def direct_thing(activity: dict[str, Any]) -> dict[str, Any]:
    """What a direct Create brings: of the same author, for the same person, with the same scope. Raises Invalid."""
    to = direct(activity)
    thing = embedded(activity)
    if scope(thing) != vocabulary.DIRECT or addressed(thing) != (to,) or addressed(thing, "cc"):
        raise Invalid("it is for somebody else than its envelope", code="addressed")
    authored(activity, thing)
    return thing


def authored(activity: dict[str, Any], thing: dict[str, Any]) -> None:
    """Raises Invalid unless the thing is the actor's own, on the actor's own server (A3, A9)."""
    actor = text(activity, "actor")
    if text(thing, "attributedTo") != actor:
        raise Invalid("it is somebody else's", code="author")
    same_origin(text(thing, "id"), actor)
    same_origin(text(activity, "id"), actor)


def to_places(activity: dict[str, Any]) -> tuple[str, ...]:
    """The Groups that a scoped activity is for, the home first, which is also its `audience`. Raises Invalid."""
    to = addressed(activity)
    if scope(activity) != vocabulary.NEIGHBOURS:
        raise Invalid("what is said to places has the scope neighbours", code="scope")
    if not to or len(set(to)) != len(to) or vocabulary.PUBLIC in to or addressed(activity, "cc"):
        raise Invalid("it is not addressed to places alone", code="addressed")
    if activity.get("audience", to[0]) != to[0]:
        raise Invalid("its audience is not its home", code="addressed")
    return to


def note_for(note: dict[str, Any], to: tuple[str, ...], wanted: str) -> None:
    """Raises Invalid unless the Note has this scope and these places, neither wider nor narrower."""
    if scope(note) != wanted:
        raise Invalid("the note has another scope than what carries it", code="scope")
    named = addressed(note, most=max(MOST_ADDRESSED, len(to)))
    if not same_readers(named, to) or (wanted != vocabulary.PUBLIC_SCOPE and addressed(note, "cc")):
        raise Invalid("the note is for others than what carries it", code="addressed")


def same_readers(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two lists name the same readers, the home first. Each server has an order of its own for the others."""
    return one[:1] == other[:1] and len(one) == len(other) and set(one) == set(other)


def announced(activity: dict[str, Any]) -> Announced:
    """What a neighbourhood announces, if envelope, activity and Note say one and the same (L8, A6). Raises Invalid."""
    group, inner = text(activity, "actor"), embedded(activity)
    same_origin(text(activity, "id"), group)
    is_public = vocabulary.PUBLIC in addressed(activity)
    outer_to = _public(activity) if is_public else to_places(activity)
    inner_to = _public(inner) if is_public else to_places(inner)
    if not same_readers(outer_to, inner_to):
        raise Invalid("what is announced is for others than the announcement", code="addressed")
    home = text(inner, "audience") if is_public else outer_to[0]
    if home != group:
        raise Invalid("only its own neighbourhood announces a post", code="announcer")
    wanted = vocabulary.PUBLIC_SCOPE if is_public else vocabulary.NEIGHBOURS
    thing = _thing(inner, outer_to, wanted, group)
    return Announced(
        group=group,
        scope=wanted,
        to=(group,) if is_public else outer_to,
        act=text(inner, "type"),
        inner=inner,
        author=text(inner, "actor"),
        thing=thing,
    )


def _public(activity: dict[str, Any]) -> tuple[str, ...]:
    to = addressed(activity)
    if to != (vocabulary.PUBLIC,) or scope(activity) not in {"", vocabulary.PUBLIC_SCOPE}:
        raise Invalid("a public activity is for the public and has no other scope", code="scope")
    return to


def _thing(inner: dict[str, Any], to: tuple[str, ...], wanted: str, group: str) -> dict[str, Any]:
    author = text(inner, "actor")
    same_origin(text(inner, "id"), author)
    if inner.get("type") == "Delete":
        uri = named(inner.get("object"))
        same_origin(uri, author)
        gone = inner.get("object")
        return gone if isinstance(gone, dict) else {"id": uri}
    note = embedded(inner)
    if note.get("type") != "Note":
        raise Invalid("only notes are announced", code="kind")
    authored(inner, note)
    note_for(note, to, wanted)
    if note.get("audience", group) != group:
        raise Invalid("the note belongs to another neighbourhood", code="addressed")
    return note
