"""The ledger of letters as the pages are handed it: what is read of it, and what may be done about letters."""

from fedhood.adapters.activitypub import deliveries, handling


class Letters:
    """`fedhood.core.deliveries.Ledger`, kept by the wire."""

    standing = staticmethod(deliveries.standing)
    listed = staticmethod(deliveries.listed)
    letter = staticmethod(deliveries.letter)
    same = staticmethod(deliveries.same)
    told = staticmethod(deliveries.told)
    what_waits = staticmethod(deliveries.what_waits)
    retry = staticmethod(handling.retry)
    pause = staticmethod(handling.pause)
    resume = staticmethod(handling.resume)
    again = staticmethod(handling.again)
    forget = staticmethod(handling.forget)
    forget_all = staticmethod(handling.forget_all)
