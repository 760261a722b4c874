"""The one family of refusals. The core raises them, the adapters say them in their own language.

Nobody below the adapters knows a status code; `adapters/http/refusals.py` is the one translation.
"""


class FedhoodError(Exception):
    """Something was refused. `code` is stable and machine-readable; `detail` is a plain English sentence.

    `fields` names the input at fault, where there is one, with a code for each; `facts` are plain values that a
    page may put into its own sentence (how many characters too long, how many tries are left).
    """

    default_code = "refused"

    def __init__(
        self, detail: str = "", *, code: str | None = None, field: str | None = None, **facts: int | str
    ) -> None:
        super().__init__(detail or self.default_code)
        self.detail = detail or self.default_code
        self.code = code or self.default_code
        self.field = field
        self.facts = facts


class Invalid(FedhoodError):
    """The input cannot mean what it says."""

    default_code = "invalid"


class Unauthenticated(FedhoodError):
    """Nobody is signed in, or the proof of who asks does not hold."""

    default_code = "unauthenticated"


class Forbidden(FedhoodError):
    """Who asks is known, and may not."""

    default_code = "forbidden"


class NotFound(FedhoodError):
    """There is no such thing, or none that may be seen: the two are never told apart."""

    default_code = "not-found"


class Gone(FedhoodError):
    """It was here, everyone who may know knew it, and it has been removed."""

    default_code = "gone"


class Conflict(FedhoodError):
    """Somebody else was first, or the thing is no longer in a state that allows this."""

    default_code = "conflict"


class TooMany(FedhoodError):
    """A limit was reached. `facts["retry_after"]` says after how many seconds to try again."""

    default_code = "too-many"


class Overloaded(FedhoodError):
    """More work waits than can be promised; nothing was kept. The sender may try again."""

    default_code = "overloaded"


class RemoteFailure(FedhoodError):
    """Another server did not answer, or not as it must. The worker tries again."""

    default_code = "remote-failure"
