"""The room where a delivery that was verified leaves what it brings: in one transaction, before it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import arrivals, forwarded, hearing, knocks
from fedhood.core.peers import PeerState

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.arrivals import Letter
    from fedhood.adapters.activitypub.hearing import Place
    from fedhood.adapters.activitypub.signed_requests import Scheme
    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import UnitOfWork


def keep(
    uow: UnitOfWork,
    peer: Peer | None,
    letter: Letter | None,
    news: Scheme | None,
    place: Place | None,
    *,
    by_themselves: bool,
) -> None:
    """Keep what its author sent, or put aside what another brought; how it was signed, how far the stream was heard.

    Raises Overloaded.
    """
    if peer is not None and news is not None:
        knocks.heard(uow, host=peer.host, scheme=news)
    # people on other software are strangers to each other, and not one stream of their server
    number = 0 if peer is None or peer.state is PeerState.STRANGER else peer.id
    if letter is not None and by_themselves:
        arrivals.keep(uow, letter, peer=number, place=place)
    elif letter is not None:
        forwarded.keep(uow, letter, carrier=number)
    if number and place is not None:
        hearing.heard(uow, peer=number, place=place)
