"""Followers by the hundred, for measuring: on servers of other software that all are one socket of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import visitors

if TYPE_CHECKING:
    from fedhood.kernel.database import UnitOfWork


def follow(uow: UnitOfWork, *, neighbourhood: int, port: int, hosts: int, followers: int) -> None:
    """So many people on so many servers (h0.localhost:PORT …), each with a shared inbox, follow a neighbourhood.

    What they would be told (yes) is taken as told.
    """
    for number in range(followers):
        host = f"h{number % hosts}.localhost:{port}"
        who = f"http://{host}/users/u{number}"
        visitors.follow(
            uow,
            neighbourhood=neighbourhood,
            actor=who,
            host=host,
            inbox=f"{who}/inbox",
            endpoint=f"http://{host}/inbox",
            uri=f"{who}/follow",
        )
    DeliveryTable.update(state="done", done_at=uow.now).where(DeliveryTable.verb == "follower.accept").execute(uow.db)
