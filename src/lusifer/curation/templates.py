"""Templates: what an LLM is asked to write about a text, and how its answer becomes a pair. One
YAML file each, made to be read.

`user` and `system` hold fields in braces: the input's columns (`{text}`), `{language}`,
`{exemplars}` and the template's `controls`, of which each request draws one value. The answer is a
JSON object with the keys of `answer`; `row` says which of them, or of the input's columns, is the
query, the document, the negative.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Literal

import numpy as np

from lusifer import config
from lusifer.data import Row
from lusifer.errors import ConfigError

Task = Literal[
    "retrieval", "question answering", "similarity", "reranking", "clustering", "classification"
]
TEMPLATES = Path(__file__).parent / "library"
GIVEN = ("language", "exemplars")


@dataclass(frozen=True)
class Template:
    """`needs` are the input's columns, `answer` the keys of the answer; `within` those that must
    stand word for word in the text.

    `written` are the keys that are to be in the language asked for; `answer_tokens` is about how
    long an answer is, for the estimate.
    """

    name: str
    task: Task
    about: str
    user: str
    answer: tuple[str, ...]
    row: dict[str, str]
    system: str = "You write training data for a multilingual search engine. Answer with one JSON object and nothing else."
    needs: tuple[str, ...] = ("text",)
    controls: dict[str, tuple[str, ...]] = field(default_factory=dict)
    within: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    answer_tokens: int = 80
    max_chars: int = 4000

    def __post_init__(self) -> None:
        fields = {
            name
            for text in (self.system, self.user)
            for _, name, _, _ in Formatter().parse(text)
            if name is not None
        }
        unknown = sorted(fields - {*self.needs, *GIVEN, *self.controls})
        if unknown:
            raise ValueError(
                f"the prompt has a field {unknown[0]!r}; the fields are {', '.join((*self.needs, *GIVEN, *self.controls))}"
            )
        for name, source in self.row.items():
            if not re.fullmatch(r"query|document|negative(_\d+)?", name):
                raise ValueError(
                    f"row has a column {name!r}; the columns are query, document, negative, negative_2, …"
                )
            if source not in (*self.answer, *self.needs):
                raise ValueError(
                    f"row.{name} is {source!r}; it must be one of {', '.join((*self.answer, *self.needs))}"
                )
        if not {"query", "document"} <= set(self.row):
            raise ValueError("row must hold query and document")
        for names, what in ((self.within, "within"), (self.written, "written")):
            if set(names) - set(self.answer):
                raise ValueError(
                    f"{what} names {sorted(set(names) - set(self.answer))[0]!r}, which is no key of the answer"
                )

    def messages(
        self, row: Row, language: str, exemplars: str, controls: Mapping[str, str]
    ) -> list[dict[str, str]]:
        """The prompt for one input."""
        values = {name: row.values[name][: self.max_chars] for name in self.needs}
        fields = {**values, **controls, "language": language, "exemplars": exemplars}
        return [
            {"role": role, "content": text.format(**fields).strip()}
            for role, text in (("system", self.system), ("user", self.user))
        ]

    def draw(self, rng: np.random.Generator) -> dict[str, str]:
        """A value of each control."""
        return {
            name: str(values[int(rng.integers(len(values)))])
            for name, values in self.controls.items()
        }


def template_names() -> list[str]:
    """The templates that ship."""
    return sorted(file.stem for file in TEMPLATES.glob("*.yaml"))


def load_template(name: str, controls: Mapping[str, Sequence[str]] | None = None) -> Template:
    """A template that ships, by its name, or one of the user's, by its file; `controls` puts other
    values in a control's place.
    """
    file = Path(name) if name.endswith((".yaml", ".yml")) else TEMPLATES / f"{name}.yaml"
    if not file.exists() and file.parent == TEMPLATES:
        raise ConfigError(
            f"no template is called {name!r}; the templates are {', '.join(template_names())}, or a .yaml file of your own"
        )
    data = config.read(file)
    have = data.get("controls", {})
    for key, values in (controls or {}).items():
        if key not in have:
            raise ConfigError(
                f"{name} has no control {key!r}; its controls are {', '.join(have) or 'none'}"
            )
        have[key] = list(values)
    return config.build(Template, data, str(file))


def shown(exemplars: Sequence[Row]) -> str:
    """Exemplars as the prompt shows them: the document, then the query that a person wrote for it."""
    if not exemplars:
        return ""
    blocks = [
        f"Text: {row.values['document'][:600]}\nQuery: {row.values['query']}" for row in exemplars
    ]
    return "Examples of queries that people wrote:\n\n" + "\n\n".join(blocks) + "\n"
