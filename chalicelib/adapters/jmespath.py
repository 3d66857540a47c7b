"""JMESPath by the library that comes with botocore, and so with Lambda's own runtime: nothing is shipped.

The library finds out only as it goes what an expression calls, and puts no bound on what it makes. So
calls are looked at when an expression is saved, and what an expression may do to an event is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import jmespath
from jmespath import exceptions
from jmespath.functions import TYPES_MAP, Functions
from jmespath.lexer import Lexer
from jmespath.visitor import TreeInterpreter

from chalicelib.domain.shaping import point_at
from chalicelib.ports import ExpressionFailed

Node = dict[str, Any]

MOST_STEPS = 50_000
"""Parts followed and values made in one search. An expression that picks from an event takes some hundred.
This many take some tenths of a second of a small function, in which nobody else's events go out.
"""

MOST_TEXT = 1_000_000
"""Characters in the values made. The largest event has some 400,000."""

_MAKING = frozenset({"multi_select_list", "multi_select_dict", "function_expression"})
"""What can put one value into another twice. All else only picks values, or drops them."""

_TOO_MUCH = "it makes too much of this event"

_GOING_ON = frozenset({"subexpression", "value_projection", "filter_projection", "flatten"})

_PYTHONS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What Python raises where the library lets it."""

_SIGNS = {
    "unquoted_identifier": "a name", "quoted_identifier": "a name", "lbracket": "[", "rbracket": "]",
    "lbrace": "{", "rbrace": "}", "rparen": ")", "comma": ",", "colon": ":", "star": "*",
}  # fmt: skip
_KINDS = {
    "string": "text", "number": "a number", "boolean": "true or false", "null": "null", "array": "an array",
    "object": "an object", "expref": "an expression (&…)", "array-number": "an array of numbers",
    "array-string": "an array of text",
}  # fmt: skip


class JmesPath:
    """Keeps chalicelib.ports.Expressions. The library itself remembers what it has compiled of late."""

    def check(self, expression: str) -> None:
        try:
            tree = jmespath.compile(expression).parsed
            tokens = list(Lexer().tokenize(expression))
        except exceptions.ParseError as error:
            raise point_at(expression, error.lex_position, _misread(error)) from None
        except _PYTHONS:
            raise point_at(expression, 0, "This is empty, too large or nested too deeply") from None
        nodes = list(_in_order_of_the_text(tree))
        for position, problem in (*_miscalls(tokens, nodes), *_hasty_nots(tokens, nodes)):
            raise point_at(expression, position, problem)

    def search(self, expression: str, document: object) -> object:
        try:
            found = _Counting().visit(jmespath.compile(expression).parsed, document)
        except exceptions.ArityError as error:
            problem = _miscalled(error.function_name, error.actual_arity)
            raise ExpressionFailed(problem, function=error.function_name) from None
        except exceptions.JMESPathTypeError as error:
            raise ExpressionFailed(_mistaken(error), function=error.function_name) from None
        except _PYTHONS as error:
            raise ExpressionFailed(_in_words(error)) from None
        _require_plain(found)
        return found


