"""What somebody may hear of."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Kind(enum.StrEnum):
    """What happened."""

    REPLY = "reply"
    THANKS = "thanks"
    OFFER = "offer"
    OFFER_ACCEPTED = "offer-accepted"
    OFFER_REFUSED = "offer-refused"
    OFFER_TAKEN_BACK = "offer-taken-back"
    RELEASED = "released"
    CALLED_OFF = "called-off"
    MESSAGE = "message"
    DID_YOU_MEET = "did-you-meet"
    EXPIRED = "expired"
    PEER_ASKS = "peer-asks"
    PEER_CHANGED = "peer-changed"
    PEER_ENDED = "peer-ended"
    PEER_ENDING = "peer-ending"
    PEER_SILENT = "peer-silent"
    PEER_REFUSING = "peer-refusing"
    PEER_KEY = "peer-key"
    PEER_KEY_ANNOUNCED = "peer-key-announced"
    LIST_CHANGED = "list-changed"
    REPORT = "report"
    REPORT_ANSWER = "report-answer"
    POST_HIDDEN = "post-hidden"
    LINK_MADE = "link-made"
    KEEPER_NAMED = "keeper-named"
    KEEPER_RELIEVED = "keeper-relieved"
    CITY_URGENT = "city-urgent"


# about oneself and one's rights, and that nobody is coming: told whoever blocked whom
SAFETY = frozenset({Kind.LINK_MADE, Kind.KEEPER_NAMED, Kind.KEEPER_RELIEVED, Kind.RELEASED, Kind.CALLED_OFF})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Somebody is to hear that something happened to `object`, by `actor`; its sentence is made when it is read."""

    id: int
    account: int
    kind: Kind
    object: int
    actor: int | None
    at: datetime
    read_at: datetime | None
