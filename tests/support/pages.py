"""A browser without a screen: every page it visits is checked, forms are sent as a person would send them."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree

import html5lib
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

Element = ElementTree.Element
TYPED = ("input", "select", "textarea")
UNLABELLED = ("hidden", "submit", "button", "reset", "image")


class Page:
    """An answer: status, headers, and its HTML as a tree."""

    def __init__(self, response: TestResponse, path: str) -> None:
        self.response = response
        self.status = response.status_code
        self.path = path
        self.html = response.get_data(as_text=True)
        parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
        self.tree: Element = (
            parser.parse(self.html) if "<html" in self.html else _wrapped(parser.parseFragment(self.html))
        )
        self.errors = [f"line {line}: {code}" for (line, _), code, _ in parser.errors if "<html" in self.html]

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Elements of a tag with these attributes; `class_` is one class among others, `text` is contained."""
        return [element for element in self.tree.iter(tag) if _fits(element, dict(attributes))]

    def one(self, tag: str, **attributes: str) -> Element:
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} <{tag}> with {attributes} on {self.path}"
        return found[0]

    @property
    def title(self) -> str:
        return words(self.one("title"))

    @property
    def text(self) -> str:
        """The words of the page's content."""
        return words(next(iter(self.all("main")), self.tree))

    def form(self, wanted: str = "") -> Element:
        """The form whose address or button contains `wanted`; without it the only form of the content."""
        forms = self.all("form")
        if wanted:
            forms = [f for f in forms if wanted in f.get("action", "") or wanted in _buttons(f)]
        else:
            inside = {id(f) for main in self.all("main") for f in main.iter("form")}
            forms = [f for f in forms if id(f) in inside]
        assert len(forms) == 1, f"{len(forms)} forms for {wanted!r} on {self.path}"
        return forms[0]

    def link(self, text: str) -> str:
        """The address of the first link with these words."""
        for element in self.all("a"):
            if text in words(element) and element.get("href"):
                return str(element.get("href"))
        raise AssertionError(f"no link {text!r} on {self.path}")

    @property
    def summary(self) -> str:
        """The words of the error summary; empty when there is none."""
        return " ".join(words(element) for element in self.all("div", class_="summary"))


class Browser(FlaskClient):
    """Follows redirects, keeps cookies, and checks each HTML page it gets."""

    lang = "en"
    email = ""
    person_id: int | None = None

    def open(self, *args: Any, buffered: bool = True, **options: Any) -> Any:
        """Ask for a page and wait for what the portal does after its answer, too (observations)."""
        return super().open(*args, buffered=buffered, **options)

    def visit(self, path: str, *, status: int = 200, **options: Any) -> Page:
        """Read a page, following redirects."""
        headers = {"Accept-Language": self.lang, **options.pop("headers", {})}
        response = self.get(path, follow_redirects=True, headers=headers, **options)
        return self._checked(response, status)

    def follow(self, page: Page, text: str) -> Page:
        """Follow a link by its words."""
        return self.visit(urljoin(page.path, page.link(text)))

    def send(
        self, page: Page, wanted: str = "", *, status: int = 200, button: str = "", **fields: Any
    ) -> Page:
        """Fill a form of a page and send it with what it already holds, the CSRF token among it.

        A success must answer 303; the page it leads to is given. With `status=422` the form itself comes back.
        """
        form = page.form(wanted)
        data = MultiDict(_held(form, button))
        names = {e.get("name") for tag in (*TYPED, "button") for e in form.iter(tag)}
        for name, value in fields.items():
            assert name in names, (
                f"the form on {page.path} has no field {name!r}, only {sorted(filter(None, names))}"
            )
            data.setlist(name, value if isinstance(value, list) else [value])
        target = urljoin(page.path, form.get("action") or "")
        headers = {"Accept-Language": self.lang, "Sec-Fetch-Site": "same-origin"}
        if form.get("method", "get").lower() == "get":
            return self._checked(self.get(target, query_string=data, headers=headers), status)
        if form.get("enctype") == "multipart/form-data":
            for element in form.iter("input"):
                if element.get("type") == "file" and not data.get(str(element.get("name"))):
                    data.setlist(str(element.get("name")), [(io.BytesIO(), "")])
        response = self.post(
            target,
            data=data,
            headers=headers,
            content_type=form.get("enctype") or "application/x-www-form-urlencoded",
        )
        if status != 200:
            return self._checked(response, status)
        assert response.status_code == 303, (
            f"POST {target}: {response.status_code}\n{Page(response, target).text[:500]}"
        )
        return self.visit(urljoin(target, response.headers["Location"]))

    def _checked(self, response: TestResponse, status: int) -> Page:
        path = response.request.path
        if response.request.query_string:
            path += "?" + response.request.query_string.decode()
        page = Page(response, path)
        assert response.status_code == status, (
            f"{path}: {response.status_code}, not {status}\n{page.text[:500]}"
        )
        if response.mimetype == "text/html":
            faults = list(faults_of(page))
            assert not faults, f"{path}:\n" + "\n".join(faults)
        return page


