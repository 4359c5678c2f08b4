"""Snippets show the best passage, escaped, with marks on what was found."""

import re

import pytest

from knowledge_base.document import Section
from knowledge_base.index import Index
from tests.knowledge_base.conftest import Article, Find


def marked(html: str) -> list[str]:
    return re.findall(r"<mark>(.*?)</mark>", html)


@pytest.mark.parametrize(
    ("typed", "marks"),
    [
        ("rechnungen", ["Rechnungsadresse"]),
        ("anschrift", ["Anschrift"]),
        ("ruchnungsadrese", ["Rechnungsadresse"]),
        ("e-mail", ["E-Mail"]),
        ("email", ["E-Mail"]),
        ("mia.kern@post.example", ["mia.kern@post.example"]),
    ],
)
def test_marks_show_stems_parts_slips_and_chains(
    folder, article: Article, find: Find, typed: str, marks: list[str]
) -> None:
    body = "Ihre Rechnungsadresse steht oben. Darunter die Anschrift. Oder eine E-Mail an mia.kern@post.example senden."
    index = Index.rebuild(folder, [article(1, "Daten", body)])
    assert set(marks) <= set(marked(find(index, typed).hits[0].snippet_html))


def test_html_in_articles_never_leaks(folder, article: Article, find: Find) -> None:
    evil = '<script>alert(1)</script> "onclick" & <b>Zange</b> <mark>falsch</mark>'
    index = Index.rebuild(folder, [article(1, f"Zange {evil}", evil, summary=evil, keywords=(evil,))])
    for typed in ("zange", "script", "falsch", "mark", "kneifzange"):
        found = find(index, typed)
        shown = [html for hit in found.hits for html in (hit.title_html, hit.snippet_html)]
        shown += [found.answer.passage_html] if found.answer else []
        for html in shown:
            assert "<" not in re.sub(r"</?mark>", "", html)
            assert html.count("<mark>") == html.count("</mark>")


def test_the_passage_with_most_words_is_shown(folder, article: Article, find: Find) -> None:
    filler = "Ein Satz ohne Belang folgt dem anderen und füllt die Seite. " * 10
    index = Index.rebuild(
        folder,
        [article(1, "Lang", f"Das Ventil ist rot. {filler} Das Ventil sitzt neben dem Filter. {filler}")],
    )
    hit = find(index, "ventil filter").hits[0]
    assert set(marked(hit.snippet_html)) == {"Ventil", "Filter"}
    assert hit.snippet_html.startswith("… ")
    assert hit.snippet_html.endswith(" …")
    assert len(re.sub(r"<[^>]+>", "", hit.snippet_html)) < 260


def test_without_a_find_in_the_body_the_summary_is_shown(folder, article: Article, find: Find) -> None:
    index = Index.rebuild(folder, [article(1, "Düse", "Langer Text.", summary="Kurz gesagt: putzen.")])
    hit = find(index, "düse").hits[0]
    assert (marked(hit.title_html), hit.snippet_html, hit.anchor) == (["Düse"], "Kurz gesagt: putzen.", "")


def test_an_article_without_body_is_shown(folder, article: Article, find: Find) -> None:
    index = Index.rebuild(folder, [article(1, "Leer")])
    assert find(index, "leer").hits[0].snippet_html == ""


def test_the_answer_is_a_whole_paragraph(folder, article: Article, find: Find) -> None:
    body = "Erster Absatz.\n\nDer Kolben wird kalt gelagert. Er darf nie trocken laufen, sonst bricht er. Fetten Sie ihn also ein und drehen Sie ihn dabei langsam im Kreis.\n\nLetzter Absatz."
    answer = find(Index.rebuild(folder, [article(1, "Handbuch", body)]), "kolben fetten").answer
    assert answer is not None
    assert answer.passage_html == (
        "Der <mark>Kolben</mark> wird kalt gelagert. Er darf nie trocken laufen, sonst bricht er. "
        "<mark>Fetten</mark> Sie ihn also ein und drehen Sie ihn dabei langsam im Kreis."
    )


def test_a_heading_leads_to_its_section(folder, article: Article, find: Find) -> None:
    sections = (
        Section("", "", "Der Motor steht im Keller. Mehr zum Ölwechsel folgt."),
        Section("oel", "Ölwechsel am Motor", "Schrauben Sie den Deckel ab."),
        Section("ende", "Entsorgung", "Altes Öl nimmt der Händler."),
    )
    found = find(Index.rebuild(folder, [article(1, "Handbuch", sections=sections)]), "ölwechsel motor")
    assert (found.hits[0].anchor, found.hits[0].snippet_html[:28]) == ("oel", "Schrauben Sie den Deckel ab.")
    assert found.answer is not None
    assert found.answer.anchor == "oel"
    assert find(Index.open(folder), "händler").hits[0].anchor == "ende"
