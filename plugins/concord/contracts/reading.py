"""One contract file into a frozen Contract, every rule between its keys checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from concord.contracts.intelligence import forbidden_word
from concord.contracts.models import (
    Age,
    CodeList,
    Column,
    Concept,
    Contract,
    Deletes,
    Delivery,
    KeyChanges,
    Table,
)
from concord.contracts.notices import notice_problems
from concord.contracts.odcs import CustomProperty, DataContract, Property, SchemaObject
from concord.contracts.paths import read_elements, read_path
from concord.contracts.yaml_lines import Document, Location, parse

Model = TypeVar("Model", bound=BaseModel)

CONTRACT_KEYS = frozenset(
    {
        "sector", "agency", "timezone", "agreement", "connection", "transport",
        "delivery", "datetimeFormats", "nullTokens", "trim", "namespaces",
    }
)  # fmt: skip
TABLE_KEYS = frozenset({"records", "member", "each", "deletes", "keyChanges", "ages"})
COLUMN_KEYS = frozenset(
    {
        "concept", "codelist", "renamedFrom", "nullTokens", "trim", "datetimeFormats",
        "twoDigitYearsFrom", "stripPrefix", "entity", "agencyCodes",
        "oneValue",
    }
)  # fmt: skip


class ContractReader:
    """Reads contract files against one registry of concepts and code lists."""

    def __init__(
        self, concepts: Mapping[str, Concept], codelists: Mapping[str, CodeList]
    ) -> None:
        self.concepts = concepts
        self.codelists = codelists

    def read(self, path: Path) -> Contract:
        """Read one ``<feed>.odcs.yaml``; raises ContractError with file and line."""
        return _File(Document(path), self).contract()


class _File:
    """One contract file while it is being read."""

    def __init__(self, document: Document, reader: ContractReader) -> None:
        self.document = document
        self.reader = reader
        self.raw = parse(document, DataContract)
        self.custom = self._custom(
            self.raw.custom_properties, CONTRACT_KEYS, ("customProperties",)
        )
        self.namespaces = self._namespaces()

    def contract(self) -> Contract:
        """Assemble the contract and check the rules between its parts."""
        document, raw = self.document, self.raw
        expected = document.path.name.removesuffix(".odcs.yaml")
        if raw.id != expected:
            raise document.fail(
                ("id",), f"id '{raw.id}' differs from the file's name", "Rename one"
            )
        steward = next((m for m in raw.team.members if m.role == "steward"), None)
        if steward is None:
            raise document.fail(
                ("team",), "no member has the role 'steward'", "Name who answers"
            )
        tables = tuple(self._table(i, t) for i, t in enumerate(raw.schema_))
        self._check_references(tables)
        self._check_persons(tables)
        self._check_intelligence(tables)
        self._check_delivery(tables)
        return Contract(
            id=raw.id,
            name=raw.name,
            version=raw.version,
            sector=self._required("sector"),
            agency=self._required("agency"),
            timezone=self._required("timezone"),
            purpose=raw.description.purpose,
            limitations=raw.description.limitations,
            steward=steward.username,
            agreement=self._required("agreement"),
            connection=self._required("connection"),
            transport=self._required("transport"),
            delivery=self._model(Delivery, self._required("delivery"), "delivery"),
            tables=tables,
        )

    def _custom(
        self, given: tuple[CustomProperty, ...], known: frozenset[str], at: Location
    ) -> dict[str, Any]:
        for index, item in enumerate(given):
            if item.property not in known:
                raise self.document.fail(
                    (*at, index),
                    f"unknown custom property '{item.property}'",
                    f"Known here: {', '.join(sorted(known))}",
                )
        return {item.property: item.value for item in given}

    def _required(self, name: str) -> Any:
        if name not in self.custom:
            raise self.document.fail(
                ("customProperties",), f"custom property '{name}' is missing", "Add it"
            )
        return self.custom[name]

    def _namespaces(self) -> dict[str, str]:
        """Return the beginnings of codes that stand for the code lists' own."""
        given = self.custom.get("namespaces", {})
        pairs = given.items() if isinstance(given, dict) else [(given, None)]
        for pair in pairs:
            if not all(isinstance(text, str) and text.endswith("/") for text in pair):
                raise self.document.fail(
                    ("customProperties",),
                    f"namespaces: {pair!r:.80} is not one beginning for another",
                    'Write {"uri://theirs/": "uri://ed-fi.org/"}',
                )
        return dict(given)

    def _model(self, model: type[Model], value: Any, where: str) -> Model:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, (where, *first["loc"])))
            raise self.document.fail(
                ("customProperties",),
                f"{name}: {first['msg']} (got {first['input']!r:.80})",
                "See docs/reference/contracts.md",
            ) from error

    def _table(self, index: int, raw: SchemaObject) -> Table:
        at: Location = ("schema", index)
        custom = self._custom(raw.custom_properties, TABLE_KEYS, at)
        columns = tuple(
            self._column((*at, "properties", i), p)
            for i, p in enumerate(raw.properties)
        )
        names = [column.name for column in columns]
        for name in names:
            if names.count(name) > 1:
                raise self.document.fail(at, f"column '{name}' twice", "Rename one")
        deletes, changes = custom.get("deletes"), custom.get("keyChanges")
        table = Table(
            name=raw.name,
            source=raw.physical_name,
            description=raw.description,
            columns=columns,
            records=custom.get("records"),
            member=custom.get("member"),
            each=custom.get("each"),
            deletes=deletes and self._model(Deletes, deletes, f"{raw.name}.deletes"),
            ages=tuple(
                self._model(Age, age, f"{raw.name}.ages")
                for age in custom.get("ages", ())
            ),
            key_changes=changes
            and self._model(KeyChanges, changes, f"{raw.name}.keyChanges"),
        )
        self._check_table(at, table)
        return table

    def _column(self, at: Location, raw: Property) -> Column:
        custom = self._custom(raw.custom_properties, COLUMN_KEYS, at)
        is_code = "codelist" in custom or "stripPrefix" in custom
        formats = tuple(
            custom.get("datetimeFormats", self.custom.get("datetimeFormats", ()))
        )
        return Column(
            name=raw.name,
            source=raw.physical_name,
            type=raw.logical_type,
            required=raw.required or raw.primary_key,
            unique=raw.unique,
            key_position=raw.primary_key_position if raw.primary_key else 0,
            concept=self._concept(at, raw.name, custom.get("concept")),
            classification=raw.classification,
            description=raw.description,
            pattern=raw.options.pattern,
            min_length=raw.options.min_length,
            max_length=raw.options.max_length,
            minimum=raw.options.minimum,
            maximum=raw.options.maximum,
            references=raw.relationships[0].to if raw.relationships else None,
            codelist=self._codelist(at, custom.get("codelist")),
            formats=formats,
            century_from=self._century(
                at, raw, formats, custom.get("twoDigitYearsFrom")
            ),
            null_tokens=tuple(
                custom.get("nullTokens", self.custom.get("nullTokens", ("",)))
            ),
            trim=custom.get("trim", self.custom.get("trim", True)),
            strip_prefix=_texts(custom.get("stripPrefix", ())),
            renamed_from=custom.get("renamedFrom"),
            entity=custom.get("entity"),
            namespaces=self.namespaces if is_code else {},
            agency_codes=tuple(custom.get("agencyCodes", ())),
            one_value=custom.get("oneValue"),
        )

    def _century(
        self, at: Location, raw: Property, formats: tuple[str, ...], first: int | None
    ) -> int | None:
        """Return the first of the hundred years that two digits can mean."""
        short = raw.logical_type in ("date", "timestamp") and "%y" in "".join(formats)
        year = isinstance(first, int) and 1000 <= first <= 9900
        if year if short else first is None:
            return first
        problem = f"twoDigitYearsFrom of '{raw.name}' is {first}"
        raise self.document.fail(
            at, problem, "Give a year where a format has %y, and only there"
        )

    def _concept(self, at: Location, column: str, name: str | None) -> Concept:
        if name is None:
            raise self.document.fail(
                at, f"column '{column}' has no concept", "Name one of concepts.yaml"
            )
        if name not in self.reader.concepts:
            raise self.document.fail(
                at, f"unknown concept '{name}'", "Name one of include/concepts.yaml"
            )
        return self.reader.concepts[name]

    def _codelist(self, at: Location, name: str | None) -> CodeList | None:
        if name is not None and name not in self.reader.codelists:
            raise self.document.fail(
                at,
                f"code list '{name}' does not exist",
                f"Add include/codelists/{name}.csv with code,value,description",
            )
        return self.reader.codelists[name] if name else None

    def _check_table(self, at: Location, table: Table) -> None:
        fail = self.document.fail
        if not table.key:
            raise fail(at, f"table '{table.name}' has no primary key", "Mark one")
        if table.describes_persons and table.key != (table.person,):
            raise fail(
                at,
                f"a row of '{table.name}' is not one person: its key is another",
                "Describe persons in a table of the same physicalName, its key the "
                "person.source_id, and make this one's column a person.reference",
            )
        for problem, remedy in notice_problems(table):
            raise fail(at, problem, remedy)
        for column in table.columns:
            direct = column.concept.identity == "direct"
            if direct and column.classification != "restricted":
                raise fail(
                    at,
                    f"'{column.name}' identifies a person but is classified "
                    f"'{column.classification}'",
                    "Classify it 'restricted'",
                )
            if column.concept.name.endswith("_id") and not (
                column.concept.zone == "vault" or column.entity
            ):
                raise fail(
                    at,
                    f"'{column.name}' is an identifier of no entity",
                    "Give it the custom property 'entity'",
                )
            is_attribute = column.concept.name.startswith("person.") and (
                column.concept.name != "person.reference"
            )
            if is_attribute and not table.describes_persons:
                raise fail(
                    at,
                    f"'{column.name}' describes a person, but '{table.name}' is no "
                    "table of persons",
                    "Give the table a person.source_id, or drop the column",
                )

    def _check_references(self, tables: tuple[Table, ...]) -> None:
        known = {f"{t.name}.{c.name}" for t in tables for c in t.columns}
        for index, table in enumerate(tables):
            for column in table.columns:
                if column.references and column.references not in known:
                    raise self.document.fail(
                        ("schema", index),
                        f"'{column.name}' refers to unknown '{column.references}'",
                        "Name table.property of this contract",
                    )

    def _check_persons(self, tables: tuple[Table, ...]) -> None:
        """A feed may know no persons at all; one that points to some must have them."""
        if any(table.describes_persons for table in tables):
            return
        for index, table in enumerate(tables):
            if table.person is not None:
                raise self.document.fail(
                    ("schema", index),
                    f"'{table.person.name}' refers to a person, but the feed has no "
                    "table of persons",
                    "Add a table with a person.source_id, or drop the column",
                )

    def _check_intelligence(self, tables: tuple[Table, ...]) -> None:
        """Refuse what 28 CFR Part 23 lets only an intelligence system hold."""
        sector = self._required("sector")
        for index, table in enumerate(tables):
            for place, column in enumerate(table.columns):
                word = forbidden_word(sector, table, column.name)
                if word is not None:
                    raise self.document.fail(
                        ("schema", index, "properties", place),
                        f"'{table.name}.{column.name}' is criminal intelligence "
                        f"('{word}'): 28 CFR 23.20 allows gang, association, religious "
                        "and political data only under documented reasonable suspicion",
                        "Remove the column and ask the agency not to send it",
                    )

    def _check_delivery(self, tables: tuple[Table, ...]) -> None:
        delivery = self._model(Delivery, self._required("delivery"), "delivery")
        has = {
            "action_code": lambda t: t.with_concept("technical.action"),
            "tombstone": lambda t: t.deletes,
            "soft_delete_column": lambda t: t.with_concept("technical.deleted_at"),
        }.get(delivery.delete_mode)
        if delivery.absence_deletes and delivery.mode != "full":
            raise self.document.fail(
                ("customProperties",),
                "deleteMode is 'snapshot_absence', but an increment lacks most rows",
                "Make the mode 'full', or say how else deletions are told",
            )
        for index, table in enumerate(tables):
            self._check_paths(("schema", index), table, delivery)
            if has is not None and not has(table):
                raise self.document.fail(
                    ("schema", index),
                    f"'{table.name}' cannot say what was deleted, but deleteMode is "
                    f"'{delivery.delete_mode}'",
                    "Add what the mode needs, or change the mode",
                )
            if table.member and delivery.packing != "zip":
                raise self.document.fail(
                    ("schema", index),
                    f"'{table.name}' names the member '{table.member}', but the "
                    "delivery is no zip",
                    "Set packing to zip in delivery, or drop member",
                )

    def _check_paths(self, at: Location, table: Table, delivery: Delivery) -> None:
        """Check that what a contract says of places in a document can be followed."""
        fail = self.document.fail
        if delivery.format == "csv":
            if table.each:
                raise fail(at, f"'{table.name}': a CSV row has no list", "Drop each")
            return
        if table.each and delivery.mode != "full":
            raise fail(
                at,
                f"'{table.name}' is made of the elements of a list, but an increment "
                "cannot say which elements are gone",
                "Pick elements as columns of the record's own table",
            )
        try:
            if table.each:
                read_elements(table.each)
            for column in table.columns:
                path = read_path(column.source)
                if not table.each and (path.of_parent or path.is_number):
                    raise ValueError(f"'{column.source}' is for tables with each")
        except ValueError as error:
            raise fail(
                at, f"'{table.name}': {error}", "See docs/reference/contracts.md"
            ) from error


def _texts(value: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Return one text or several as several."""
    return (value,) if isinstance(value, str) else tuple(value)
