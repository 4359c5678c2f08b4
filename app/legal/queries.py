"""What is asked about legal texts: the version readers see now, and the ones before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from app.legal.models import LegalText

PAGES = ("imprint", "privacy-notice", "accessibility", "contact")
SHIPPED = Path(__file__).parent / "shipped"


@dataclass(frozen=True, slots=True)
class Current:
    """What readers see of a page in one language. Version 0 is the shipped text, never published by anybody."""

    page: str
    lang: str
    version: int
    body: str
    published_at: datetime | None


def current(session: Session, page: str, lang: str) -> Current:
    """The newest version of a page in a language, else the shipped text."""
    row = session.execute(
        select(LegalText.version, LegalText.body, LegalText.published_at)
        .where(LegalText.page == page, LegalText.lang == lang)
        .order_by(LegalText.version.desc())
        .limit(1)
    ).first()
    if row is None:
        return Current(page, lang, 0, shipped(page, lang), None)
    return Current(page, lang, *row)


def shipped(page: str, lang: str) -> str:
    """The text that comes with the portal."""
    return (SHIPPED / lang / f"{page}.md").read_text(encoding="utf-8")


def overview(session: Session) -> dict[tuple[str, str], tuple[int, datetime]]:
    """For each published page and language: its newest version and when that was published."""
    rows = session.execute(
        select(
            LegalText.page, LegalText.lang, func.max(LegalText.version), func.max(LegalText.published_at)
        ).group_by(LegalText.page, LegalText.lang)
    )
    return {(page, lang): (version, published_at) for page, lang, version, published_at in rows}


def versions(session: Session, page: str, lang: str) -> list[Row[int, datetime]]:
    """All versions of a page in a language, newest first: number and day."""
    return list(
        session.execute(
            select(LegalText.version, LegalText.published_at)
            .where(LegalText.page == page, LegalText.lang == lang)
            .order_by(LegalText.version.desc())
            .limit(200)
        )
    )


def version(session: Session, page: str, lang: str, number: int) -> Current | None:
    """One version as it was shown."""
    row = session.execute(
        select(LegalText.version, LegalText.body, LegalText.published_at).where(
            LegalText.page == page, LegalText.lang == lang, LegalText.version == number
        )
    ).first()
    return None if row is None else Current(page, lang, *row)
