"""The words with which every column and table says what it holds on a person and what becomes of it.

Models put `info=personal(...)` or `info=not_personal("why")` on each column and `privacy=T(...)` on each table.
This module knows no table and no database; everything derived from the classification (my data, export, erasure,
retention, record of processing) lives in `app.privacy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from app.words import N_


class Kind(Enum):
    """What sort of personal data a column holds."""

    NONE = "none"
    IDENTIFIER = "identifier"
    CONTACT = "contact"
    CONTENT = "content"
    FILE = "file"
    NETWORK = "network"
    CREDENTIAL = "credential"
    PREFERENCE = "preference"
    CONSENT = "consent"
    AUDIT = "audit"
    DERIVED = "derived"


class Basis(Enum):
    """Legal basis of a processing, GDPR Art. 6(1)."""

    CONSENT = "6(1)(a)"
    CONTRACT = "6(1)(b)"
    LEGAL_OBLIGATION = "6(1)(c)"
    LEGITIMATE_INTEREST = "6(1)(f)"


class Purpose(Enum):
    """Why data is held. Each purpose has exactly one legal basis and words for the person."""

    ACCOUNT = ("account", Basis.CONTRACT, N_("To run your account"))
    SUPPORT = ("support", Basis.CONTRACT, N_("To answer your requests"))
    SECURITY = ("security", Basis.LEGITIMATE_INTEREST, N_("To protect accounts against misuse"))
    EDITORIAL = ("editorial", Basis.LEGITIMATE_INTEREST, N_("To write and improve help articles"))
    ACCOUNTABILITY = ("accountability", Basis.LEGAL_OBLIGATION, N_("To prove who changed what"))
    STATUTE = ("statute", Basis.LEGAL_OBLIGATION, N_("To keep what commercial and tax law demand"))
    DELIVERY = ("delivery", Basis.CONTRACT, N_("To deliver letters and finish work reliably"))
    SURVEY = ("survey", Basis.CONSENT, N_("To ask you how content you are, if you agreed"))
    NEWS = ("news", Basis.CONSENT, N_("To send you news about the product, if you agreed"))

    def __init__(self, slug: str, basis: Basis, words: str) -> None:
        self.slug = slug
        self.basis = basis
        self.words = words


class Retain(Enum):
    """How long data is kept, and in which words the person reads it (`docs/privacy.md` has the statutes)."""

    ACCOUNT = ("account", N_("As long as the account exists"))
    DRAFT = ("draft", N_("30 days"))
    SECURITY_LOG = ("security_log", N_("90 days at most; network addresses are stored shortened only"))
    AUDIT = ("audit", N_("3 years from the end of the year"))
    MAIL_QUEUE = ("mail_queue", N_("7 days"))
    EDITORIAL = ("editorial", N_("As long as the article exists"))
    TRADE_LETTER = ("trade_letter", N_("6 years from the end of the year, for offers, orders and complaints"))
    RECEIPT = ("receipt", N_("8 years from the end of the year, for receipts"))
    TICKET_SUPPORT = ("ticket_support", N_("12 months after the request is closed"))
    DSR_LOG = ("dsr_log", N_("3 years from the end of the year, as proof of what we did"))
    CONSENT_LOG = (
        "consent_log",
        N_("While the consent lasts, then 3 years from the end of the year, as proof"),
    )
    EXPORT_FILE = ("export_file", N_("72 hours"))
    LEGAL_HOLD = ("legal_hold", N_("Until the case is over, looked at again after at most 6 months"))

    def __init__(self, slug: str, words: str) -> None:
        self.slug = slug
        self.words = words


class Export(Enum):
    """Whether a column goes into a person's copy of her data, and under which article."""

    ART15 = "art15"
    ART20 = "art20"
    BOTH = "both"
    ON_REVIEW = "on_review"
    NEVER = "never"


class RowFate(Enum):
    """What erasing a person does to the rows about her."""

    DELETE_ROW = "delete_row"
    KEEP_ROW = "keep_row"
    RESTRICT = "restrict"


class Visible(Enum):
    """Who sees the column besides the person."""

    SELF = "self"
    THIRD_PARTY_MASKED = "third_party_masked"
    STAFF = "staff"


class Source(Enum):
    """Where the data came from (GDPR Art. 15(1)(g)), in words for the person."""

    PERSON = N_("You told us")
    STAFF = N_("Our team entered it")
    USE = N_("It arose when you used the portal")


@dataclass(frozen=True, slots=True)
class P:
    """What one column says about a person.

    `on_erase` applies to columns of kept rows: `clear`, `replace:<function>`, `truncate` or `keep`; `row` says that
    the row's own fate decides. `subject` overrides the table's subject with another foreign-key path.
    `label` names the column for the person; it is needed where the column is exported.
    """

    kind: Kind
    label: str = ""
    purpose: Purpose | None = None
    retain: tuple[Retain, ...] = ()
    export: Export = Export.NEVER
    on_erase: str = "row"
    source: Source = Source.PERSON
    visible: Visible = Visible.STAFF
    subject: str | None = None
    why: str = ""
    keys: tuple[str, ...] = ()  # for JSON columns: the keys that may occur, or "*" for localised texts


@dataclass(frozen=True, slots=True)
class T:
    """What one table says: whose rows they are and what erasing that person does to them.

    `subject` is a path of foreign-key columns that ends at the person: `self` for the table of people,
    `person_id`, `ticket_id.requester_id`; None where no row belongs to one person, with `why`.
    """

    subject: str | None
    on_erase: RowFate = RowFate.DELETE_ROW
    label: str = ""
    why: str = ""


def personal(
    kind: Kind,
    label: str = "",
    *,
    purpose: Purpose,
    retain: Retain | tuple[Retain, ...],
    export: Export = Export.BOTH,
    on_erase: str = "row",
    source: Source = Source.PERSON,
    visible: Visible = Visible.STAFF,
    subject: str | None = None,
    keys: tuple[str, ...] = (),
) -> dict[str, Any]:
    """`info=` of a column that holds personal data."""
    classes = retain if isinstance(retain, tuple) else (retain,)
    held = P(kind, label, purpose, classes, export, on_erase, source, visible, subject, "", keys)
    return {"privacy": held}


def NOT_PERSONAL(why: str, *, keys: tuple[str, ...] = ()) -> P:
    """The classification of a column that says nothing about a person, with the reason."""
    return P(Kind.NONE, why=why, keys=keys)


def not_personal(why: str, *, keys: tuple[str, ...] = ()) -> dict[str, Any]:
    """`info=` of a column that says nothing about a person, with the reason."""
    return {"privacy": NOT_PERSONAL(why, keys=keys)}