class _Counting(TreeInterpreter):  # type: ignore[misc]  # (the library has no types)
    """Follows an expression until that is more work than any honest one makes.

    Without the bound, `[@,@][]|[@,@][]|…` doubles an event with every eight characters.
    """

    def __init__(self) -> None:
        super().__init__()
        self._steps = MOST_STEPS
        self._text = MOST_TEXT

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (the library has no types)
        self._step()
        found = super().visit(node, *args, **kwargs)
        if node["type"] in _MAKING:
            self._weigh(found)
        return found

    def _weigh(self, made: object) -> None:
        """Count what was made as often as it would be written out."""
        waiting = [made]
        while waiting:
            value = waiting.pop()
            _require_plain(value)
            self._step()
            if isinstance(value, str):
                self._write(len(value))
            elif isinstance(value, dict):
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value

    def _step(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise ExpressionFailed(_TOO_MUCH)

    def _write(self, characters: int) -> None:
        self._text -= characters
        if self._text < 0:
            raise ExpressionFailed(_TOO_MUCH)


def _require_plain(value: object) -> None:
    if not isinstance(value, str | int | float | list | dict | None):
        raise ExpressionFailed("& stands before what only functions such as sort_by() can use")


def _in_order_of_the_text(tree: Node) -> Iterator[Node]:
    """All parts of a compiled expression, each before its own; they do not know where they come from."""
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue  # a slice's numbers
        yield node
        children = node["children"]
        if node["type"] == "filter_projection":
            left, right, condition = children
            children = [left, condition, right]
        waiting += reversed(children)


def _miscalls(tokens: Sequence[Node], nodes: Sequence[Node]) -> Iterator[tuple[int, str]]:
    """Where a function is called that there is not, or with too few or too many arguments."""
    names = (
        name
        for name, following in pairwise(tokens)
        if name["type"] == "unquoted_identifier" and following["type"] == "lparen"
    )
    calls = (node for node in nodes if node["type"] == "function_expression")
    for name, call in zip(names, calls, strict=True):
        if problem := _miscalled(call["value"], len(call["children"])):
            yield name["start"], problem


def _hasty_nots(tokens: Sequence[Node], nodes: Sequence[Node]) -> Iterator[tuple[int, str]]:
    """Where a path goes on from a negation: `!a.b` is `(!a).b`, which finds nothing, ever."""
    hasty = [node["children"][0] for node in nodes if node["type"] in _GOING_ON and node["children"]]
    signs = (token for token in tokens if token["type"] == "not")
    negations = (node for node in nodes if node["type"] == "not_expression")
    for sign, negation in zip(signs, negations, strict=True):
        if any(node is negation for node in hasty):
            yield sign["start"], "! is for what stands right behind it. Write !(…) around a path"


def _miscalled(name: str, given: int) -> str:
    """What is wrong with calling the function with so many arguments, or nothing."""
    known = Functions.FUNCTION_TABLE
    if name not in known:
        return f"There is no function {name}(), but {', '.join(sorted(known))}"
    signature = known[name]["signature"]
    open_end = signature[-1].get("variadic", False)
    if given == len(signature) or (open_end and given > len(signature)):
        return ""
    wanted = f"{'at least ' if open_end else ''}{len(signature)} argument{'s'[: len(signature) > 1]}"
    return f"{name}() takes {wanted}, and is given {given}"


def _misread(error: exceptions.ParseError) -> str:
    """Why an expression can't be read, from the library's words."""
    if isinstance(error, exceptions.LexerError):
        return _mistyped(str(error.message), str(error.lexer_value))
    expected, is_expecting, _ = str(error.msg).removeprefix("Expecting: ").partition(", got: ")
    signs = " or ".join(dict.fromkeys(sign for name, sign in _SIGNS.items() if name in expected))
    found = "the end" if error.token_type in {None, "EOF"} else f"{error.token_value!r}"
    return f"Expected {signs}, not {found}" if is_expecting and signs else f"Did not expect {found}"


def _mistyped(message: str, value: str) -> str:
    if message.startswith("Unclosed"):
        return "This quotation mark has no partner"
    if value == "=":
        return "Write == to compare"
    if value == "-":
        return "A name with a dash in it stands in double quotes"
    return f"{value[:20]!r} means nothing here"


def _mistaken(error: exceptions.JMESPathTypeError) -> str:
    """Which kind of value a function was given; not the value, which may be a person's."""
    given = _KINDS.get(TYPES_MAP.get(error.actual_type, error.actual_type), "something else")
    wanted = " or ".join(_KINDS.get(kind, kind) for kind in error.expected_types)
    return f"{error.function_name}() takes {wanted}, and is given {given}"


def _in_words(error: Exception) -> str:
    if isinstance(error, exceptions.JMESPathError):
        return "it is no expression"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, TypeError):
        return "it compares values of different kinds"
    return "a number in it is too large, or a slice's step is 0"
