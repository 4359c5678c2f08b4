"""Addresses of articles, categories and terms: made from words, or checked as given."""

from __future__ import annotations

import re

from app.errors import Refused
from app.markup import anchor
from app.words import N_

LONGEST = 200
_GIVEN = re.compile(r"""(?!\.+$)[^\s/\\?#%<>"'&\x00-\x1f\x7f]+""")  # what may stand in an address as it is


def slug_of(text: str) -> str:
    """An address made of words: small letters, digits, hyphens. Never empty."""
    return anchor(text, set())


def checked(slug: str) -> str:
    """An address from a file or a form, kept as it is. Raises `Refused` when it cannot stand in an address."""
    if len(slug) > LONGEST or not _GIVEN.fullmatch(slug):
        raise Refused(
            N_("The address “%(slug)s” cannot be used. Letters, digits and hyphens always can."),
            "slug",
            slug=slug[:80],
        )
    return slug
