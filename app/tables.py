"""Every model, loaded: what migrations, `db check` and the registry of personal data walk over."""

from app import audit, drafts, letters, observe, outbox, preferences, searchlog, throttle
from app.accounts import models as accounts
from app.articles import models as articles
from app.deflection import models as deflection
from app.legal import models as legal
from app.privacy import models as privacy
from app.sla import models as sla
from app.tickets import models as tickets

__all__ = [
    "accounts",
    "articles",
    "audit",
    "deflection",
    "drafts",
    "legal",
    "letters",
    "observe",
    "outbox",
    "preferences",
    "privacy",
    "searchlog",
    "sla",
    "throttle",
    "tickets",
]
