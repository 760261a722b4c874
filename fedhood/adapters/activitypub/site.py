"""Mounts the wire on an application. A server without a name has none."""

from aiohttp import web

from fedhood.adapters.activitypub import (
    city_list,
    collections,
    discovery,
    documents,
    echo,
    inbox,
    stream_pages,
    trace,
)
from fedhood.adapters.activitypub.federation import FEDERATION, Federation


def add_to(app: web.Application, federation: Federation) -> None:
    """Put the wire's routes into an application."""
    app[FEDERATION] = federation
    app.router.add_routes(
        [
            *discovery.routes(),
            *documents.routes(),
            *inbox.routes(),
            *stream_pages.routes(),
            *echo.routes(),
            *trace.routes(),
            *city_list.routes(),
            *collections.routes(),
        ]
    )
