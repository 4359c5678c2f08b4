"""Every model, loaded: what migrations, `db check` and the registry of personal data walk over."""

from app import audit, drafts, letters, observe, outbox, preferences, throttle
from app.accounts import models as accounts
from app.articles import models as articles
from app.legal import models as legal

__all__ = [
    "accounts",
    "articles",
    "audit",
    "drafts",
    "legal",
    "letters",
    "observe",
    "outbox",
    "preferences",
    "throttle",
]
