"""YAML text, in which 1e-4 is a number, as in YAML 1.2; PyYAML follows YAML 1.1, where it is a
string."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml


class Loader(yaml.SafeLoader):
    """Plain data alone: no tag makes an object; a key stands once in a mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def parsed(text: str) -> Any:
    """The value of a YAML text. Raises yaml.YAMLError where it is not valid."""
    try:
        value = yaml.load(text, Loader)
    except (ValueError, OverflowError, RecursionError) as error:
        # What looks like a date or a number and is none: 2020-13-45, 0x_, a number of 5,000 digits.
        raise yaml.YAMLError(f"a value that is none ({_first(error)})") from None
    try:
        json.dumps(value, default=str)
    except (TypeError, RecursionError) as error:
        raise yaml.YAMLError(f"a key that is none ({_first(error)})") from None
    except ValueError:
        raise yaml.YAMLError("an anchor stands within itself") from None
    return value


def _first(error: Exception) -> str:
    """What an error says, in one line."""
    return next(iter(str(error).splitlines()), type(error).__name__)
