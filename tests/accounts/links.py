"""Links as tests read them: the rules of a fresh installation, and the secret that the letter would carry."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import tokens
from app.accounts.models import Token
from app.accounts.tokens import LinkRules
from app.preferences import Preferences

SECRET = "a key that only tests use, long enough"
RULES = LinkRules.of(Preferences({}), SECRET)


def secret_of(token: Token) -> str:
    """The last part of a link's address."""
    return tokens.address(token, SECRET, "").rpartition("/")[2]


def newest(session: Session, purpose: str) -> str:
    """The secret of the newest link of a purpose."""
    token = session.scalars(select(Token).where(Token.purpose == purpose).order_by(Token.id.desc())).first()
    assert token is not None
    return secret_of(token)
