"""Where the parts that every adapter needs are kept in an application."""

from aiohttp import web

from fedhood.adapters.http.limits import Limiter
from fedhood.kernel.clock import Clock
from fedhood.kernel.database import Database
from fedhood.kernel.settings import Settings

DATABASE = web.AppKey("database", Database)
SETTINGS = web.AppKey("settings", Settings)
CLOCK = web.AppKey("clock", Clock)
LIMITER = web.AppKey("limiter", Limiter)
