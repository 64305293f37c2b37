"""A cluster is named by what it has and others have not, in any script, and never by common words."""

from __future__ import annotations

from lusifer.insight.cluster_names import ClusterNames


def named(groups: dict[str, list[list[str]]]) -> list[list[str]]:
    """Names of clusters of texts, by language."""
    names = ClusterNames(len(next(iter(groups.values()))))
    for language, clusters in groups.items():
        for number, texts in enumerate(clusters):
            names.add([number] * len(texts), texts, [language] * len(texts))
    return names.names()


def test_common_words_name_nothing() -> None:
    found = named(
        {
            "en": [
                [f"the ship is on the sea of {i} and the harbour" for i in range(12)],
                [f"the bread is in the oven of {i} and the flour" for i in range(12)],
            ]
        }
    )
    assert set(found[0]) & {"ship", "sea", "harbour"}
    assert set(found[1]) & {"bread", "oven", "flour"}
    assert found[0][0] not in ("the", "and", "is", "on")


def test_every_script_has_names() -> None:
    pairs = {
        "hi": ("जहाज समुद्र में है", "रोटी तंदूर में है"), "ar": ("السفينة في البحر", "الخبز في الفرن"), "ru": ("корабль в море", "хлеб в печи"),
        "zh": ("船在海洋上航行", "烤箱里的面包"), "am": ("መርከብ በባህር ላይ", "ዳቦ በምድጃ ውስጥ"),
    }  # fmt: skip
    for language, texts in pairs.items():
        found = named({language: [[texts[0]] * 6, [texts[1]] * 6]})
        assert found[0], language
        assert found[1], language
        assert not set(found[0]) & set(found[1])


def test_pairs_of_letters_name_only_where_nothing_else_does() -> None:
    thai = [["เรืออยู่ในทะเล"] * 6, ["ขนมปังอยู่ในเตา"] * 6]
    assert all(named({"th": thai}))
    both = named({"th": thai, "en": [["a ship sails"] * 6, ["fresh bread"] * 6]})
    assert all(word.isascii() for words in both for word in words)


def test_no_cluster_and_no_words() -> None:
    names = ClusterNames(2)
    names.add([-1, 0, 1], ["a ship", "12 345", "??"], ["en"] * 3)
    assert names.names() == [[], []]
