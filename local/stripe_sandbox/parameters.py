"""Form-encoded parameters, read as strictly as Stripe reads them.

``shipping[address][city]=Oslo&expand[0]=latest_charge`` is decoded into nested dicts of strings, then read
by a declaration made of the kinds below. Every kind raises Stripe's error for what it cannot accept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias
from urllib.parse import parse_qsl

from local.stripe_sandbox import errors
from local.stripe_sandbox.currencies import check_currency

Raw: TypeAlias = "str | dict[str, Raw]"

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+\.[^@\s]+")
_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
_METADATA_KEYS, _METADATA_KEY, _METADATA_VALUE = 50, 40, 500


def decode(encoded: str) -> dict[str, Raw]:
    root: dict[str, Raw] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        _place(root, _path(name), value)
    return root


def _path(name: str) -> list[str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise errors.unknown_parameters([name])
    return [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]


def _place(node: dict[str, Raw], path: list[str], value: str) -> None:
    key, *rest = path
    key = key or str(len(node))  # a[]=x&a[]=y
    if not rest:
        node[key] = value
        return
    child = node.setdefault(key, {})
    if isinstance(child, str):
        raise errors.invalid_parameter(key, "Invalid object")
    _place(child, rest, value)


class Kind(Protocol):
    def read(self, raw: Raw, name: str) -> Any:  # noqa: ANN401  (each kind has its own)
        """Return the value; `name` is the parameter as an error should call it."""


def _text(raw: Raw, name: str) -> str:
    if isinstance(raw, dict):
        raise errors.invalid_parameter(name, "Invalid string: value must be a string")
    return raw


@dataclass(frozen=True, kw_only=True)
class Text:
    """None stands for an empty string, which unsets the field, where Stripe lets it."""

    unsettable: bool = False
    longest: int = 5000

    def read(self, raw: Raw, name: str) -> str | None:
        text = _text(raw, name)
        if not text and self.unsettable:
            return None
        if not text:
            raise errors.empty_parameter(name)
        if len(text) > self.longest:
            message = f"Invalid string: value must be at most {self.longest} characters"
            raise errors.invalid_parameter(name, message, code="parameter_invalid_string_too_long")
        return text


@dataclass(frozen=True, kw_only=True)
class Email:
    def read(self, raw: Raw, name: str) -> str | None:
        text = _text(raw, name)
        if not text:
            return None
        if not _EMAIL.fullmatch(text):
            raise errors.invalid_parameter(name, f"Invalid email address: {text}", code="email_invalid")
        return text


@dataclass(frozen=True, kw_only=True)
class Integer:
    least: int | None = None
    most: int | None = None

    def read(self, raw: Raw, name: str) -> int:
        text = _text(raw, name)
        if not text:
            raise errors.empty_parameter(name)
        if not _INTEGER.fullmatch(text):
            raise self._invalid(name, f"Invalid integer: {text}")
        number = int(text)
        if self.least is not None and number < self.least:
            raise self._invalid(name, f"This value must be greater than or equal to {self.least}.")
        if self.most is not None and number > self.most:
            raise self._invalid(name, f"This value must be less than or equal to {self.most}.")
        return number

    def _invalid(self, name: str, message: str) -> errors.StripeError:
        return errors.invalid_parameter(name, message, code="parameter_invalid_integer")


@dataclass(frozen=True, kw_only=True)
class Currency:
    def read(self, raw: Raw, name: str) -> str:
        text = _text(raw, name)
        if not text:
            raise errors.empty_parameter(name)
        return check_currency(text, name)


@dataclass(frozen=True, kw_only=True)
class Boolean:
    def read(self, raw: Raw, name: str) -> bool:
        text = _text(raw, name)
        if text not in {"true", "false"}:
            raise errors.invalid_parameter(name, f"Invalid boolean: {text}")
        return text == "true"


@dataclass(frozen=True)
class Choice:
    options: tuple[str, ...]

    def read(self, raw: Raw, name: str) -> str:
        text = _text(raw, name)
        if text not in self.options:
            *others, last = self.options
            listed = ", ".join(others) + (" or " if others else "") + last
            raise errors.invalid_parameter(name, f"Invalid {name}: must be one of {listed}")
        return text


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """An empty value removes its key; an empty string in place of it all (read as None) removes every one."""

    def read(self, raw: Raw, name: str) -> dict[str, str] | None:
        if raw == "":
            return None
        if isinstance(raw, str):
            raise errors.invalid_parameter(name, "Invalid hash")
        if len(raw) > _METADATA_KEYS:
            raise errors.invalid_parameter(name, f"You can have up to {_METADATA_KEYS} metadata keys.")
        return {key: self._value(key, value, name) for key, value in raw.items()}

    def _value(self, key: str, raw: Raw, name: str) -> str:
        value = _text(raw, f"{name}[{key}]")
        if len(key) > _METADATA_KEY:
            message = f"Metadata keys can have up to {_METADATA_KEY} characters: {key}"
            raise errors.invalid_parameter(name, message)
        if len(value) > _METADATA_VALUE:
            message = (
                f"Metadata values can have up to {_METADATA_VALUE} characters, "
                f"but you passed in a value that is {len(value)} characters. Invalid value: {value}"
            )
            raise errors.invalid_parameter(f"{name}[{key}]", message)
        return value


@dataclass(frozen=True)
class ListOf:
    kind: Kind
    most: int = 100

    def read(self, raw: Raw, name: str) -> list[Any]:
        if isinstance(raw, str) or not all(key.isdecimal() for key in raw):
            raise errors.invalid_parameter(name, "Invalid array")
        if len(raw) > self.most:
            raise errors.invalid_parameter(name, f"Invalid array: at most {self.most} values are allowed")
        return [self.kind.read(raw[key], f"{name}[{key}]") for key in sorted(raw, key=int)]


@dataclass(frozen=True)
class Hash:
    """Named parameters; a name it does not know is an error, as is a required one that is missing."""

    fields: Mapping[str, Kind]
    required: tuple[str, ...] = ()

    def read(self, raw: Raw, name: str = "") -> dict[str, Any]:
        if isinstance(raw, str):
            raise errors.invalid_parameter(name, "Invalid object")
        unknown = [_child(name, key) for key in raw if key not in self.fields]
        if unknown:
            raise errors.unknown_parameters(unknown)
        for key in self.required:
            if key not in raw:
                raise errors.missing_parameter(_child(name, key))
        return {key: self.fields[key].read(value, _child(name, key)) for key, value in raw.items()}

    def also(self, fields: Mapping[str, Kind], *, required: tuple[str, ...] = ()) -> "Hash":
        return Hash({**self.fields, **fields}, (*self.required, *required))


@dataclass(frozen=True)
class OrEmpty:
    """A hash that an empty string unsets (read as None)."""

    kind: Hash

    def read(self, raw: Raw, name: str) -> dict[str, Any] | None:
        return None if raw == "" else self.kind.read(raw, name)


@dataclass(frozen=True)
class WhenCreated:
    """A time, or bounds of it: ``created=…`` or ``created[gte]=…``; read as bounds."""

    def read(self, raw: Raw, name: str) -> dict[str, int]:
        if isinstance(raw, str):
            moment = Integer().read(raw, name)
            return {"gte": moment, "lte": moment}
        return Hash(dict.fromkeys(("gt", "gte", "lt", "lte"), Integer())).read(raw, name)


def _child(name: str, key: str) -> str:
    return f"{name}[{key}]" if name else key
