"""Where the parts that pages need are kept in an application."""

from aiohttp import web

from fedhood.adapters.http.keys import CLOCK, DATABASE, LIMITER, SETTINGS
from fedhood.adapters.web.render import Renderer

__all__ = ["CLOCK", "DATABASE", "LIMITER", "RENDERER", "SETTINGS"]

RENDERER = web.AppKey("renderer", Renderer)
