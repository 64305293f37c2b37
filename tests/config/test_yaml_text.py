"""YAML as people write it, and as nobody should."""

from __future__ import annotations

import pytest
import yaml

from lusifer.config.yaml_text import parsed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1e-4", {"a": 1e-4}),
        ("a: 1.0e+3", {"a": 1000.0}),
        ("a: [1, x]", {"a": [1, "x"]}),
        ("a: {b: 1}\nc: {b: 2}", {"a": {"b": 1}, "c": {"b": 2}}),
        ("x: &x {b: 1}\ny:\n  <<: *x\n  c: 2", {"x": {"b": 1}, "y": {"b": 1, "c": 2}}),
        ("x: &x {b: 1}\ny:\n  <<: *x\n  b: 2", {"x": {"b": 1}, "y": {"b": 2}}),
    ],
)
def test_a_value_is_what_it_looks_like(text: str, value: object) -> None:
    assert parsed(text) == value


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3", "x: {a: 1, a: 1}", "- {b: 1, c: 2, b: 3}"])
def test_a_key_that_stands_twice_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match=r"the key '[ab]' stands twice"):
        parsed(text)


@pytest.mark.parametrize("text", ["a: &a {b: *a}", "a: &a [*a]", "a: &a [1, {b: *a}]"])
def test_an_anchor_within_itself_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="an anchor stands within itself"):
        parsed(text)
