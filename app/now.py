"""The one place that asks for the time."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, aware, in UTC, to the second (the unit of the column type `Instant`)."""
    return datetime.now(UTC).replace(microsecond=0)
