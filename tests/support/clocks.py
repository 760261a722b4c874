"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

from fedhood.kernel.clock import Clock

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class FakeClock(Clock):
    """Stands at noon of a Tuesday until it is set or moved."""

    def __init__(self, moment: datetime = NOON) -> None:
        super().__init__()
        self._moment = moment

    def now(self) -> datetime:
        return self._moment

    def offset(self) -> timedelta:
        return timedelta()

    def move(self, by: timedelta) -> datetime:
        """Go on (or back) by so much, and say what time it is then."""
        self._moment += by
        return self._moment

    def set(self, moment: datetime) -> None:
        self._moment = moment
