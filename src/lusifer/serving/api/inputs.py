"""What requests of several APIs hold: texts in their many forms, documents, and numbers in range."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import Response
from pydantic import BaseModel, PlainValidator, WithJsonSchema, model_validator

Tokens = list[int]
STRING = {"type": "string"}
IDS = {"type": "array", "items": {"type": "integer", "minimum": 0}}
INPUTS = {
    "anyOf": [
        STRING,
        {"type": "array", "items": STRING},
        IDS,
        {"type": "array", "items": IDS},
    ]
}
DOCUMENTS = {
    "type": "array",
    "items": {"anyOf": [STRING, {"type": "object", "properties": {"text": STRING}}]},
}


class Body(BaseModel):
    """A request's body. `null` for a key that may be left out is as if it were left out: many clients
    send all the keys that they know.
    """

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        fields = cls.model_fields
        return {
            key: value
            for key, value in given.items()
            if value is not None or key not in fields or fields[key].is_required()
        }


def _inputs(value: Any) -> list[str] | list[Tokens]:
    """One text, texts, one list of token ids, or several: always a list of texts or of lists."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise ValueError("must be a text, a list of texts, or lists of token ids")
    if value and all(_is_id(item) for item in value):
        return [value]
    for number, item in enumerate(value):
        if type(item) is not type(value[0]) or not isinstance(item, str | list):
            raise ValueError(f"item {number} is {_said(item)}; all must be texts, or token ids")
        if isinstance(item, list) and not (item and all(_is_id(i) for i in item)):
            raise ValueError(f"item {number} must be a list of token ids, numbers from 0 on")
    return value


def _documents(value: Any) -> list[str]:
    """Texts, plain or as `{"text": …}`."""
    if not isinstance(value, list):
        raise ValueError("must be a list of texts")
    found: list[str] = []
    for number, item in enumerate(value):
        text = item.get("text") if isinstance(item, dict) else item
        if not isinstance(text, str):
            raise ValueError(f'item {number} must be a text, or {{"text": a text}}')
        found.append(text)
    return found


def _is_id(item: Any) -> bool:
    return type(item) is int and 0 <= item < 1 << 31


def _said(item: Any) -> str:
    """What a value is, in JSON's words."""
    kinds = {bool: "true or false", int: "a number", float: "a number", dict: "an object"}
    return "null" if item is None else kinds.get(type(item), "a list")


Inputs = Annotated[list[str] | list[Tokens], PlainValidator(_inputs), WithJsonSchema(INPUTS)]
Documents = Annotated[list[str], PlainValidator(_documents), WithJsonSchema(DOCUMENTS)]


def answer(content: Any) -> Response:
    """Content as JSON; numpy's numbers too, float32 as its shortest digits that read back as it."""
    return Response(
        orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS),
        media_type="application/json",
    )
