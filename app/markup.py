"""Text that people write becomes safe HTML here, by one path: Markdown without raw HTML, then a sanitiser.

Knows no page and no table. Addresses of articles and images are resolved by the caller's function.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

MAX_NESTING = 20  # deeper lists and quotes are shown as text; the parser's cost grows with depth

TAGS = {
    *(
        "p",
        "br",
        "hr",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "blockquote",
        "pre",
        "code",
        "em",
        "strong",
    ),
    *("s", "a", "img", "table", "thead", "tbody", "tr", "th", "td", "div"),
}
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height", "loading"},
    "ol": {"start"},
    "th": {"align"},
    "td": {"align"},
    "div": {"tabindex"},
    **{f"h{level}": {"id"} for level in range(2, 7)},
}
SCHEMES = {"http", "https", "mailto", "tel"}
EMPTY_HEADING = re.compile(r"<th[^>]*></th>")
MOST_BRACKETS = 400  # a message with more is shown as typed: the parser's cost grows with their square
BARE_LINK = re.compile(r"https?://[^\s<>\"'()\[\]]*[^\s<>\"'()\[\].,;:!?&]")
LOCAL_IMAGE = re.compile(r"/media/\d+/[^\s?#]+")

Resolve = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a text: level 2 to 6, the anchor to jump to, its words."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a text under one heading (none before the first), as plain text."""

    anchor: str
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """Safe HTML and the headings in it."""

    html: str
    headings: tuple[Heading, ...]


_parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING}).enable(
    ["table", "strikethrough"]
)


def render(markdown: str, *, resolve: Resolve = lambda address: address) -> Rendered:
    """Markdown as safe HTML. Headings start at level 2 (the page's title is level 1) and carry anchors.

    `resolve` turns a link without a scheme ("returns", "returns#costs") into an address. Images are shown only
    from the portal's own `/media/`; any other becomes a link.
    """
    tokens = _parse(markdown)
    headings = tuple(_anchored(tokens))
    for token in _inline(tokens):
        if token.type == "link_open":
            token.attrSet("href", _address(str(token.attrGet("href") or ""), resolve))
        elif token.type == "image":
            _keep_or_link(token)
    return Rendered(_clean(_parser.renderer.render(tokens, _parser.options, {})), headings)


def parts(markdown: str) -> tuple[Part, ...]:
    """The text in stretches, one a heading, as plain text; what a search shows and jumps to."""
    tokens = _parse(markdown)
    anchors = iter([Heading(2, "", ""), *_anchored(tokens)])
    current = next(anchors)
    found: list[Part] = []
    lines: list[str] = []
    cells: list[str] = []
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            found.append(Part(current.anchor, current.text, _joined(lines)))
            current, lines = next(anchors), []
        elif token.type == "inline" and tokens[index - 1].type in ("th_open", "td_open"):
            cells.append(_words(token))
        elif token.type == "tr_close":  # a row of a table is one line: its cells say something together
            lines.append(" – ".join(filter(None, cells)))
            cells = []
        elif token.type == "inline" and tokens[index - 1].type != "heading_open":
            lines.append(_words(token))
        elif token.type in ("fence", "code_block"):
            lines.append(token.content)
    found.append(Part(current.anchor, current.text, _joined(lines)))
    return tuple(part for part in found if part.heading or part.text)


def plain_text(markdown: str) -> str:
    """The words of a text without any marks."""
    return "\n".join(filter(None, (word for part in parts(markdown) for word in (part.heading, part.text))))


def message(body: str) -> str:
    """A message of a conversation as safe HTML: line ends stay as they were typed, bare addresses become links,
    headings are small and carry no anchors (a page shows many messages)."""
    if body.count("[") > MOST_BRACKETS:
        return plain_message(body)
    tokens = _parse(body)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h3"
    for token in _inline(tokens):
        if token.type == "image":
            _keep_or_link(token)
    for token in tokens:
        if token.children:
            token.children = _with_links(token.children)
    return _clean(_parser.renderer.render(tokens, _as_typed, {}))


def plain_message(body: str) -> str:
    """A message that is plain text (mail) as safe HTML: paragraphs, line ends, bare addresses as links."""
    escaped = html.escape(body.replace("\x00", ""))
    linked = BARE_LINK.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', escaped)
    paragraphs = re.split(r"\n{2,}", linked.strip("\n"))
    return _clean("".join("<p>" + part.replace("\n", "<br>") + "</p>" for part in paragraphs if part.strip()))


