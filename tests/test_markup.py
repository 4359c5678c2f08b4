"""Text of people as safe HTML."""

from __future__ import annotations

import html as html_of
import time
from html.parser import HTMLParser

import pytest

from app import markup

EVIL = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](vbscript:x)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](javascript:alert(1))",
    "![x](https://evil.example/pixel.gif)",
    "![x](//evil.example/pixel.gif)",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    '![x](/media/1/a.png"onerror="alert(1))',
    '[x](https://a.example/" onmouseover="alert(1))',
    "<a href='javascript:alert(1)'>x</a>",
    "<javascript:alert(1)>",
    "<iframe src=https://evil.example></iframe>",
    "<style>*{display:none}</style>",
    '<div style="position:fixed">x</div>',
    "`<b>`\n\n```\n</code><script>alert(1)</script>\n```",
    "| a |\n|---|\n| <script>alert(1)</script> |",
    "# <img src=x onerror=alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    "\x00<scr\x00ipt>alert(1)</script>",
    "<!--><script>alert(1)</script>-->",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
]
ALLOWED = markup.TAGS | {"html", "head", "meta", "body"}


class Look(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, html: str, *, letter: bool = False) -> None:
        super().__init__()
        self.letter = letter
        self.faults: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ALLOWED:
            self.faults.append(tag)
        for name, value in attrs:
            target = html_of.unescape(value or "").strip().lower()
            if (
                name.startswith("on")
                or (name == "style" and not self.letter)
                or (name == "src" and not target.startswith("/media/"))
            ):
                self.faults.append(f"{name}={value}")
            if name == "href" and not target.startswith(("http:", "https:", "mailto:", "tel:", "/", "#")):
                self.faults.append(f"{name}={value}")


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_evil_comes_through(evil: str) -> None:
    for text in (evil, f"* {evil}", f"> {evil}", f"a {evil} b"):
        assert Look(markup.render(text).html).faults == []
        assert Look(markup.message(text)).faults == []
        assert Look(markup.plain_message(text)).faults == []
        assert Look(markup.letter_html(text, evil, "de"), letter=True).faults == []


def test_headings_start_below_the_pages_title_and_carry_anchors() -> None:
    rendered = markup.render("# Größe\n\n## Größe\n\n### Straße *neu*\n\n## !!!\n")
    assert [(h.level, h.anchor, h.text) for h in rendered.headings] == [
        (2, "groesse", "Größe"),
        (3, "groesse-2", "Größe"),
        (4, "strasse-neu", "Straße neu"),
        (3, "section", "!!!"),
    ]
    assert '<h2 id="groesse">' in rendered.html
    assert "<h1" not in rendered.html


def test_parts_are_the_text_below_each_heading() -> None:
    found = markup.parts("Vor\n\n# A\n\nText **fett**\n\n* eins\n* zwei\n\n## B\n\n```\ncode\n```\n")
    assert [(part.anchor, part.heading) for part in found] == [("", ""), ("a", "A"), ("b", "B")]
    assert found[0].text == "Vor"
    assert found[1].text.split("\n") == ["Text fett", "eins", "zwei"]
    assert "code" in found[2].text


def test_links_between_articles_are_resolved() -> None:
    rendered = markup.render(
        "[a](returns#costs) [b](/x) [c](https://y.example/) [d](#here)", resolve=lambda a: f"/de/articles/{a}"
    )
    for href in ("/de/articles/returns#costs", "/x", "https://y.example/", "#here"):
        assert f'href="{href}"' in rendered.html


def test_our_images_are_shown_and_others_are_links() -> None:
    assert '<img src="/media/7/a.png"' in markup.render("![Bild](/media/7/a.png)").html
    other = markup.render("![Bild](https://x.example/a.png)").html
    assert "<img" not in other
    assert ">Bild</a>" in other


@pytest.mark.parametrize(
    "value",
    [
        "a*b*c",
        "1. one",
        "# x",
        "[a](b)",
        "a_b_c",
        "x | y",
        "<b>",
        "a\\*b",
        "https://x.example/a_b?c=*d*",
        "~~x~~",
        "`x`",
    ],
)
def test_escaped_values_show_as_typed(value: str) -> None:
    shown = markup.plain_text(f"Start {markup.escape_markdown(value)} end")
    assert shown == f"Start {value} end"


HOSTILE = [
    "[" * 60_000,
    "![" * 20_000,
    "*a " * 30_000,
    "> " * 20_000,
    "- " * 20_000,
    "`" * 50_001,
    "<" * 60_000,
    "|" * 30_000,
    "[a](" * 20_000,
    "&" * 60_000,
    "\\" * 60_000,
    "# " * 20_000,
    "a\n" * 60_000,
    "_" * 60_000,
    "http://a" * 8_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:6]))
def test_hostile_text_costs_no_more_than_a_page_may(text: str) -> None:
    for render, given in ((markup.render, text), (markup.message, text[:20_000])):
        started = time.process_time()
        render(given)
        assert time.process_time() - started < 5, render.__name__


# --- messages of a conversation ------------------------------------------------------------------------------------


def test_a_message_keeps_line_ends_links_addresses_and_has_no_anchors() -> None:
    shown = markup.message(
        "# Hi\n\nfirst\nsecond https://example.org/a?b=1&c=2. [named](https://example.org)"
    )
    assert "<h3>Hi</h3>" in shown
    assert " id=" not in shown
    assert "first<br>\nsecond" in shown
    assert 'href="https://example.org/a?b=1&amp;c=2"' in shown
    assert shown.count("<a ") == 2


def test_a_message_loads_no_image_and_runs_nothing() -> None:
    shown = markup.message(
        "![x](https://evil.example/x.png) <img src=x onerror=alert(1)> [l](javascript:alert(1))"
    )
    assert "<img" not in shown
    assert 'href="javascript' not in shown
    assert 'href="https://evil.example/x.png"' in shown


def test_a_message_made_to_be_slow_is_shown_as_it_was_typed() -> None:
    assert markup.message("![" * 10_000) == "<p>" + "![" * 10_000 + "</p>"


def test_a_plain_message_is_escaped() -> None:
    shown = markup.plain_message("a <b>\nhttps://example.org/?a&b\n\nnext *not bold*")
    assert shown.startswith("<p>a &lt;b&gt;<br>")
    assert 'href="https://example.org/?a&amp;b"' in shown
    assert "<p>next *not bold*</p>" in shown
