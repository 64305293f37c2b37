"""Recipes: YAML files read into checked objects, with dotted overrides and one-line errors."""

from lusifer.config.aliases import upgraded
from lusifer.config.bounds import out_of_bounds
from lusifer.config.build import build
from lusifer.config.choice import Choice, refuse_nan
from lusifer.config.keys import shipped_schema, unknown_key
from lusifer.config.recipes import dump, find, load, override, plain, read, text_of
from lusifer.config.schema import schema

__all__ = [
    "Choice",
    "build",
    "dump",
    "find",
    "load",
    "out_of_bounds",
    "override",
    "plain",
    "read",
    "refuse_nan",
    "schema",
    "shipped_schema",
    "text_of",
    "unknown_key",
    "upgraded",
]
