"""The room of the fixed `@context`s: what a JSON-LD reader needs to know the words of our documents by.

They are constants: nothing here is ever fetched, and a proof covers the context as it stands. Never change one in
place; a document that was signed repeats its own.
"""

from typing import Any, Final, TypeAlias

Context: TypeAlias = "list[Any]"

ACTIVITYSTREAMS: Final = "https://www.w3.org/ns/activitystreams"
SECURITY: Final = "https://w3id.org/security/v1"
CONTROLLED_IDENTIFIERS: Final = "https://www.w3.org/ns/cid/v1"
DATA_INTEGRITY: Final = "https://w3id.org/security/data-integrity/v2"
FEDHOOD: Final = "https://w3id.org/fedhood/ns#"


def _link(term: str) -> dict[str, str]:
    """A term whose value is an address."""
    return {"@id": term, "@type": "@id"}


_FEDHOOD = {"fh": FEDHOOD}
_SCOPE = {**_FEDHOOD, "fhScope": "fh:scope"}
_IMPLEMENTS = {"implements": {"@id": "https://w3id.org/fep/844e#implements", "@type": "@id", "@container": "@set"}}
_WEBFINGER = {"webfinger": "https://purl.archive.org/socialweb/webfinger#webfinger"}
_MANNERS = {
    "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
    "toot": "http://joinmastodon.org/ns#",
    "discoverable": "toot:discoverable",
    "indexable": "toot:indexable",
}
_FEATURED = {"featured": _link("toot:featured")}
_POLICY = {
    "gts": "https://gotosocial.org/ns#",
    "interactionPolicy": _link("gts:interactionPolicy"),
    "canLike": _link("gts:canLike"),
    "canReply": _link("gts:canReply"),
    "canAnnounce": _link("gts:canAnnounce"),
    "automaticApproval": _link("gts:automaticApproval"),
}
_NOTE = {"Hashtag": "as:Hashtag", "sensitive": "as:sensitive"}
_AGREED = {
    "vf": "https://w3id.org/valueflows/ont/vf#",
    "om2": "http://www.ontology-of-units-of-measure.org/resource/om-2/",
    "Intent": "vf:Intent",
    "Agreement": "vf:Agreement",
    "Commitment": "vf:Commitment",
    "purpose": "vf:purpose",
    "publishes": {"@id": "vf:publishes"},
    "action": "vf:action",
    "finished": "vf:finished",
    "stipulates": {"@id": "vf:stipulates"},
    "satisfies": _link("vf:satisfies"),
    "resourceQuantity": {"@id": "vf:resourceQuantity"},
    "hasUnit": "om2:hasUnit",
    "hasNumericalValue": "om2:hasNumericalValue",
}

_ACTOR_BASE = [ACTIVITYSTREAMS, SECURITY, CONTROLLED_IDENTIFIERS]

# the instance actor is vouched for by nobody, so it has no word for a proof
INSTANCE: Final[Context] = [
    *_ACTOR_BASE,
    {**_MANNERS, **_FEATURED, **_WEBFINGER, **_SCOPE, "fhPeerInbox": _link("fh:peerInbox"), **_IMPLEMENTS},
]
# the same on a city's server that publishes a list
INSTANCE_WITH_LIST: Final[Context] = [
    *_ACTOR_BASE,
    {
        **_MANNERS,
        **_FEATURED,
        **_WEBFINGER,
        **_SCOPE,
        "fhPeerInbox": _link("fh:peerInbox"),
        "fhNeighbourhoodList": _link("fh:neighbourhoodList"),
        **_IMPLEMENTS,
    },
]
ACTOR: Final[Context] = [
    *_ACTOR_BASE,
    DATA_INTEGRITY,
    {**_MANNERS, **_FEATURED, **_WEBFINGER, **_SCOPE, "fhMembers": _link("fh:members"), **_IMPLEMENTS},
]
PERSON: Final[Context] = [
    *_ACTOR_BASE,
    DATA_INTEGRITY,
    {**_MANNERS, **_FEATURED, **_WEBFINGER, **_SCOPE, **_IMPLEMENTS},
]
ORGANIZATION: Final[Context] = PERSON
HUB: Final[Context] = [
    *_ACTOR_BASE,
    DATA_INTEGRITY,
    {
        **_MANNERS,
        **_FEATURED,
        **_WEBFINGER,
        **_SCOPE,
        "fhMemberInstances": _link("fh:memberInstances"),
        **_IMPLEMENTS,
    },
]
SERVICE: Final[Context] = [*_ACTOR_BASE, DATA_INTEGRITY, {**_MANNERS, **_WEBFINGER, **_SCOPE, **_IMPLEMENTS}]

PLAIN: Final[Context] = [ACTIVITYSTREAMS, DATA_INTEGRITY]
PUBLIC_POST: Final[Context] = [
    *PLAIN,
    {**_SCOPE, **_POLICY, "manualApproval": _link("gts:manualApproval"), **_NOTE},
]
PUBLIC_ANNOUNCE: Final[Context] = [*PLAIN, {**_SCOPE}]
PUBLIC_COMMENT: Final[Context] = [*PLAIN, {**_SCOPE, **_NOTE}]
SCOPED: Final[Context] = [
    *PLAIN,
    {
        **_SCOPE,
        "fhFrom": _link("fh:from"),
        "fhPart": "fh:part",
        "fhStatus": "fh:status",
        "fhRevision": "fh:revision",
        "fhCategory": "fh:category",
        "fhArea": "fh:area",
        "fhOutcome": "fh:outcome",
        "fhUrgent": "fh:urgent",
        **_POLICY,
        "litepub": "http://litepub.social/ns#",
        "directMessage": "litepub:directMessage",
        **_NOTE,
        **_AGREED,
    },
]
PEERING: Final[Context] = [
    *PLAIN,
    {
        **_FEDHOOD,
        "PeeringProposal": "fh:PeeringProposal",
        "PeeringAgreement": "fh:PeeringAgreement",
        "fhPeering": {"@id": "fh:peering"},
        "fhProtocol": "fh:protocol",
        "fhRequestedTrust": "fh:requestedTrust",
        "fhGrantedTrust": "fh:grantedTrust",
        "fhGrantedScopes": {"@id": "fh:grantedScopes", "@container": "@set"},
        "fhNeighbourhoods": {"@id": "fh:neighbourhoods", "@type": "@id", "@container": "@set"},
        "fhPairs": {"@id": "fh:pairs", "@container": "@set"},
        "fhFrom": _link("fh:from"),
        "fhTo": _link("fh:to"),
        "fhPeerInbox": _link("fh:peerInbox"),
        "fhKeyFingerprint": "fh:keyFingerprint",
        "fhValidUntil": {"@id": "fh:validUntil", "@type": "http://www.w3.org/2001/XMLSchema#dateTime"},
        "fhPolicy": _link("fh:policy"),
        "fhReason": "fh:reason",
    },
]
REPORT: Final[Context] = [*PLAIN, {**_FEDHOOD, "fhDigest": "fh:digest", "fhReason": "fh:reason"}]
# the report itself, which has the fedhood namespace for every word of its own (metrics schema)
METRICS_REPORT: Final[Context] = [*PLAIN, {"@vocab": FEDHOOD}]
# a city's list, likewise
NEIGHBOURHOOD_LIST: Final[Context] = METRICS_REPORT
TOMBSTONE: Final = ACTIVITYSTREAMS
