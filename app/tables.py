"""Every model, loaded: what migrations, `db check` and the registry of personal data walk over."""

from app import audit, drafts, letters, observe, outbox, preferences, searchlog, throttle
from app.accounts import consents
from app.accounts import models as accounts
from app.articles import models as articles
from app.deflection import models as deflection
from app.legal import models as legal
from app.privacy import export_models as exports
from app.privacy import models as privacy
from app.reports import models as reports
from app.sla import models as sla
from app.tickets import models as tickets

__all__ = [
    "accounts",
    "articles",
    "audit",
    "consents",
    "deflection",
    "drafts",
    "exports",
    "legal",
    "letters",
    "observe",
    "outbox",
    "preferences",
    "privacy",
    "reports",
    "searchlog",
    "sla",
    "throttle",
    "tickets",
]
