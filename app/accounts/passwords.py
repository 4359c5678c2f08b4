"""Passwords: which ones are accepted, how they are kept (argon2id), how they are checked.

No database and no Flask. Hashing takes time on purpose, so it is done while no write session is open.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import Refused
from app.words import N_

MIN_LENGTH, MAX_LENGTH = 10, 256  # ASVS 5.0, 6.2.1 and 6.2.9; 15 characters are advised on the page
FEWEST_DIFFERENT = 5
SHORTEST_PART = 4  # of a name or address; shorter parts stand in too many words by chance
MEMORY_KIB, ROUNDS, LANES = 19 * 1024, 2, 1  # ASVS 5.0, 11.4.2: argon2id with 19 MiB, t=2, p=1

COMMON = Path(__file__).with_name("common_passwords.txt")
# Rows of keys and of characters along which a finger or a counter walks.
ROWS = (
    "01234567890",
    "qwertzuiopü",
    "qwertyuiop",
    "asdfghjklöä",
    "yxcvbnm",
    "zxcvbnm",
    "abcdefghijklmnopqrstuvwxyz",
)

_hasher = PasswordHasher(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=LANES)


class Unfit(Refused):
    """A password that nobody should choose; the message says why."""

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message, "password", **values)


def check(password: str, *, about: Iterable[str]) -> None:
    """Raises `Unfit` for a password that is too short, too long, common, or little more than one of the words that
    anybody would try (`about`: name, address, company)."""
    password = _one_form(password)
    if len(password) < MIN_LENGTH:
        raise Unfit(N_("Use at least %(least)s characters."), least=MIN_LENGTH)
    if len(password) > MAX_LENGTH:
        raise Unfit(N_("Use at most %(most)s characters."), most=MAX_LENGTH)
    if _is_common(password.casefold()):
        raise Unfit(
            N_(
                "This password is easy to guess. Choose another one, for example four words without a connection."
            )
        )
    if _is_about(password.casefold(), about):
        raise Unfit(N_("This password is little more than your name, your address or our name."))


def hashed(password: str) -> str:
    """What is kept of a password. Takes some 30 ms on purpose."""
    return _hasher.hash(_one_form(password))


def matches(kept: str | None, password: str) -> bool:
    """Whether this is the password of a kept hash. Without a hash (unknown address, no password) the same work is
    done in vain, so that the time taken tells nothing."""
    fits = len(password) <= MAX_LENGTH
    try:
        return (
            _hasher.verify(kept if kept and fits else _nobodys(), _one_form(password[:MAX_LENGTH])) and fits
        )
    except (VerificationError, InvalidHashError):
        return False


def fingerprint(kept: str) -> str:
    """A short name of a kept hash, which tells nothing of it."""
    return hashlib.sha256(kept.encode()).hexdigest()[:32]


def renewed(kept: str, password: str) -> str | None:
    """A new hash of a password that was just checked, where the old one was made with other parameters."""
    return hashed(password) if _hasher.check_needs_rehash(kept) else None


def _one_form(password: str) -> str:
    """The same characters, however the keyboard composed them (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _nobodys() -> str:
    """A hash that no password has, with today's parameters."""
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={MEMORY_KIB},t={ROUNDS},p={LANES}${salt}${digest}"


def _is_common(folded: str) -> bool:
    """Whether there is nothing in it but common words, digits, signs and walks along the keyboard."""
    if len(set(folded)) < FEWEST_DIFFERENT:
        return True
    rest, words = _without_walks(folded), _common_words()
    longest = max(map(len, words))
    reached = {0}  # positions up to which the password is made of these
    for start, character in enumerate(rest):
        if start in reached:
            if not character.isalpha():
                reached.add(start + 1)
            ends = range(start + 1, min(start + longest, len(rest)) + 1)
            reached.update(end for end in ends if rest[start:end] in words)
    return len(rest) in reached


def _without_walks(folded: str) -> str:
    """The password without runs of four or more along a row, forwards or backwards."""
    for row in ROWS:
        for walk in (row * 2, row[::-1] * 2):
            for size in range(min(len(folded), len(walk)), 3, -1):
                for start in range(len(folded) - size + 1):
                    if folded[start : start + size] in walk:
                        folded = folded[:start] + folded[start + size :]
    return folded


@cache
def _common_words() -> frozenset[str]:
    lines = COMMON.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def _is_about(folded: str, about: Iterable[str]) -> bool:
    """Whether too little is left when known words are taken out: they add nothing to the length."""
    parts = {
        part for text in about for part in re.split(r"[\W_]+", text.casefold()) if len(part) >= SHORTEST_PART
    }
    rest = folded
    for part in sorted(parts, key=len, reverse=True):
        rest = rest.replace(part, "")
    return rest != folded and len(rest) < MIN_LENGTH
