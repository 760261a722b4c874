"""The room where other servers are asked for documents, by the instance actor's signature, and answers are doubted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.message import Message
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import actors, knocking, knocks, proofs
from fedhood.adapters.http import strict_json
from fedhood.kernel import urls
from fedhood.kernel.errors import Invalid, RemoteFailure

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.keys import KeyPair
    from fedhood.adapters.activitypub.knocking import Plan
    from fedhood.adapters.http.client import Answer

ACTIVITY_JSON = "application/activity+json"
LD_JSON = f'application/ld+json; profile="{proofs.PUBLIC.partition("#")[0]}"'
ACCEPT = f"{ACTIVITY_JSON}, {LD_JSON}"
_TRY_LATER = frozenset({408, 425, 429})
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@lru_cache(maxsize=64)
def is_activity(content_type: str) -> bool:
    """Whether a media type is one that ActivityPub documents are served under, parameters in any order.

    Anything else is refused even if it parses: an upload must not become an actor (GHSA-jhrq-qvrm-qr36).
    """
    parsed = Message()
    parsed["Content-Type"] = content_type
    if str(parsed.get_param("charset", "utf-8")).lower() != "utf-8":
        return False
    kind = parsed.get_content_type()
    profile = str(parsed.get_param("profile", ""))
    return kind == ACTIVITY_JSON or (
        kind == "application/ld+json" and "https://www.w3.org/ns/activitystreams" in profile.split()
    )


async def document(federation: Federation, uri: str, signing: KeyPair | None) -> dict[str, Any]:
    """The document with this id, and no other (K3, K4)."""
    found, _ = await with_bytes(federation, uri, signing)
    return found


async def with_bytes(federation: Federation, uri: str, signing: KeyPair | None) -> tuple[dict[str, Any], bytes]:
    """As `document`, and the bytes that it was read from."""
    found, raw = await answered(federation, uri, signing)
    if found.get("id") != uri:
        raise Invalid("the document has another id than its address", code="actor-id")
    return found, raw


async def answered(federation: Federation, uri: str, signing: KeyPair | None) -> tuple[dict[str, Any], bytes]:
    """What stands at this address, whatever id it has, and its bytes."""
    home = urls.origin(uri)
    answer = await _get(federation, uri, signing)
    if urls.origin(answer.url) != home:
        raise Invalid("redirected to another server", code="actor-origin")
    check_status(answer, missing="actor-missing")
    if not is_activity(answer.headers.get("Content-Type", "")):
        raise Invalid("not served as an ActivityPub document", code="actor-media-type")
    found = strict_json.loads_object(answer.body)
    proofs.refuse_rearranging(found)
    return found, answer.body


async def signed(
    federation: Federation, url: str, *, accept: str = ACCEPT, headers: Mapping[str, str] = _NO_HEADERS
) -> Answer:
    """The answer to a GET that our instance actor signed and that is redirected nowhere, whatever its status.

    Raises RemoteFailure.
    """
    pair = await actors.ensure_keys(federation, actors.INSTANCE)

    async def attempt(plan: Plan) -> Answer:
        made = await asyncio.to_thread(_signed, federation, pair, url, plan)
        return await federation.client.get(url, accept=accept, headers={**made, **headers}, redirects=0)

    return await knocks.knock(federation, urls.authority(url), attempt)


async def _get(federation: Federation, uri: str, signing: KeyPair | None) -> Answer:
    """The answer to a GET, signed as the host wants it, or not signed at all."""
    if signing is None:
        return await federation.client.get(uri, accept=ACCEPT)
    home = urls.origin(uri)

    async def attempt(plan: Plan) -> Answer:
        def headers_for(url: str) -> Mapping[str, str]:
            # only at home: nobody else is told what we ask for, nor in whose name
            return _signed(federation, signing, url, plan) if urls.origin(url) == home else {}

        return await federation.client.get(uri, accept=ACCEPT, headers_for=headers_for)

    return await knocks.knock(federation, urls.authority(uri), attempt)


def _signed(federation: Federation, signing: KeyPair, url: str, plan: Plan) -> dict[str, str]:
    """The headers that make a GET of this URL our instance actor's, at this moment."""
    return knocking.sign(
        plan,
        method="GET",
        url=url,
        body=None,
        signer=federation.addresses.instance,
        pair=signing,
        date=federation.clock.now(),
    )


def check_status(answer: Answer, *, missing: str) -> None:
    """Pass if it is there. Raises Invalid (`actor-gone`, or `missing` as a code), RemoteFailure if it may be later."""
    if answer.status == 200:
        return
    if answer.status == 410:
        raise Invalid("it is gone", code="actor-gone")
    if answer.status >= 500 or answer.status in _TRY_LATER:
        raise RemoteFailure("the server cannot answer now", code="bad-answer", status=answer.status)
    raise Invalid("there is none", code=missing, status=answer.status)
