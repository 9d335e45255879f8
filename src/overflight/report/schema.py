"""The published schema of `result.json`, derived from `records.py`.

The shapes of sightings, marks and findings come from the fields and types of the records, their words from
the records' docstrings, so the two cannot drift apart. Sections are named here and open inside: a part may
add to its own (a minor version); renaming one is a major version.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from typing import Any

from overflight import records
from overflight.records import Finding, Mark, Sighting

VERSION = "1.1"
SECTIONS = ("case", "winds", "reconstruction", "crossings", "exposure", "claims", "unknown")
_NUMBERS = {float: "number", int: "integer", str: "string", bool: "boolean"}


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of `result.json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Overflight result",
        "description": "Times are POSIX seconds UTC, angles degrees, altitudes metres.",
        "type": "object",
        "required": ["schema_version", "run", "inputs", "sightings", "findings", "sections"],
        "additionalProperties": False,
        "properties": {
            "schema_version": {"type": "string", "pattern": rf"^{VERSION.split('.')[0]}\.\d+$"},
            "run": {
                "type": "object",
                "description": "What may differ between two runs: versions, times, duration.",
            },
            "inputs": {"type": "object", "description": "Hashes of the files that went in, by name."},
            "sightings": {"type": "array", "items": {"$ref": "#/$defs/Sighting"}},
            "findings": {"type": "array", "items": {"$ref": "#/$defs/Finding"}},
            "sections": _sections(),
        },
        "$defs": {
            "Mark": _record(Mark),
            "Sighting": _record(Sighting),
            "Finding": {**_record(Finding), "allOf": _values()},
        },
    }


def schema_json() -> bytes:
    """Return the schema as the bytes of `docs/result.schema.json`."""
    return (json.dumps(schema(), indent=1, ensure_ascii=False) + "\n").encode()


def _sections() -> dict[str, Any]:
    properties = {name: {"type": "array" if name == "unknown" else "object"} for name in SECTIONS}
    properties["summary"] = {"type": "array"}  # sentences for the first paragraph, where a part has some
    return {"type": "object", "required": list(SECTIONS), "properties": properties}


def _record(record: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(record)
    fields = dataclasses.fields(record)
    return {
        "type": "object",
        "description": " ".join((record.__doc__ or "").split()),
        "required": [field.name for field in fields],
        "additionalProperties": False,
        "properties": {field.name: _type(hints[field.name]) for field in fields},
    }


def _type(hint: Any) -> dict[str, Any]:
    """Return the schema of a type as the records use them."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _NUMBERS:
        return {"type": _NUMBERS[hint]}
    if hint is type(None):
        return {"type": "null"}
    if dataclasses.is_dataclass(hint):
        return {"$ref": f"#/$defs/{getattr(hint, '__name__', '')}"}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [_type(argument) for argument in arguments]}
    if origin is tuple:
        return _tuple(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _type(arguments[1])}
    raise TypeError(f"no schema for {hint!r}")


def _tuple(arguments: tuple[Any, ...]) -> dict[str, Any]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return {"type": "array", "items": _type(arguments[0])}
    return {
        "type": "array",
        "prefixItems": [_type(a) for a in arguments],
        "minItems": len(arguments),
        "items": False,
    }


def _values() -> list[dict[str, Any]]:
    """What `value` holds for each kind of finding."""
    shapes = {kind: [_value(keys) for keys in choices] for kind, choices in records._VALUE_KEYS.items()}
    rules = [_rule(kind, {"anyOf": choices}) for kind, choices in shapes.items()]
    return [*rules, _rule("undetermined", {"type": "null"})]


def _value(keys: frozenset[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": sorted(keys),
        "additionalProperties": False,
        "properties": {key: {"type": "string" if key == "category" else "number"} for key in sorted(keys)},
    }


def _rule(kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"if": {"properties": {"kind": {"const": kind}}}, "then": {"properties": {"value": value}}}
