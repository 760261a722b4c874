"""A server that has other keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core.peers.store import change, get

if TYPE_CHECKING:
    from fedhood.kernel.database import UnitOfWork


def rekeyed(uow: UnitOfWork, *, peer_id: int, multikey: str, public_key_pem: str, fingerprint: str) -> None:
    """A server has other keys, and the key that people compared said so: nobody has to compare anew.

    What was confirmed and agreed stays as it is. The caller has checked that it was that key. Raises NotFound.
    """
    get(uow.db, peer_id)
    change(uow, peer_id, multikey=multikey, public_key_pem=public_key_pem, fingerprint=fingerprint)
