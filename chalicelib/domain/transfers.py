"""Records as text for people's tools, which comes back exactly as it went: CSV and JSON lines.

The form follows from the record: a field that it gains is a column more. In CSV (RFC 4180, a header first)
text, numbers, times and booleans stand as they are; an empty cell of anything but text is null; whatever has
parts, and text that may be null, stands as JSON.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Struct, inspect

from .errors import InvalidRequest

Record = TypeVar("Record", bound=Struct)
Form = Literal["csv", "jsonl"]

MEDIA_TYPES: dict[Form, str] = {"csv": "text/csv", "jsonl": "application/x-ndjson"}

MOST_CHARACTERS = 300_000
"""Of one record: a row takes 400 KB, and its names and keys take some of that."""

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 (spreadsheets take the wide ones too)
"""What a spreadsheet may run, and what looks like such a text once it has been made harmless."""


class Line(Struct, Generic[Record], frozen=True, kw_only=True):
    """One record of a page, or why it is none; `number` is that of the text's line it begins in, from 1."""

    number: int
    record: Record | None = None
    problem: str = ""


def write(records: Iterable[Record], kind: type[Record], form: Form) -> str:
    if form == "jsonl":
        return "".join(f"{msgspec.json.encode(record).decode()}\n" for record in records)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    columns = _columns(kind)
    writer.writerow([column.name for column in columns])
    for record in records:
        writer.writerow([column.cell(getattr(record, column.attribute)) for column in columns])
    return text.getvalue()


def read(text: str, kind: type[Record], form: Form) -> list[Line[Record]]:
    """Each record of a page, or what is wrong with it. Fields that are not there have their defaults.

    InvalidRequest if the header of a CSV page names what is no column.
    """
    found = _csv_lines(text, kind) if form == "csv" else _json_lines(text)
    return [_line(number, fields, kind) for number, fields in found]


def guarded(text: str) -> str:
    """The text with an apostrophe in front if a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


class _Problem(str):
    """What is wrong with a line, where its fields would be."""

    __slots__ = ()


class _Column(Struct, frozen=True, kw_only=True):
    name: str
    attribute: str
    is_plain: bool
    empty_is_null: bool

    def cell(self, value: object) -> str:
        if value is None and self.empty_is_null:
            return ""
        if self.is_plain:
            return guarded(str(msgspec.to_builtins(value)))
        return msgspec.json.encode(value).decode()

    def value(self, cell: str) -> object:
        if not cell and self.empty_is_null:
            return None
        return unguarded(cell) if self.is_plain else msgspec.json.decode(cell)


@cache
def _columns(kind: type[Struct]) -> list[_Column]:
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)  # noqa: S101 (it is one)
    return [_column(field) for field in described.fields]


def _column(field: inspect.Field) -> _Column:
    parts = list(_parts(field.type))
    is_nullable = any(isinstance(part, inspect.NoneType) for part in parts)
    has_text = any(_is_text(part) for part in parts)
    wanted = [part for part in parts if not isinstance(part, inspect.NoneType)]
    is_time = all(isinstance(part, inspect.DateTimeType) for part in wanted)
    return _Column(
        name=field.encode_name,
        attribute=field.name,
        is_plain=is_time or (not is_nullable and all(_is_text(part) for part in wanted)),
        empty_is_null=is_nullable and not has_text,
    )


def _parts(kind: inspect.Type) -> Iterator[inspect.Type]:
    match kind:
        case inspect.Metadata():  # what an annotation says besides
            yield from _parts(kind.type)
        case inspect.UnionType():
            for part in kind.types:
                yield from _parts(part)
        case _:
            yield kind


def _is_text(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.LiteralType):
        return all(isinstance(value, str) for value in kind.values)
    return isinstance(kind, inspect.StrType)


def _json_lines(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _decoded(line)


def _decoded(line: str) -> object:
    if len(line) > MOST_CHARACTERS:
        return _Problem(f"It is longer than {MOST_CHARACTERS} characters.")
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        return _Problem(f"It is no JSON: {error}.")


def _csv_lines(text: str, kind: type[Struct]) -> Iterator[tuple[int, Any]]:
    csv.field_size_limit(MOST_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        header = _header(next(reader, []), kind)
        begins = reader.line_num + 1
        for cells in reader:
            if cells:
                yield begins, _fields(cells, header)
            begins = reader.line_num + 1
    except csv.Error as error:
        yield begins, _Problem(f"It is no CSV: {error}. What follows was not read.")


def _header(names: Sequence[str], kind: type[Struct]) -> list[_Column]:
    known = {column.name: column for column in _columns(kind)}
    strange = [name for name in names if name not in known]
    if strange or not names or len(set(names)) < len(names):
        wrong = f" {strange[0]!r} is none of them." if strange else ""
        raise InvalidRequest(
            f"The first line must name the columns, each once, out of: {', '.join(known)}.{wrong}"
        )
    return [known[name] for name in names]


def _fields(cells: Sequence[str], header: Sequence[_Column]) -> object:
    if len(cells) != len(header):
        return _Problem(f"It has {len(cells)} cells, and the first line has {len(header)}.")
    if sum(map(len, cells)) > MOST_CHARACTERS:
        return _Problem(f"It is longer than {MOST_CHARACTERS} characters.")
    fields = {}
    for column, cell in zip(header, cells, strict=True):
        try:
            fields[column.name] = column.value(cell)
        except (msgspec.DecodeError, RecursionError):
            return _Problem(f"{column.name} must be a number, true, false or JSON.")
    return fields


def _line(number: int, fields: object, kind: type[Record]) -> Line[Record]:
    problem = fields if isinstance(fields, _Problem) else _misfit(fields, inspect.type_info(kind))
    if problem:
        return Line(number=number, problem=str(problem))
    try:
        return Line(number=number, record=msgspec.convert(fields, kind))
    except msgspec.ValidationError as error:
        return Line(number=number, problem=f"{error}.")


def _misfit(value: object, kind: inspect.Type) -> str:
    """What a record would silently lose or leave open: a field that nobody knows, a time without its zone."""
    inner: Iterable[tuple[object, inspect.Type]] = ()
    for part in _parts(kind):
        match part, value:
            case inspect.StructType(), dict():
                known = {field.encode_name: field.type for field in part.fields}
                strange = [name for name in value if name not in known]
                if strange:
                    return f"There is no field {strange[0]!r}."
                inner = [(value[name], known[name]) for name in value]
            case ((inspect.ListType() | inspect.VarTupleType()), list()):
                inner = [(item, part.item_type) for item in value]
            case inspect.DateTimeType(), str() if _lacks_zone(value):
                return f"The time {value!r} must say its offset, such as Z."
    return next((found for one, form in inner if (found := _misfit(one, form))), "")


def _lacks_zone(text: str) -> bool:
    try:
        return msgspec.convert(text, datetime).tzinfo is None
    except msgspec.ValidationError:
        return False  # what it is instead is said by the record
