"""YAML text, in which 1e-4 is a number, as in YAML 1.2; PyYAML follows YAML 1.1, where it is a
string."""

from __future__ import annotations

import re
from typing import Any

import yaml


class Loader(yaml.SafeLoader):
    """Plain data alone: no tag makes an object."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def parsed(text: str) -> Any:
    """The value of a YAML text. Raises yaml.YAMLError where it is not valid."""
    return yaml.load(text, Loader)
