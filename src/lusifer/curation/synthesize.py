"""Pairs written by an LLM: a template filled for each text, asked, read, checked; what is malformed
is counted and dropped.

Method: see the templates. Every random choice (a control's value, a text's language) comes from the
seed and the text's number. Cost: a request a text; estimated before it starts. Filter the pairs
afterwards (`lusifer curate filter`): an LLM is wrong now and then. Not on evaluation texts.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lusifer.curation.chat import Answer, Endpoint, Journal, ask
from lusifer.curation.pairs import write_row
from lusifer.curation.report import CurationReport
from lusifer.curation.templates import Template
from lusifer.data import Row
from lusifer.encoding import Tell
from lusifer.errors import LusiferError
from lusifer.io import locked, made_folder, replacing_file
from lusifer.text import english_name, foreign, in_script, iso_code

THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>|^.*?</think(?:ing)?>", re.S)
LONGEST = 4000  # characters of a part of an answer


@dataclass(frozen=True)
class Order:
    """One request: the input, the language asked for, the controls drawn."""

    row: Row
    language: str
    controls: Mapping[str, str]
    messages: list[dict[str, str]]


@dataclass(frozen=True)
class Estimate:
    """What a run would cost: requests, tokens (a fourth of the bytes: a guess, high for some
    scripts) and, with prices, US dollars.
    """

    requests: int
    prompt_tokens: int
    answer_tokens: int
    dollars: float | None

    def __str__(self) -> str:
        cost = "" if self.dollars is None else f", about ${self.dollars:,.2f}"
        return f"{self.requests:,} requests, about {self.prompt_tokens:,} tokens in and {self.answer_tokens:,} out{cost}"


def orders(
    rows: Iterable[Row],
    template: Template,
    languages: Sequence[str],
    exemplars: str,
    seed: int,
    report: CurationReport | None = None,
) -> Iterator[Order]:
    """A request for each row; in `languages` in turn, or in the row's own. Rows without text are
    counted and left out.
    """
    for number, row in enumerate(rows):
        missing = [name for name in template.needs if name not in row.values]
        if missing:
            have = ", ".join(row.values)
            raise LusiferError(
                f"{row.path}: the template {template.name} needs a column {missing[0]!r}; the columns are {have}"
            )
        if report:
            report.read += 1
        if not all(row.values[name].strip() for name in template.needs):
            if report:
                report.drop("an empty text")
            continue
        language = (
            languages[number % len(languages)] if languages else row.values.get("language", "")
        )
        if not language:
            raise LusiferError(
                f"{row.path}: no column 'language'; say which to write in with --languages"
            )
        controls = template.draw(np.random.default_rng([seed, 31, number]))
        yield Order(
            row,
            language,
            controls,
            template.messages(row, english_name(language), exemplars, controls),
        )


def estimate(
    wanted: Iterable[Order],
    template: Template,
    price_in: float | None = None,
    price_out: float | None = None,
) -> Estimate:
    """What it would cost to ask all; prices in US dollars a million tokens."""
    requests = letters = 0
    for order in wanted:
        requests += 1
        letters += sum(len(m["content"].encode("utf-8", "surrogatepass")) for m in order.messages)
    tokens, answers = letters // 4, requests * template.answer_tokens
    priced = price_in is not None or price_out is not None
    return Estimate(
        requests,
        tokens,
        answers,
        ((price_in or 0) * tokens + (price_out or 0) * answers) / 1e6 if priced else None,
    )


def write(
    wanted: Iterable[Order],
    template: Template,
    endpoint: Endpoint,
    into: Path,
    report: CurationReport,
    tell: Tell,
    total: int,
) -> None:
    """Ask for every order and write what comes of it: `query`, `document`, negatives, `language`,
    `template`.

    Answers are kept beside `into` until it is whole: a run that was stopped goes on without paying
    for them again.
    """
    aside = into.with_name(f".{into.name}.answers")
    tokens = {"in": 0, "out": 0, "asked now": 0}
    asked: deque[Order] = deque()

    def messages() -> Iterator[list[dict[str, str]]]:
        for order in wanted:
            asked.append(order)
            yield order.messages

    with (
        made_folder(aside),
        locked(aside, f"{into}: another run is writing it"),
        closing(Journal(aside / "answers.jsonl")) as journal,
        replacing_file(into) as stream,
        closing(ask(messages(), endpoint, journal)) as answers,
    ):
        for done, answer in enumerate(answers, 1):
            order = asked.popleft()
            for name, count in (
                ("in", answer.prompt_tokens),
                ("out", answer.answer_tokens),
                ("asked now", not answer.kept),
            ):
                tokens[name] += int(count)
            pair, fault = read(answer, order, template)
            if pair is None:
                report.drop(fault)
            else:
                write_row(stream, pair)
                report.written += 1
            tell(done, total)
        report.more["tokens"] = tokens
        if not report.written:
            why = (
                "; ".join(f"{count:,} {reason}" for reason, count in report.dropped.most_common())
                or "no texts"
            )
            raise LusiferError(
                f"not one answer could be used ({why}); the answers are kept in {aside}"
            )
    shutil.rmtree(aside, ignore_errors=True)


def read(answer: Answer, order: Order, template: Template) -> tuple[dict[str, Any] | None, str]:
    """The pair in an answer, or None and what is wrong with it."""
    if answer.text is None:
        return None, answer.fault.partition(" (")[0]
    value = last_object(answer.text, tuple(template.answer))
    if value is None:
        return None, "not the JSON that was asked for"
    parts = {key: value.get(key) for key in template.answer}
    if not all(isinstance(part, str) and part.strip() for part in parts.values()):
        return None, "a part of the answer is missing"
    texts = {key: " ".join(str(part).split()) for key, part in parts.items()}
    fault = next((f for test in CHECKS if (f := test(texts, order, template))), "")
    if fault:
        return None, fault
    sources = order.row.values | texts
    pair = {column: sources[name] for column, name in template.row.items()}
    if len({" ".join(text.split()).casefold() for text in pair.values()}) < len(pair):
        return None, "two parts of the pair are the same"
    return {**pair, "language": order.language, "template": template.name}, ""


def last_object(text: str, keys: Sequence[str]) -> dict[str, Any] | None:
    """The last JSON object of an LLM's answer that has one of the keys, or the last of all; what it
    thought before is not looked at.
    """
    text = THOUGHT.sub("", text)
    decoder = json.JSONDecoder()
    objects: list[dict[str, Any]] = []
    start = text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            objects.append(value)
        start = text.find("{", end)
    return next((o for o in reversed(objects) if any(key in o for key in keys)), None) or (
        objects[-1] if objects else None
    )


Check = Callable[[Mapping[str, str], Order, Template], str]


def _long(texts: Mapping[str, str], order: Order, template: Template) -> str:
    return "a part of the answer is too long" if max(map(len, texts.values())) > LONGEST else ""


def _copied(texts: Mapping[str, str], order: Order, template: Template) -> str:
    given = " ".join(" ".join(order.row.values[name].split()) for name in template.needs).casefold()
    own = [text for key, text in texts.items() if key in template.written and len(text) >= 40]
    return "copied from the text" if any(text.casefold() in given for text in own) else ""


def _not_within(texts: Mapping[str, str], order: Order, template: Template) -> str:
    given = " ".join(" ".join(order.row.values[name].split()) for name in template.needs)
    return (
        ""
        if all(texts[key] in given for key in template.within)
        else "not word for word from the text"
    )


def _other_language(texts: Mapping[str, str], order: Order, template: Template) -> str:
    code, _, script = order.language.partition("_")
    for key in template.written:
        if not in_script(texts[key], script):
            return "not in the script asked for"
        try:
            if foreign(texts[key], iso_code(code)):
                return "not in the language asked for"
        except LusiferError:  # one of those that cannot be told apart
            continue
    return ""


CHECKS: tuple[Check, ...] = (_long, _not_within, _copied, _other_language)
