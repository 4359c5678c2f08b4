"""The floor: the least that Flask, Jinja and raw SQLite can do for such pages and forms. A bound, not a product.

FLOOR_DB=file gunicorn bench.floor:app -k gthread -w 2 --threads 4. Every statement is an index range scan, templates
are cached and escape; no languages, no readers, no rights.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

from flask import Flask, abort, redirect, render_template, request
from jinja2 import DictLoader

FRAME = """<!doctype html><html lang="de"><head><meta charset="utf-8"><title>{% block t %}{% endblock %}</title>
<link rel="stylesheet" href="/static/a.css"></head><body><a class="skip" href="#main">Zum Inhalt</a><header><nav>
<a href="/">Start</a> <form action="/search"><label>Suche <input name="q"></label></form></nav></header>
<main id="main">{% block b %}{% endblock %}</main><footer>Hilfe</footer></body></html>"""
LINKS = "<ul>{% for a in rows %}<li><a href='/articles/{{ a[0] }}'>{{ a[1] }}</a></li>{% endfor %}</ul>"
PAGES = {
    "frame": FRAME,
    "home": "{% extends 'frame' %}{% block t %}Hilfe{% endblock %}{% block b %}<h1>Hilfe</h1>"
    "{% for c in categories %}<section><h2>{{ c[1] }} ({{ c[2] }})</h2></section>{% endfor %}" + LINKS + "{% endblock %}",
    "article": "{% extends 'frame' %}{% block t %}{{ a[1] }}{% endblock %}{% block b %}<h1>{{ a[1] }}</h1>"
    "{% for p in a[2].split('\n\n') %}<p>{{ p }}</p>{% endfor %}" + LINKS + "{% endblock %}",
    "search": "{% extends 'frame' %}{% block t %}Suche{% endblock %}{% block b %}<h1>{{ rows|length }} Treffer: {{ q }}</h1>"
    "<ol>{% for h in rows %}<li><a href='/articles/{{ h[0] }}'>{{ h[1] }}</a><p>{{ h[2]|safe }}</p></li>{% endfor %}</ol>"
    "{% endblock %}",
    "queue": "{% extends 'frame' %}{% block t %}Tickets{% endblock %}{% block b %}<h1>Tickets</h1><table>"
    "{% for t in rows %}<tr><td><a href='/tickets/{{ t[0] }}'>{{ t[1] }}</a> {{ t[4] }}</td><td>{{ t[3] }}</td>"
    "<td>{{ t[2] }}</td></tr>{% endfor %}</table>{% endblock %}",
    "ticket": "{% extends 'frame' %}{% block t %}{{ t[1] }}{% endblock %}{% block b %}<h1>{{ t[1] }}</h1>"
    "{% for m in rows %}<article><p>{{ m[2] }}</p><p>{{ m[1] }}</p></article>{% endfor %}<form method=post>"
    "<textarea name=message></textarea></form>{% endblock %}",
}  # fmt: skip

app = Flask(__name__)
app.jinja_loader = DictLoader(PAGES)
local = threading.local()


def rows(statement: str, *values: Any) -> list[Any]:
    connection = getattr(local, "connection", None)
    if connection is None:
        connection = local.connection = sqlite3.connect(os.environ["FLOOR_DB"], cached_statements=256)
    return connection.execute(statement, values).fetchall()


@app.get("/")
def home() -> str:
    top = rows("SELECT id, title FROM article ORDER BY views DESC LIMIT 10")
    return render_template("home", categories=rows("SELECT id, name, n FROM category"), rows=top)


@app.get("/articles/<int:number>")
def article(number: int) -> str:
    found = rows("SELECT id, title, body, category FROM article WHERE id = ?", number)
    if not found:
        abort(404)
    near = rows(
        "SELECT id, title FROM article WHERE category = ? AND id <> ? ORDER BY id LIMIT 4",
        found[0][3],
        number,
    )
    return render_template("article", a=found[0], rows=near)


@app.get("/search")
def search() -> str:
    q = request.args.get("q", "")
    words = " ".join(f'"{word}"' for word in q.replace('"', "").split())
    found = rows(
        "SELECT rowid, title, snippet(words, 1, '<mark>', '</mark>', '…', 20) FROM words WHERE words MATCH ? "
        "ORDER BY rank LIMIT 10",
        words,
    )
    return render_template("search", q=q, rows=found)


TICKET = "SELECT id, subject, status, queue_key, name FROM ticket "


@app.get("/queue")
def queue() -> str:
    found = rows(TICKET + "WHERE is_open = 1 ORDER BY queue_key, id LIMIT 25")
    return render_template("queue", rows=found)


@app.get("/mine/<int:person>")
def mine(person: int) -> str:
    found = rows(TICKET + "WHERE requester = ? ORDER BY active DESC, id DESC LIMIT 25", person)
    return render_template("queue", rows=found)


@app.get("/tickets/<int:number>")
def ticket(number: int) -> str:
    found = rows(TICKET + "WHERE id = ?", number)
    if not found:
        abort(404)
    said = rows("SELECT author, created, body FROM message WHERE ticket = ? ORDER BY rowid", number)
    return render_template("ticket", t=found[0], rows=said)


def store(*statements: tuple[str, tuple[Any, ...]]) -> Any:
    """Write durably (synchronous FULL) and answer as a form does."""
    rows("SELECT 1")
    for statement, values in statements:
        local.connection.execute(statement, values)
    local.connection.commit()
    return redirect("/queue", 303)


MESSAGE = "INSERT INTO message VALUES(?, 1, ?, 0)"


@app.post("/tickets")
def send() -> Any:
    values = (request.form["subject"],)
    ticket = "INSERT INTO ticket VALUES(NULL, ?, 'new', 0, 1, 1, 0, 'Ada')"
    return store((ticket, values), (MESSAGE, (1, request.form["message"])))


@app.post("/tickets/<int:number>/replies")
def reply(number: int) -> Any:
    change = ("UPDATE ticket SET status = 'pending', active = active + 1 WHERE id = ?", (number,))
    return store((MESSAGE, (number, request.form["message"])), change)


def fill_tickets(path: Path, tickets: list[Any], messages: list[Any]) -> None:
    """Add requests (id, subject, status, queue_key, is_open, requester, active, name) and their messages."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(
        "CREATE TABLE ticket(id INTEGER PRIMARY KEY, subject, status, queue_key INT, is_open INT, requester INT,"
        " active INT, name); CREATE TABLE message(ticket INT, author INT, body, created INT);"
    )
    connection.executemany("INSERT INTO ticket VALUES(?, ?, ?, ?, ?, ?, ?, ?)", tickets)
    connection.executemany("INSERT INTO message VALUES(?, ?, ?, ?)", messages)
    connection.executescript(
        "CREATE INDEX by_queue ON ticket(is_open, queue_key, id); CREATE INDEX by_message ON message(ticket);"
        "CREATE INDEX by_requester ON ticket(requester, active, id);"
    )
    connection.commit()
    connection.close()


def fill(
    path: Path, articles: list[tuple[int, str, str, int, int]], categories: list[tuple[int, str, int]]
) -> None:
    """Make the floor's database of the same articles: (id, title, body, category, views)."""
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE article(id INTEGER PRIMARY KEY, title, body, category INT, views INT);"
        "CREATE TABLE category(id INTEGER PRIMARY KEY, name, n INT);"
        "CREATE VIRTUAL TABLE words USING fts5(title, body, content='article', content_rowid='id');"
        "CREATE INDEX by_views ON article(views DESC, id); CREATE INDEX by_category ON article(category, id);"
    )
    connection.executemany("INSERT INTO article VALUES(?, ?, ?, ?, ?)", articles)
    connection.executemany("INSERT INTO category VALUES(?, ?, ?)", categories)
    connection.execute("INSERT INTO words(words) VALUES('rebuild')")
    connection.commit()
    connection.close()
