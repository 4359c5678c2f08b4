"""Which passwords are accepted, how they are kept and checked."""

from __future__ import annotations

import time
import unicodedata
from statistics import median

import pytest
from argon2 import PasswordHasher, extract_parameters

from app.accounts import passwords

GOOD = "laterne-kupfer-43"


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "blau-72-kanu",
        "xK9$mLp2vQ",
        "korrekt Pferd Batterie Heftklammer",
        "größmann-liest-abends-karten",  # a name in a long password leaves enough
        "ü" * 3 + "äöß12345$%",
    ],
)
def test_good_passwords_pass(password: str) -> None:
    passwords.check(password, about=["Jörg Größmann", "joerg@firma.de", "Hilfe"])


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("kurz-7", "at least 10"),
        ("x" * 257, "at most 256"),
        ("Passwort2026!", "easy to guess"),
        ("hallo12345", "easy to guess"),
        ("ichliebedich1!", "easy to guess"),
        ("1234567890", "easy to guess"),
        ("0987654321", "easy to guess"),
        ("qwertzuiop", "easy to guess"),
        ("asdfghjkl123", "easy to guess"),
        ("19990620123", "easy to guess"),
        ("aaaaaaaaaaaa", "easy to guess"),
        ("geheim-geheim", "easy to guess"),
        ("Größmann2026!", "little more than your name"),
        ("JOERG.firma.joerg", "little more than your name"),
        ("Hilfe-Hilfe-99", "easy to guess"),
        ("Kundenwerk-2026", "little more than your name"),
    ],
)
def test_bad_passwords_are_refused_with_a_reason(password: str, reason: str) -> None:
    with pytest.raises(passwords.Unfit, match=reason) as refused:
        passwords.check(password, about=["Jörg Größmann", "joerg@firma.de", "Kundenwerk GmbH"])
    assert refused.value.field == "password"


def test_checking_takes_no_time_for_hostile_input() -> None:
    for hostile in ("gutentag" * 31 + "~~b", "a1" * 128, "qwertz" * 42, "ich" * 85):
        begun = time.thread_time()
        passwords._is_common(hostile)
        assert time.thread_time() - begun < 0.5


def test_a_hash_has_the_advised_parameters_and_its_own_salt() -> None:
    one, other = passwords.hashed(GOOD), passwords.hashed(GOOD)
    assert one != other
    parameters = extract_parameters(one)
    assert (parameters.type.name, parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (
        "ID",
        19 * 1024,
        2,
        1,
    )


def test_only_the_right_password_matches() -> None:
    kept = passwords.hashed(GOOD)
    assert passwords.matches(kept, GOOD)
    assert not passwords.matches(kept, GOOD + "x")
    assert not passwords.matches(kept, "")
    assert not passwords.matches("no hash at all", GOOD)
    assert not passwords.matches(None, GOOD)


def test_a_password_of_the_longest_length_counts_whole() -> None:
    longest = "ab3$" * 64
    kept = passwords.hashed(longest)
    assert passwords.matches(kept, longest)
    assert not passwords.matches(kept, longest + "x")


def test_how_a_keyboard_composes_a_letter_does_not_matter() -> None:
    kept = passwords.hashed(unicodedata.normalize("NFC", "brücken-über-flüsse"))
    assert passwords.matches(kept, unicodedata.normalize("NFD", "brücken-über-flüsse"))


def test_nobody_takes_as_much_work_as_somebody() -> None:
    kept = passwords.hashed(GOOD)

    def seconds(hash_or_none: str | None) -> float:
        begun = time.thread_time()  # the work itself, however busy the machine is
        passwords.matches(hash_or_none, "some other password")
        return time.thread_time() - begun

    known, unknown = (median(seconds(which) for _ in range(7)) for which in (kept, None))
    assert 0.6 < unknown / known < 1.6


def test_an_old_hash_is_renewed_once_the_password_is_known() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(GOOD)
    renewed = passwords.renewed(weak, GOOD)
    assert renewed is not None
    assert passwords.matches(renewed, GOOD)
    assert passwords.renewed(renewed, GOOD) is None
