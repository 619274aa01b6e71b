"""What must hold between the parts of one contract, told part by part."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from concord.contracts.intelligence import forbidden_word
from concord.contracts.models import Column, Delivery, Table
from concord.contracts.notices import notice_problems
from concord.contracts.paths import read_elements, read_path
from concord.contracts.yaml_lines import Location

Problem = tuple[Location, str, str]
"""Where something is wrong, what is, and what to do about it."""

DELETION_MEANS: Mapping[str, Callable[[Table], object]] = {
    "action_code": lambda table: table.with_concept("technical.action"),
    "tombstone": lambda table: table.deletes,
    "soft_delete_column": lambda table: table.with_concept("technical.deleted_at"),
}
"""What a table needs for the agency to say by it what was deleted."""


def table_problems(at: Location, table: Table) -> Iterator[Problem]:
    """Yield what is wrong with a table by itself; all its columns must be known."""
    if not table.key:
        yield at, f"table '{table.name}' has no primary key", "Mark one"
    elif table.describes_persons and table.key != (table.person,):
        yield (
            at,
            f"a row of '{table.name}' is not one person: its key is another",
            "Describe persons in a table of the same physicalName, its key the "
            "person.source_id, and make this one's column a person.reference",
        )
    for problem, remedy in notice_problems(table):
        yield at, problem, remedy
    for place, column in enumerate(table.columns):
        yield from _column_problems((*at, "properties", place), table, column)


def _column_problems(at: Location, table: Table, column: Column) -> Iterator[Problem]:
    concept = column.concept
    if concept.identity == "direct" and column.classification != "restricted":
        yield (
            at,
            f"'{column.name}' identifies a person but is classified "
            f"'{column.classification}'",
            "Classify it 'restricted'",
        )
    is_attribute = concept.name.startswith("person.") and (
        concept.name != "person.reference"
    )
    if is_attribute and not table.describes_persons:
        yield (
            at,
            f"'{column.name}' describes a person, but '{table.name}' is no table of "
            "persons",
            "Give the table a person.source_id, or drop the column",
        )


def reference_problems(tables: Sequence[Table]) -> Iterator[Problem]:
    """Yield references to what the contract lacks.

    A feed may know no persons at all; one that points to some must have them.
    """
    known = {f"{t.name}.{c.name}" for t in tables for c in t.columns}
    has_persons = any(table.describes_persons for table in tables)
    for index, table in enumerate(tables):
        at: Location = ("schema", index)
        for place, column in enumerate(table.columns):
            if column.references and column.references not in known:
                yield (
                    (*at, "properties", place),
                    f"'{column.name}' refers to unknown '{column.references}'",
                    "Name table.property of this contract",
                )
        if table.person is not None and not has_persons:
            yield (
                at,
                f"'{table.person.name}' refers to a person, but the feed has no "
                "table of persons",
                "Add a table with a person.source_id, or drop the column",
            )


def intelligence_problems(sector: str, tables: Sequence[Table]) -> Iterator[Problem]:
    """Yield what 28 CFR Part 23 lets only an intelligence system hold."""
    for index, table in enumerate(tables):
        for place, column in enumerate(table.columns):
            word = forbidden_word(sector, table, column.name)
            if word is not None:
                yield (
                    ("schema", index, "properties", place),
                    f"'{table.name}.{column.name}' is criminal intelligence "
                    f"('{word}'): 28 CFR 23.20 allows gang, association, religious "
                    "and political data only under documented reasonable suspicion",
                    "Remove the column and ask the agency not to send it",
                )


def delivery_problems(delivery: Delivery, tables: Sequence[Table]) -> Iterator[Problem]:
    """Yield what deliveries, as they are described, can not say of the tables."""
    if delivery.absence_deletes and delivery.mode != "full":
        yield (
            ("customProperties",),
            "deleteMode is 'snapshot_absence', but an increment lacks most rows",
            "Make the mode 'full', or say how else deletions are told",
        )
    has = DELETION_MEANS.get(delivery.delete_mode)
    for index, table in enumerate(tables):
        at: Location = ("schema", index)
        yield from _path_problems(at, table, delivery)
        if has is not None and not has(table):
            yield (
                at,
                f"'{table.name}' cannot say what was deleted, but deleteMode is "
                f"'{delivery.delete_mode}'",
                "Add what the mode needs, or change the mode",
            )
        if table.member and delivery.packing != "zip":
            yield (
                at,
                f"'{table.name}' names the member '{table.member}', but the "
                "delivery is no zip",
                "Set packing to zip in delivery, or drop member",
            )


def _path_problems(at: Location, table: Table, delivery: Delivery) -> Iterator[Problem]:
    """Yield what a contract says of places in a document that can't be followed."""
    if delivery.format == "csv":
        if table.each:
            yield at, f"'{table.name}': a CSV row has no list", "Drop each"
        return
    if table.each and delivery.mode != "full":
        yield (
            at,
            f"'{table.name}' is made of the elements of a list, but an increment "
            "cannot say which elements are gone",
            "Pick elements as columns of the record's own table",
        )
        return
    remedy = "See docs/reference/contracts.md"
    if table.each:
        try:
            read_elements(table.each)
        except ValueError as error:
            yield at, f"'{table.name}': {error}", remedy
    for place, column in enumerate(table.columns):
        try:
            path = read_path(column.source)
            if not table.each and (path.of_parent or path.is_number):
                raise ValueError(f"'{column.source}' is for tables with each")
        except ValueError as error:
            yield (*at, "properties", place), f"'{table.name}': {error}", remedy
