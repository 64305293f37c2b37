"""What the README and the docs tell a user to type is true: every command parses, every recipe and
name exists.
"""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

import lusifer
from lusifer import config
from lusifer.cli.app import app
from lusifer.training.run import load_recipe, stage_names

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.S | re.M)


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (page.name, text)
        for page in PAGES
        for kind, text in BLOCK.findall(page.read_text(encoding="utf-8"))
        if kind == language
    ]


def commands() -> list[tuple[str, str]]:
    found = []
    for page, text in blocks("sh"):
        for line in text.replace("\\\n", " ").splitlines():
            command = line.split("  #")[0].strip()
            if command and not command.startswith("#"):
                found.append((page, command))
    return found


@pytest.mark.parametrize(("page", "command"), commands())
def test_commands_parse(page: str, command: str) -> None:
    words = shlex.split(command)
    while words and "=" in words[0]:
        words = words[1:]
    if words[0] == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
        assert words[1] in targets
        return
    if "-m" in words and "lusifer" in words and words[0] in ("accelerate", "torchrun", "python"):
        words = words[words.index("lusifer") :]
    if words[0] != "lusifer":
        assert words[0] in ("git", "cd", "pip", "printf", "python", "python3"), (
            f"{page}: what is {words[0]}?"
        )
        return
    group = typer.main.get_command(app)
    context = group.make_context("lusifer", words[1:], resilient_parsing=False)
    leaf, rest = group, words[1:]
    while hasattr(leaf, "commands"):
        if hasattr(leaf, "default") and rest[0] not in leaf.commands:
            rest = [leaf.default, *rest]
        leaf, rest = leaf.commands[rest[0]], rest[1:]
    context = leaf.make_context(words[1], list(rest), parent=context)
    recipe = context.params.get("recipe") or (
        context.params.get("name") if words[1] == "recipes" else None
    )
    if recipe and not str(recipe).endswith(".yaml"):
        load_recipe(recipe, context.params.get("overrides") or [])


@pytest.mark.parametrize(("page", "code"), blocks("python"))
def test_python_parses_and_names_exist(page: str, code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "lusifer"
        ):
            assert hasattr(lusifer, node.attr), f"{page}: lusifer.{node.attr}"


@pytest.mark.parametrize(("page", "text"), blocks("yaml"))
def test_yaml_parses(page: str, text: str) -> None:
    assert isinstance(yaml.safe_load(text), dict)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "src/lusifer/recipes").glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_shipped_recipe_is_sound_and_survives_a_round_trip(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.stage in stage_names()
    assert config.find(path.stem) == path
    assert config.build(type(recipe), yaml.safe_load(config.dump(recipe)), "again") == recipe
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# "), "a recipe opens by saying what it is"


def test_recipes_that_teach_from_english_check_that_it_is() -> None:
    """Fault 9: "English only" was broken by Chinese sets in the shipped lists."""
    checked = 0
    for path in (ROOT / "src/lusifer/recipes").glob("*.yaml"):
        recipe = load_recipe(path)
        # A retriever without a bridge is taught in whatever languages its pairs are of.
        retriever = recipe.stage == "rerank" or (
            recipe.stage == "contrastive" and recipe.bridge is None
        )
        if hasattr(recipe.data, "english_only") and not retriever:
            assert recipe.data.english_only, path.name
            checked += 1
    assert checked >= 6


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
