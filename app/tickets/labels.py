"""The words for codes of tickets, marked for translation: how the team says them, and how customers read them."""

from __future__ import annotations

from app.sla.terms import METRIC_WORDS
from app.words import N_

# Translators: the states of a ticket as the team sees them
STATUS = {
    "new": N_("New"),
    "open": N_("Open"),
    "pending": N_("Waiting for customer"),
    "on_hold": N_("On hold"),
    "solved": N_("Solved"),
    "closed": N_("Closed"),
}

# Translators: the states of a request as the customer sees them
STATUS_FOR_CUSTOMER = {
    "new": N_("Received"),
    "open": N_("In progress"),
    "pending": N_("Your reply is needed"),
    "on_hold": N_("On hold"),
    "solved": N_("Solved"),
    "closed": N_("Closed"),
}

PRIORITY = {"low": N_("Low"), "normal": N_("Normal"), "high": N_("High"), "urgent": N_("Urgent")}

RETENTION = {
    "ticket_support": N_("Ordinary question: 12 months"),
    "trade_letter": N_("Business letter: 6 years"),
    "receipt": N_("Receipt: 8 years"),
}

CHANNEL = {
    "web": N_("Form"),
    "desk": N_("Desk"),
    "mail": N_("Email"),
    "phone": N_("Phone"),
    "letter": N_("Letter"),
    "visit": N_("Visit"),
    "api": N_("Interface"),
    "import": N_("Import"),
}

SUPERSEDED = {
    "priority": N_("the priority was changed"),
    "policy": N_("another promise applies"),
    "customer_changed": N_("another promise applies"),
    "policy_edit": N_("the promise was changed"),
    "calendar_edit": N_("the working hours were corrected"),
    "merged_from": N_("another ticket was merged"),
    "late_fact": N_("something became known later"),
}

METRIC = METRIC_WORDS
