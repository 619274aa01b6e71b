"""What the content tables of a contract look like, derived from the contract.

Content is what the split leaves of an agency's table: the columns whose concept lies
in the content zone; one ``record_key`` in place of whoever the row is about; one
``place_key`` in place of an address; and the ages derived while both were together.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pyarrow as pa

from concord.contracts.models import Contract, Table
from concord.contracts.odcs import LogicalType
from concord.exceptions import DisclosureRefused, IntegrityError

RECORD_KEY = "record_key"
PLACE_KEY = "place_key"
PERSON = "person.reference"
PLACE = "place.key"
AGE = "person.age_at_event"

ARROW_TYPES: Mapping[LogicalType, pa.DataType] = {
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}


@dataclass(frozen=True)
class ContentColumn:
    """One column of a content table."""

    name: str
    concept: str
    type: LogicalType
    entity: str | None = None


def content_columns(table: Table) -> tuple[ContentColumn, ...]:
    """Return the columns that the content table of ``table`` has."""
    columns = [
        ContentColumn(
            name=column.name,
            concept=column.concept.name,
            type=column.type,
            entity=column.entity,
        )
        for column in table.columns
        if column.concept.zone == "content"
    ]
    if table.person is not None:
        key = ContentColumn(name=RECORD_KEY, concept=PERSON, type="string")
        columns.insert(0, key)
    if table.has_place:
        columns.append(ContentColumn(name=PLACE_KEY, concept=PLACE, type="string"))
    columns.extend(
        ContentColumn(name=age.column, concept=AGE, type="integer")
        for age in table.ages
    )
    return tuple(columns)


def entities(contract: Contract) -> frozenset[str]:
    """Return the entities whose numbers a contract's tables hold."""
    return frozenset(
        column.entity
        for table in contract.tables
        for column in table.columns
        if column.entity is not None
    )


def empty_content(contract: Contract) -> dict[str, pa.Table]:
    """Return the content tables of a feed that has never delivered."""
    return {
        table.name: pa.schema(
            [(c.name, ARROW_TYPES[c.type]) for c in content_columns(table)]
        ).empty_table()
        for table in contract.tables
    }


def is_of(kind: LogicalType, given: pa.DataType) -> bool:
    """Say whether an Arrow type holds what the contract calls ``kind``."""
    if pa.types.is_dictionary(given):
        given = given.value_type
    match kind:
        case "string":
            return given in (pa.string(), pa.large_string(), pa.string_view())
        case "date":
            return bool(pa.types.is_date(given))
        case "timestamp":
            return bool(pa.types.is_timestamp(given) and given.tz is None)
        case "integer":
            return bool(pa.types.is_integer(given))
        case "number":
            return bool(pa.types.is_floating(given))
        case "boolean":
            return bool(pa.types.is_boolean(given))


def check_content(contract: Contract, tables: Mapping[str, pa.Table]) -> None:
    """Refuse content that is more, less or other than the contract says.

    Raises:
        DisclosureRefused: A table or column is not in the contract.
        IntegrityError: One is missing or of another type.
    """
    known = {table.name: content_columns(table) for table in contract.tables}
    _compare(f"content of {contract.id}", known, tables, "table")
    for name, columns in known.items():
        where = f"content {contract.id}.{name}"
        given = tables[name].schema
        _compare(where, [column.name for column in columns], given.names, "column")
        for column in columns:
            kind = given.field(column.name).type
            if not is_of(column.type, kind):
                raise IntegrityError(
                    f"{where}: column '{column.name}' is {kind}, but the contract says "
                    f"{column.type}. Split the delivery again"
                )


def _compare(
    where: str, known: Collection[str], given: Collection[str], kind: str
) -> None:
    extra = sorted(set(given) - set(known))
    if extra:
        raise DisclosureRefused(
            f"{where}: {kind} {', '.join(extra)} is not in the contract, so nobody "
            f"decided what may leave of it. Add it to the contract with a concept"
        )
    missing = sorted(set(known) - set(given))
    if missing:
        raise IntegrityError(
            f"{where}: {kind} {', '.join(missing)} is missing. Split the delivery again"
        )
    if len(given) != len(set(given)):
        raise IntegrityError(
            f"{where}: a {kind} occurs twice. Split the delivery again"
        )
