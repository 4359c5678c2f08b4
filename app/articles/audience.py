"""Who an article is for, in the words of files and of the index: "public", "customers", "internal",
"organisation:<slug>", "segment:<slug>". It must not know the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.articles.models import CUSTOMERS, INTERNAL, LISTED, PUBLIC
from app.errors import Refused
from app.words import N_

ORGANISATION, SEGMENT = "organisation:", "segment:"


@dataclass(frozen=True, slots=True)
class Audience:
    """The kind of readers; where it is `listed`, the slugs of the groups. Staff read every article in any case."""

    kind: str
    organisations: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()

    @property
    def tokens(self) -> tuple[str, ...]:
        """The same in the words of files."""
        if self.kind != LISTED:
            return (self.kind,)
        organisations = tuple(ORGANISATION + slug for slug in sorted(self.organisations))
        return organisations + tuple(SEGMENT + slug for slug in sorted(self.segments))


def audience(tokens: Iterable[str]) -> Audience:
    """The audience that a list of words means: the widest kind in it, else its groups.

    Raises `Refused` for a word that is none of the five, and for an empty list.
    """
    given = [token.strip() for token in tokens]
    organisations, segments, kinds = set(), set(), set()
    for token in given:
        if token.startswith(ORGANISATION) and len(token) > len(ORGANISATION):
            organisations.add(token.removeprefix(ORGANISATION))
        elif token.startswith(SEGMENT) and len(token) > len(SEGMENT):
            segments.add(token.removeprefix(SEGMENT))
        elif token in (PUBLIC, CUSTOMERS, INTERNAL):
            kinds.add(token)
        else:
            raise Refused(N_("“%(word)s” is not an audience."), "audience", word=token[:80])
    for kind in (PUBLIC, CUSTOMERS):
        if kind in kinds:
            return Audience(kind)
    if organisations or segments:
        return Audience(LISTED, frozenset(organisations), frozenset(segments))
    if INTERNAL in kinds:
        return Audience(INTERNAL)
    raise Refused(N_("Choose who may read the article."), "audience")