def faults_of(page: Page) -> Iterator[str]:
    """What is wrong with a page that every page must have right."""
    yield from (f"HTML: {error}" for error in page.errors)
    ids = Counter(i for e in page.tree.iter() if (i := e.get("id")))
    yield from (f"id {name!r} occurs {count} times" for name, count in ids.items() if count > 1)
    for element in page.tree.iter():
        if not isinstance(element.tag, str):
            continue
        if element.get("style") is not None or any(name.startswith("on") for name in element.attrib):
            yield f"<{element.tag}> has inline style or script"
        for name in ("src", "href", "action"):
            if element.tag not in ("a", "area") and urlsplit(element.get(name) or "").netloc:
                yield f"<{element.tag}> asks another host: {element.get(name)}"
        if element.tag == "img" and element.get("alt") is None:
            yield "an image without alt"
        if element.tag == "script" and not element.get("src") and (element.text or "").strip():
            yield "an inline script"
        for reference in ("for", "aria-describedby", "aria-labelledby", "aria-controls"):
            for name in (element.get(reference) or "").split():
                if name not in ids and reference != "aria-controls":
                    yield f"<{element.tag}> {reference}={name!r} refers to nothing"
    yield from _fields_without_label(page)
    if "<html" in page.html:
        yield from _faults_of_whole(page)


def _faults_of_whole(page: Page) -> Iterator[str]:
    titles = page.all("title")
    if not any(words(title) for title in titles if title in list(page.one("head"))):
        yield "no title"
    headings = page.all("h1")
    if len(headings) != 1 or not words(headings[0]):
        yield f"{len(headings)} h1"
    if page.tree.get("lang") not in ("de", "en"):
        yield "no language"
    if len(page.all("main")) != 1:
        yield "not one main"


def _fields_without_label(page: Page) -> Iterator[str]:
    labelled = {label.get("for") for label in page.all("label") if words(label)}
    wrapped = {id(e) for label in page.all("label") if words(label) for e in label.iter()}
    for tag in TYPED:
        for field in page.all(tag):
            if tag == "input" and field.get("type") in UNLABELLED:
                continue
            named = field.get("aria-label") or field.get("aria-labelledby")
            if not (named or field.get("id") in labelled or id(field) in wrapped):
                yield f"field {field.get('name')!r} has no label"
    for button in (*page.all("button"), *page.all("a")):
        if not (words(button) or button.get("aria-label") or button.get("title")):
            yield f"<{button.tag}> without words"


def words(element: Element) -> str:
    """The text of an element on one line."""
    return " ".join("".join(element.itertext()).split())


def _fits(element: Element, wanted: Mapping[str, str]) -> bool:
    for name, value in wanted.items():
        if name == "text":
            fits = value in words(element)
        elif name == "class_":
            fits = value in (element.get("class") or "").split()
        else:
            fits = element.get(name.rstrip("_").replace("_", "-")) == value
        if not fits:
            return False
    return True


def _buttons(form: Element) -> str:
    return " | ".join(words(b) for b in form.iter("button"))


def _held(form: Element, button: str) -> list[tuple[str, Any]]:
    """What the form would send untouched."""
    held: list[tuple[str, Any]] = []
    for element in form.iter():
        name, kind = element.get("name"), element.get("type", "text")
        if not name or element.get("disabled") is not None:
            continue
        if element.tag == "textarea":
            held.append((name, element.text or ""))
        elif element.tag == "select":
            options = list(element.iter("option"))
            chosen = [o for o in options if o.get("selected") is not None]
            if not chosen and element.get("multiple") is None:
                chosen = options[:1]
            held += [(name, o.get("value", words(o))) for o in chosen]
        elif element.tag == "button" and button and button in words(element):
            held.append((name, element.get("value", "")))
        elif element.tag == "input":
            if kind in ("checkbox", "radio") and element.get("checked") is None:
                continue
            if kind not in ("submit", "button", "file", "image", "reset"):
                held.append((name, element.get("value", "on" if kind == "checkbox" else "")))
    return held


def _wrapped(fragment: Any) -> Element:
    return fragment if isinstance(fragment, Element) else fragment.getroot()
