"""What anybody may fetch of the quarter: the reports of this server, as they were signed."""

from fedhood.adapters.city.downloads import routes

__all__ = ["routes"]
