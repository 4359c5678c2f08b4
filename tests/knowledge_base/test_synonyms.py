"""Groups kept by an administrator act on the next search, without a rebuild."""

from knowledge_base.index import Index
from knowledge_base.synonyms import SynonymSet, built_in
from tests.knowledge_base.conftest import Article, Find


def test_a_new_group_is_in_effect_at_once(folder, article: Article, find: Find) -> None:
    index = Index.rebuild(
        folder, [article(1, "Fernsteuerung koppeln", "Taste halten."), article(2, "Anderes", "Nichts.")]
    )
    assert find(index, "zapper").total == 0
    group = SynonymSet({"de": [["Zapper", "Fernsteuerung"]]})
    assert find(index, "zapper", synonyms=group).keys == (1,)
    assert find(index, "Zappern", synonyms=group).keys == (1,)
    assert find(index, "zapper", "en", synonyms=group).total == 0


def test_phrases_stand_for_words_and_words_for_phrases(folder, article: Article, find: Find) -> None:
    index = Index.rebuild(
        folder, [article(1, "Roter Knopf", "Notfall."), article(2, "Schalter", "Grüne Lampe.")]
    )
    group = SynonymSet({"de": [["Nothalt", "roter Knopf"], ["grüne Lampe", "Betriebsanzeige"]]})
    assert find(index, "nothalt", synonyms=group).keys[0] == 1
    assert find(index, "betriebsanzeige", synonyms=group).keys[0] == 2


def test_a_phrase_counts_only_where_it_stands_whole(folder, article: Article, find: Find) -> None:
    index = Index.rebuild(
        folder,
        [
            article(1, "Grüner Knopf", "Weiter."),
            article(2, "Rote Lampe", "Halt."),
            article(3, "Notfall", "Roter Knopf."),
        ],
    )
    group = SynonymSet({"de": [["Nothalt", "roter Knopf"]]})
    assert find(index, "nothalt", synonyms=group).keys == (3,)


def test_a_parted_verb_takes_the_synonyms_of_the_whole(folder, article: Article, find: Find) -> None:
    index = Index.rebuild(folder, [article(1, "Zusammenbau", "Schritte."), article(2, "Anderes", "Nichts.")])
    group = SynonymSet({"de": [["aufstülpen", "Zusammenbau"]]})
    assert find(index, "ich stülpe das auf", synonyms=group).keys[0] == 1


def test_further_stop_words_weigh_little(folder, article: Article, find: Find) -> None:
    documents = [
        article(1, "Nordwind Nordwind", "Nordwind liefert."),
        article(2, "Rabatt", "Für treue Gäste."),
    ]
    index = Index.rebuild(folder, documents)
    assert find(index, "nordwind nordwind rabatt").keys[0] == 1
    stops = SynonymSet(stop_words={"de": ["Nordwind"]})
    assert find(index, "nordwind nordwind rabatt", synonyms=stops).keys[0] == 2
    assert find(index, "nordwind", synonyms=stops).keys == (1,)


def test_built_in_groups_work_both_ways() -> None:
    for lang, one, other in (
        ("de", "passwort", "kennwort"),
        ("de", "login", "anmeld"),
        ("en", "invoic", "bill"),
    ):
        table = built_in(lang).alternatives
        assert (other,) in table[(one,)]
        assert (one,) in table[(other,)]


def test_empty_members_do_no_harm(shelf: Index, find: Find) -> None:
    assert find(shelf, "passwort", synonyms=SynonymSet({"de": [["", "!?"], [], ["passwort", ""]]})).total
