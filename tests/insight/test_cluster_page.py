"""The page shows the largest clusters and says how many there are beside."""

from __future__ import annotations

from lusifer.insight.cluster_names import Cluster
from lusifer.insight.cluster_page import SHOWN, cluster_page


def test_many_clusters_and_any_text() -> None:
    clusters = [
        Cluster(i, 3, ["<b>", "ship"], {"en": 2, "ar": 1}, ["<i>x</i>"]) for i in range(SHOWN + 7)
    ]
    points = [(0.5, 0.5, 0, "ar", "<u>"), (0.1, 0.2, -1, "und", "alone")]
    page = cluster_page(clusters, points)
    assert page.count("<article") == SHOWN
    assert "7 smaller clusters" in page
    assert "&lt;b&gt;" in page
    assert not any(mark in page for mark in ("<b>", "<i>", "<u>", "<script", "http"))
    assert "Arabic" in page
    assert cluster_page([], []).startswith("<!doctype html>")
