"""Recipes: YAML files read into checked objects, with dotted overrides and one-line errors."""

from lusifer.config.recipes import build, dump, find, load, override, plain, read
from lusifer.config.schema import schema

__all__ = ["build", "dump", "find", "load", "override", "plain", "read", "schema"]