def letter_html(markdown: str, footer: str, lang: str) -> str:
    """The HTML part of a letter: one column, system fonts, styles inline because mail programs know no others."""
    tokens = _parse(markdown)
    for token in _inline(tokens):
        if token.type == "image":  # a mail program would ask a foreign host for it
            _keep_or_link(token)
    body = _clean(_parser.renderer.render(tokens, _parser.options, {}))
    body = body.replace("<a ", '<a style="color:#0b57b8" ').replace("<p>", '<p style="margin:0 0 16px">')
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"></head>'
        '<body style="margin:0;padding:24px 16px">'
        "<div style=\"max-width:600px;margin:0 auto;font:16px/1.5 system-ui,'Segoe UI',Roboto,sans-serif\">"
        f"{body}"
        '<hr style="border:0;border-top:1px solid #868f9d;margin:24px 0 16px">'
        f'<p style="margin:0;font-size:13px;color:#6a7280">{html.escape(footer)}</p>'
        "</div></body></html>"
    )


def escape_markdown(text: str) -> str:
    """A plain value (a name, an address) so that it stays plain inside Markdown."""
    if re.fullmatch(r"https?://[^\s<>()]+", text):
        return f"<{text}>"
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~&])", r"\\\1", text)


def anchor(text: str, taken: set[str]) -> str:
    """A readable anchor for a heading, unique among those taken (and taken from then on)."""
    spelled = text.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("ß", "ss")
    ascii_only = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")[:60] or "section"
    chosen, number = stem, 2
    while chosen in taken:
        chosen, number = f"{stem}-{number}", number + 1
    taken.add(chosen)
    return chosen


def _parse(markdown: str) -> list[Token]:
    return _parser.parse(markdown.replace("\x00", ""))


def _anchored(tokens: list[Token]) -> list[Heading]:
    """Gives the headings and writes level and anchor into their tokens."""
    shift = 1 if any(token.tag == "h1" for token in tokens if token.type == "heading_open") else 0
    taken: set[str] = set()
    found = []
    for index, token in enumerate(tokens):
        if token.type not in ("heading_open", "heading_close"):
            continue
        level = min(6, int(token.tag[1]) + shift)
        token.tag = f"h{level}"
        if token.type == "heading_open":
            text = _words(tokens[index + 1])
            name = anchor(text, taken)
            token.attrSet("id", name)
            found.append(Heading(level, name, text))
    return found


def _with_links(children: list[Token]) -> list[Token]:
    """The same inline tokens, bare addresses in their texts as links."""
    found: list[Token] = []
    inside = 0
    for child in children:
        inside += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type != "text" or inside:
            found.append(child)
            continue
        at = 0
        for hit in BARE_LINK.finditer(child.content):
            opening = Token("link_open", "a", 1, attrs={"href": hit[0]})
            before = Token("text", "", 0, content=child.content[at : hit.start()])
            found += [before, opening, Token("text", "", 0, content=hit[0]), Token("link_close", "a", -1)]
            at = hit.end()
        found.append(Token("text", "", 0, content=child.content[at:]))
    return found


def _inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens if token.children for child in token.children]


def _words(token: Token) -> str:
    pieces = []
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            pieces.append(" ")
        else:
            pieces.append(child.content)
    return "".join(pieces).strip()


def _joined(lines: list[str]) -> str:
    return "\n".join(line for line in lines if line)


def _address(address: str, resolve: Resolve) -> str:
    if address.startswith(("#", "/")) or ":" in address.partition("/")[0]:
        return address
    return resolve(address)


def _keep_or_link(token: Token) -> None:
    source = str(token.attrGet("src") or "")
    if LOCAL_IMAGE.fullmatch(source):
        token.attrSet("loading", "lazy")
        return
    words = "".join(child.content for child in token.children or []) or source
    token.type, token.tag, token.children = "html_inline", "", None
    token.content = f'<a href="{html.escape(source, quote=True)}">{html.escape(words)}</a>'


def _table_open(self: Any, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    return '<div class="table-scroll" tabindex="0"><table>'


def _table_close(self: Any, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    return "</table></div>"


def _clean(unsafe: str) -> str:
    """The one way to safe HTML. A corner of a table that heads nothing is no heading."""
    safe = nh3.clean(
        unsafe.replace(' style="text-align:left"', ' align="left"')
        .replace(' style="text-align:center"', ' align="center"')
        .replace(' style="text-align:right"', ' align="right"'),
        tags=TAGS,
        attributes=ATTRIBUTES,
        allowed_classes={"div": {"table-scroll"}},
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer",
    )
    return EMPTY_HEADING.sub("<td></td>", safe)


_as_typed = OptionsDict({**_parser.options, "breaks": True})  # type: ignore[typeddict-item]
_parser.add_render_rule("table_open", _table_open)
_parser.add_render_rule("table_close", _table_close)
