"""Any number of plausible German and English articles for trials and benchmarks: the same for the same seed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from app.articles.audience import Audience
from app.articles.entries import Entry
from app.articles.models import CUSTOMERS, INTERNAL, PUBLIC
from app.articles.service import Content

PREFIX = "demo-"  # of every slug made here
CATEGORIES = ("invoices", "delivery", "returns", "subscriptions", "machines", "account", "companies")

WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "de": {
        "thing": (
            *("Rechnung", "Lieferadresse", "Kaffeemaschine", "Bestellung", "Lastschrift", "Gutschein"),
            *("Ersatzteil", "Wasserfilter", "Kundenkonto", "Kostenstelle", "Rahmenvertrag", "Lieferschein"),
            *("Sammelbestellung", "Mahlwerk", "Rücksendung", "Abonnement", "Zahlungsziel", "Wartung"),
            *("Zugangsdaten", "Benutzerrolle", "Freigabe", "Paketnummer", "Steuernummer", "Garantie"),
        ),
        "deed": (
            *("ändern", "prüfen", "stornieren", "herunterladen", "weiterleiten", "anlegen", "löschen"),
            *("beantragen", "verschieben", "bestätigen", "teilen", "korrigieren", "einrichten"),
        ),
        "place": (
            "am Standort",
            "im Team",
            "für Filialen",
            "im Ausland",
            "für Vereine",
            "im Abo",
            "am Gerät",
        ),
        "head": (
            "So gehen Sie vor",
            "Bevor Sie beginnen",
            "Wenn es nicht klappt",
            "Gut zu wissen",
            "Kosten",
            "Fristen",
        ),
        "line": (
            "Öffnen Sie Mein Kontorwerk und wählen Sie den Bereich {thing}.",
            "Tragen Sie die {code} ein und speichern Sie die Angaben.",
            "Sie erhalten innerhalb von {n} Arbeitstagen eine Bestätigung per E-Mail.",
            "Die Änderung an {thing} und {other} gilt ab der nächsten Lieferung.",
            "Erscheint die Meldung {code}, melden Sie sich ab und nach fünf Minuten wieder an.",
            "Bei Beträgen über {n}0 Euro brauchen wir eine Freigabe durch die Verwaltung.",
            "Prüfen Sie vorher, ob {other} und Anschrift zusammenpassen.",
            "Für Firmenkonten sieht die Übersicht zusätzlich die {other} je Kostenstelle.",
            "Das Team antwortet montags bis freitags von 8 bis 17 Uhr.",
            "Die {thing} bleibt {n} Monate in Ihrem Konto sichtbar.",
            "Haben Sie mehrere Standorte, wiederholen Sie die Schritte für jeden Standort.",
            "Auf Wunsch senden wir die {other} auch per Post.",
        ),
        "title": ("{thing} {deed} {place} ({code})",),
    },
    "en": {
        "thing": (
            *("invoice", "delivery address", "coffee machine", "order", "direct debit", "voucher"),
            *("spare part", "water filter", "customer account", "cost centre", "framework contract"),
            *("delivery note", "bulk order", "grinder", "return", "subscription", "payment term"),
            *(
                "maintenance visit",
                "sign-in details",
                "user role",
                "approval",
                "tracking number",
                "guarantee",
            ),
        ),
        "deed": (
            *("Change", "Check", "Cancel", "Download", "Forward", "Create", "Delete", "Request"),
            *("Postpone", "Confirm", "Share", "Correct", "Set up"),
        ),
        "place": (
            "at a branch",
            "in a team",
            "for schools",
            "abroad",
            "for clubs",
            "in a subscription",
            "on site",
        ),
        "head": ("What to do", "Before you start", "If it does not work", "Good to know", "Costs", "Periods"),
        "line": (
            "Open My Kontorwerk and choose the section for your {thing}.",
            "Enter {code} and save what you typed.",
            "You receive a confirmation by email within {n} working days.",
            "The change to the {thing} and the {other} applies from the next delivery.",
            "If you see the message {code}, sign out and sign in again after five minutes.",
            "For amounts above {n}0 euros we need an approval by an administrator.",
            "Check beforehand that the {other} and the address match.",
            "Company accounts also list the {other} for each cost centre.",
            "The team answers Monday to Friday, 8 am to 5 pm.",
            "The {thing} stays in your account for {n} months.",
            "If you have several sites, repeat these steps for each of them.",
            "On request we also send the {other} by post.",
        ),
        "title": ("{deed} the {thing} {place} ({code})",),
    },
}


def articles(number: int, seed: int) -> Iterator[Entry]:
    """`number` articles in German and as many in English, each pair one article in two languages."""
    chance = Random(seed)  # noqa: S311 (invented texts, no secret)
    for n in range(number):
        category = CATEGORIES[n % len(CATEGORIES)]
        audience = Audience(chance.choices((PUBLIC, CUSTOMERS, INTERNAL), (90, 7, 3))[0])
        code = f"{chance.choice('ABEFKLRT')}-{1000 + n}"
        for lang in ("de", "en"):
            yield Entry(
                slug=f"{PREFIX}{n + 1}",
                lang=lang,
                content=_content(chance, lang, code),
                category=category,
                audience=audience,
                translation_of=None if lang == "de" else f"{PREFIX}{n + 1}",
            )


def _content(chance: Random, lang: str, code: str) -> Content:
    words = WORDS[lang]
    thing, other = chance.sample(words["thing"], 2)

    def say(kind: str) -> str:
        values = {"thing": thing, "other": other, "code": code, "n": chance.randint(2, 9)}
        values |= {"deed": chance.choice(words["deed"]), "place": chance.choice(words["place"])}
        return chance.choice(words[kind]).format(**values)

    title = say("title")
    parts = [_paragraph(chance, say)]
    for head in chance.sample(words["head"], chance.randint(2, 4)):
        steps = "\n".join(f"{step}. {say('line')}" for step in range(1, chance.randint(3, 6)))
        parts += [f"## {head}", _paragraph(chance, say), steps]
    return Content(title[:1].upper() + title[1:], say("line"), (thing, other, code), "\n\n".join(parts))


def _paragraph(chance: Random, say: object) -> str:
    return " ".join(say("line") for _ in range(chance.randint(2, 5)))  # type: ignore[operator]
