"""The SDK's resource classes as judges of what the sandbox answers."""

import types
import typing
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

import stripe


def _is_class_variable(annotation: object) -> bool:
    return get_origin(annotation) is ClassVar


def _members(annotation: object) -> tuple[object, ...]:
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(member for part in get_args(annotation) for member in _members(part))
    return (annotation,)


def faults(judge: type[stripe.StripeObject], value: dict[str, Any], where: str) -> list[str]:
    """Return what is wrong: keys the class does not know, missing ones, values of another type."""
    known = {name: kind for name, kind in judge.__annotations__.items() if not _is_class_variable(kind)}
    unknown = [f"{where}.{name}: unknown" for name in value.keys() - known.keys()]
    missing = [
        f"{where}.{name}: missing"
        for name in known.keys() - value.keys()
        if types.NoneType not in _members(known[name])
    ]
    wrong = [
        fault
        for name in known.keys() & value.keys()
        for fault in _value_faults(known[name], value[name], f"{where}.{name}")
    ]
    return sorted(unknown + missing + wrong)


def _value_faults(annotation: object, value: Any, where: str) -> list[str]:  # noqa: ANN401  (JSON)
    members = _members(annotation)
    literals = [option for member in members if get_origin(member) is Literal for option in get_args(member)]
    if literals and isinstance(value, str):
        return [] if value in literals else [f"{where}: {value!r} is none of {literals}"]
    reasons = [_one(member, value, where) for member in members if get_origin(member) is not Literal]
    return min(reasons, key=len, default=[])  # the member that fits best


def _one(member: object, value: Any, where: str) -> list[str]:  # noqa: ANN401  (JSON)
    if isinstance(member, type) and issubclass(member, stripe.StripeObject) and isinstance(value, dict):
        return faults(member, value, where) if member.__annotations__ else []
    if get_origin(member) is list and isinstance(value, list):
        return [fault for item in value for fault in _value_faults(get_args(member)[0], item, where)]
    if isinstance(member, (str, typing.ForwardRef)) and isinstance(value, dict):
        name = member.__forward_arg__ if isinstance(member, typing.ForwardRef) else member
        return (
            faults(getattr(stripe, name), value, where) if value.get("object") == _object(name) else [where]
        )
    if isinstance(get_origin(member), type) and isinstance(value, dict):
        return []  # UntypedStripeObject[str], ListObject[…]: any keys
    if isinstance(member, type) and isinstance(value, member) and not isinstance(value, dict):
        return [] if not (member is int and isinstance(value, bool)) else [f"{where}: {value!r} is no int"]
    return [f"{where}: {value!r} is no {member}"]


def _object(name: str) -> str:
    return str(getattr(getattr(stripe, name), "OBJECT_NAME", ""))
