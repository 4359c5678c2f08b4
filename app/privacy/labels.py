"""The words for codes of data protection, marked for translation: as the person reads them, in letters and on pages."""

from __future__ import annotations

from app.personal import T
from app.privacy.models import PrivacyRequest
from app.privacy.planner import ANONYMISE, DELETE, KEEP, RESTRICT
from app.privacy.registry import tables
from app.privacy.sinks import Finding
from app.words import N_

KIND = {
    "erasure": N_("Deletion"),
    "export": N_("Copy of the data"),
    "access": N_("Information"),
    "rectification": N_("Correction"),
    "restriction": N_("Restriction"),
    "objection": N_("Objection"),
}
ARTICLE = {
    "erasure": "17",
    "export": "15, 20",
    "access": "15",
    "rectification": "16",
    "restriction": "18",
    "objection": "21",
}
STATE = {
    "open": N_("To be answered"),
    "grace": N_("Can be taken back"),
    "running": N_("Being carried out"),
    "failed": N_("Stopped by a fault"),
    "held": N_("Held back by a case"),
    "done": N_("Done"),
    "withdrawn": N_("Taken back"),
    "refused": N_("Refused"),
}
STATE_FOR_PERSON = {"open": N_("With us"), "failed": N_("Being carried out")}
TONE = {
    "open": "warn",
    "grace": "info",
    "running": "info",
    "failed": "danger",
    "held": "warn",
    "done": "ok",
    "withdrawn": "neutral",
    "refused": "neutral",
}
SCOPE = {
    "person": N_("Everything about the person"),
    "ticket": N_("One request"),
    "message": N_("One message"),
    "file": N_("One file"),
}
TO_ASK = {  # what a person writes when she asks for it: the question, and what is true about it
    "rectification": (
        N_("What is wrong, and how is it right?"),
        N_("Texts in requests are not rewritten; a note of correction is put beside them."),
    ),
    "restriction": (
        N_("Why should we stop using your data?"),
        N_(
            "For example: the data are wrong, we may not use them, or you need them for a claim. If we agree, your requests "
            "are only kept: our team neither finds nor works on them. You can lift that yourself."
        ),
    ),
    "objection": (
        N_("What do you object to, and why?"),
        N_(
            "You may object to what we do for our own interests: protecting accounts, and naming authors of help articles. "
            "Tell us about your situation. We stop unless we can show compelling grounds."
        ),
    ),
}
CONSENT = {"survey": N_("Survey by email"), "news": N_("News about the product")}
CONSENT_THROUGH = {
    "page": N_("on this page"),
    "link": N_("by the link in an email"),
    "renewed": N_("replaced by a newer one"),
    "objection": N_("by objecting"),
    "erasure": N_("by deleting the account"),
}
LOOK = {  # GDPR Art. 18(2): for what restricted data may be looked at
    "agreed": N_("The person agreed"),
    "claim": N_("Legal claims"),
    "rights": N_("To protect the rights of somebody else"),
    "public": N_("Important public interest"),
    "request": N_("To answer a request of the person"),
}

GROUND = {
    "legal_case": N_("Legal case"),
    "dispute": N_("Open dispute"),
    "claim": N_("Unpaid claim"),
    "authority": N_("Order of an authority"),
}

