"""The log: facts in lines, for people (text) or machines (json). Never a body, a token, an address or an e-mail."""

import logging
import sys
from typing import Any

import structlog

_SECRET = {"token", "passphrase", "password", "cookie", "code", "body", "text", "note"}


def _redact(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name in _SECRET & event.keys():
        event[name] = "…"
    return event


def set_up(log_format: str) -> None:
    """Send every log line of the process to standard error in this form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    # what is no HTTP at all gets its 400 without a page of traceback; faults of ours are logged by our own middleware
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def logger() -> structlog.typing.FilteringBoundLogger:
    """The logger of the process."""
    made: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return made
