"""What a rule may answer. Services raise these; the Flask side turns them into pages, commands into sentences."""

from __future__ import annotations


class Refused(Exception):
    """The rule says no, for a reason the person can act on.

    `message` is a whole sentence marked for translation (`N_`), with named placeholders filled from `values` where
    it is shown. `field` names the form field it belongs to, if there is one.
    """

    def __init__(self, message: str, field: str | None = None, **values: object) -> None:
        super().__init__(message % values if values else message)
        self.message = message
        self.field = field
        self.values = values


class Conflict(Refused):
    """Somebody else was faster: the row changed, or the name is taken, since the person looked."""


class Throttled(Refused):
    """Too many tries. `retry_after` is the number of seconds until the next one counts."""

    def __init__(self, message: str, retry_after: int, **values: object) -> None:
        super().__init__(message, None, **values)
        self.retry_after = retry_after


class NotVisible(Exception):
    """There is nothing here that this person may see. It never says whether the thing exists."""


class OperatorFault(Exception):
    """Why a command or a start cannot go on; the message is a sentence for the operator."""


class SchemaFault(OperatorFault):
    """The database and this version of the portal do not fit together; the message says how."""
