"""What the providers' own specifications say about a request or an answer, one checker for each provider."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl

import yaml
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from tests.channels.fake_server import Asked


class Broken(AssertionError):
    """The specification does not allow this."""


class Provider(Protocol):
    """Checks both directions of one call. Both raise Broken."""

    def check_request(self, asked: Asked) -> None: ...

    def check_answer(self, asked: Asked, status: int, body: object) -> None: ...


@dataclass(frozen=True)
class OpenApiProvider:
    """A provider with an OpenAPI description."""

    api: OpenAPI
    host: str

    def check_request(self, asked: Asked) -> None:
        try:
            self.api.validate_request(self._request(asked))
        except OpenAPIError as error:
            reason = str(error)
        else:
            return
        raise Broken(reason)

    def check_answer(self, asked: Asked, status: int, body: object) -> None:
        response = MockResponse(json.dumps(body).encode(), status_code=status, content_type="application/json")
        try:
            self.api.validate_response(self._request(asked), response)
        except OpenAPIError as error:
            reason = str(error)
        else:
            return
        raise Broken(reason)

    def _request(self, asked: Asked) -> MockRequest:
        content_type = asked.headers.get("content-type", "").partition(";")[0]
        return MockRequest(
            self.host,
            asked.method,
            asked.path,
            args=dict(parse_qsl(asked.target.partition("?")[2])),
            headers=dict(asked.headers),
            data=asked.body,
            content_type=content_type,
        )


@dataclass(frozen=True)
class TelegramProvider:
    """Telegram's description is a list of methods and types; this checks names, presence and types against it."""

    methods: Mapping[str, Any]
    types: Mapping[str, Any]

    def check_request(self, asked: Asked) -> None:
        method = self.methods.get(asked.path.rpartition("/")[2])
        if method is None:
            raise Broken(f"no method {asked.path.rpartition('/')[2]}")
        self._check_fields(method.get("fields", []), asked.fields(), method["name"], from_form=True)

    def check_answer(self, asked: Asked, status: int, body: object) -> None:
        if not isinstance(body, dict) or body.get("ok") is not (status == 200):
            raise Broken("ok does not match the status")
        if status == 200:
            returns = self.methods[asked.path.rpartition("/")[2]]["returns"]
            self._check_value(returns, body.get("result"), "result")
        elif not isinstance(body.get("error_code"), int) or not isinstance(body.get("description"), str):
            raise Broken("an error has a code and a description")

    def _check_fields(
        self, fields: list[Any], given: Mapping[str, object], where: str, *, from_form: bool = False
    ) -> None:
        known = {field["name"]: field for field in fields}
        missing = {name for name, field in known.items() if field["required"]} - given.keys()
        unknown = given.keys() - known.keys()
        if missing or unknown:
            raise Broken(f"{where}: missing {sorted(missing)}, unknown {sorted(unknown)}")
        for name, value in given.items():
            types = known[name]["types"]
            self._check_value(types, _decoded(types, value) if from_form else value, f"{where}.{name}")

    def _check_value(self, types: list[str], value: object, where: str) -> None:
        if not any(self._fits(name, value, where) for name in types):
            raise Broken(f"{where} is no {' or '.join(types)}")

    def _fits(self, name: str, value: object, where: str) -> bool:
        simple = {"Integer": int, "String": str, "Float": float, "Boolean": bool, "True": bool}
        if name in simple:
            return isinstance(value, simple[name]) and isinstance(value, bool) == (simple[name] is bool)
        if name.startswith("Array of "):
            if not isinstance(value, list):
                return False
            for item in value:
                self._check_value([name.removeprefix("Array of ")], item, where)
            return True
        if not isinstance(value, dict) or name not in self.types:
            return False
        kind = self.types[name]
        if kind.get("subtypes"):
            return any(self._fits(sub, value, where) for sub in kind["subtypes"])
        self._check_fields(kind.get("fields", []), value, where)
        return True


def _decoded(types: list[str], value: object) -> object:
    """A form's text as the type that it stands for: Telegram takes everything but strings as JSON."""
    if "String" in types and not str(value).lstrip("-").isdigit():
        return value
    try:
        return json.loads(str(value)) if types != ["String"] else value
    except ValueError:
        return value


@cache
def twilio() -> OpenApiProvider:
    spec = json.loads(_read("twilio_api_v2010.json"))
    return OpenApiProvider(OpenAPI.from_dict(spec, config=Config(spec_validator_cls=None)), "https://api.twilio.com")


@cache
def meta() -> OpenApiProvider:
    spec = _closed_as_a_whole(yaml.load(_read("meta_business_messaging_v23.yaml"), yaml.CSafeLoader))
    return OpenApiProvider(
        OpenAPI.from_dict(spec, config=Config(spec_validator_cls=None)), "https://graph.facebook.com"
    )


@cache
def telegram() -> TelegramProvider:
    spec = json.loads(_read("telegram_bot_api.json"))
    return TelegramProvider(spec["methods"], spec["types"])


def _read(name: str) -> str:
    return (Path(os.environ["AMANA_SPECS_DIR"]) / name).read_text(encoding="utf-8")


def _closed_as_a_whole(node: Any) -> Any:
    """Meta closes each half of an `allOf` by itself, so that nothing fits both; what is meant is to close the whole."""
    if isinstance(node, list):
        return [_closed_as_a_whole(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _closed_as_a_whole(value) for key, value in node.items()}
    halves = [half for half in node.get("allOf", ()) if isinstance(half, dict)]
    if any(half.get("additionalProperties") is False for half in halves):
        for half in halves:
            half.pop("additionalProperties", None)
        node["unevaluatedProperties"] = False
    return node