GROUP = {
    "tickets": N_("Your requests"),
    "open_tickets": N_("Requests that are still open"),
    "texts": N_("Texts in your requests"),
    "texts_elsewhere": N_("Your messages in requests of others"),
    "files": N_("Files"),
    "identity": N_("Your name and address as sender of these requests"),
    "store.captured mail": N_("Copies of letters"),
    "store.jobs": N_("Work that waits for its turn"),
    "store.mentions": N_("Your name and address in texts of others"),
}
ACTION = {
    DELETE: N_("Deleted"),
    ANONYMISE: N_("Made anonymous"),
    KEEP: N_("Stays"),
    RESTRICT: N_("Kept out of sight"),
}
REASON = {
    "asked": N_("It is gone for good."),
    "open_ticket": N_("They are closed without an answer."),
    "figures": N_("Only numbers and times stay, without a person."),
    "audit": N_("Proof of who changed what, under a pseudonym (section 195 BGB)."),
    "proof": N_("Proof of what was done on a request (section 195 BGB, Art. 5(2) GDPR)."),
    "trade_letter": N_("Business letters must be kept for 6 years (section 257 HGB, section 147 AO)."),
    "receipt": N_("Receipts must be kept for 8 years (section 257 HGB, section 147 AO)."),
    "hold.legal_case": N_("Needed in a legal case (Art. 17(3)(e) GDPR)."),
    "hold.dispute": N_("Needed in an open dispute (Art. 17(3)(e) GDPR)."),
    "hold.claim": N_("Needed for an unpaid claim (Art. 17(3)(e) GDPR)."),
    "hold.authority": N_("Kept by order of an authority (Art. 17(3)(b) GDPR)."),
}
STEP = {
    "archive": N_("Archive"),
    "ledger": N_("Entry in the ledger of erasures"),
    "quotes": N_("Quotes in messages of others"),
    "texts": N_("Texts"),
    "files": N_("Files"),
    "requests": N_("Requests closed or taken out of sight"),
    "drafts": N_("Unsent drafts"),
    "jobs": N_("Work that waited"),
    "mentions": N_("Name and address in texts of others"),
    "account": N_("Account and all that belongs to it"),
    "stores": N_("Other stores"),
    "captured mail": N_("Copies of letters"),
    "letter": N_("Last letter"),
    "verification": N_("Verification of every store"),
    "copies": N_("Old copies on the disk overwritten"),
}
STEP_STATE = {
    "waiting": N_("Waiting"),
    "running": N_("Running"),
    "failed": N_("Stopped by a fault"),
    "done": N_("Done"),
}
STORE = {
    "database": N_("Database"),
    "files": N_("Files"),
    "search index": N_("Search index"),
    "captured mail": N_("Copies of letters"),
    "demo accounts": N_("List of demo accounts"),
    "jobs": N_("Work that waits for its turn"),
    "consents": N_("Log of consents"),
    "exports": N_("Copies of people's data"),
    "upgrade copies": N_("Copies of an upgrade"),
}
PLACE = {
    "ticket": N_("Subject of a request"),
    "message": N_("Message or note"),
    "attachment": N_("Name of a file"),
    "ticket_tag": N_("Tag of a request"),
    "sla_breach": N_("Reason for a missed promise"),
    "draft": N_("Unsent draft"),
    "searched": N_("Search that somebody typed"),
    "article_vote": N_("Comment on an article"),
    "article_text": N_("Article"),
    "revision": N_("Version of an article"),
    "media": N_("Name of an image"),
}


def state_for_person(request: PrivacyRequest) -> str:
    """The state of a request in words for her whose request it is."""
    if request.kind == "restriction" and request.state in ("done", "withdrawn") and request.answer:
        return N_("In force") if request.state == "done" else N_("Lifted")
    return STATE_FOR_PERSON.get(request.state) or STATE[request.state]


def group(code: str) -> str:
    """The words for a group of a plan: its own, or those of the table that it names."""
    if code in GROUP:
        return GROUP[code]
    return _tables().get(code.removeprefix("table."), code)


def place(finding: Finding) -> tuple[str, str]:
    """The words for the table that a finding lies in (none for other stores), and its name there."""
    table, _, row = finding.place.partition("/")
    if finding.sink != "database":
        return "", finding.place
    return PLACE.get(table) or group(f"table.{table}"), row


def _tables() -> dict[str, str]:
    return {held.table.name: _label(held.says, held.table.name) for held in tables()}


def _label(says: T, name: str) -> str:
    return says.label or name
