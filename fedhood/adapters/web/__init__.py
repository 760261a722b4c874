"""Pages for residents and for who looks after the place, rendered here, whole without scripts."""

from fedhood.adapters.web.site import add_to

__all__ = ["add_to"]
