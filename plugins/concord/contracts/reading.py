"""One contract file into a frozen Contract, every rule between its keys checked."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from concord.contracts.contract_checks import (
    delivery_problems,
    intelligence_problems,
    reference_problems,
    table_problems,
)
from concord.contracts.findings import Findings
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
from concord.contracts.odcs import CustomProperty, DataContract, Property, SchemaObject
from concord.contracts.yaml_lines import Document, Location, mistakes, refusals

Model = TypeVar("Model", bound=BaseModel)

CONTRACT_KEYS = frozenset(
    {
        "sector", "agency", "timezone", "agreement", "connection", "transport",
        "delivery", "datetimeFormats", "nullTokens", "trim", "namespaces",
    }
)  # fmt: skip
REQUIRED = (
    "sector", "agency", "timezone", "agreement", "connection", "transport", "delivery",
)  # fmt: skip
TABLE_KEYS = frozenset({"records", "member", "each", "deletes", "keyChanges", "ages"})
COLUMN_KEYS = frozenset(
    {
        "concept", "codelist", "renamedFrom", "nullTokens", "trim", "datetimeFormats",
        "twoDigitYearsFrom", "stripPrefix", "entity", "agencyCodes",
        "oneValue",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Draft:
    """A contract's file and what could be read of it."""

    document: Document
    contract: Contract | None
    partial: frozenset[int]

    @property
    def whole(self) -> bool:
        """Say whether the contract has every column that the file names."""
        return self.contract is not None and not self.partial

    def place(self, table: str, column: str | None = None) -> Location:
        """Return where a table, or a column of it, stands in the file."""
        named = [item.get("name") for item in self.document.data["schema"]]
        at: Location = ("schema", named.index(table), "properties")
        if column is None:
            return at[:2]
        columns = self.document.data["schema"][at[1]]["properties"]
        return (*at, [item.get("name") for item in columns].index(column))


class ContractReader:
    """Reads contract files against one registry of concepts and code lists."""

    def __init__(
        self, concepts: Mapping[str, Concept], codelists: Mapping[str, CodeList]
    ) -> None:
        self.concepts = concepts
        self.codelists = codelists

    def read(self, path: Path) -> Contract:
        """Read one ``<feed>.odcs.yaml``; raises ContractError with file and line."""
        findings = Findings()
        draft = self.draft(path, findings)
        findings.raise_any()
        assert draft.contract is not None, "what cannot be read is a finding"
        return draft.contract

    def draft(self, path: Path, findings: Findings) -> Draft:
        """Read what can be read of a contract, and find all that is wrong with it.

        A contract that is not whole lacks the columns that could not be read.
        """
        return _File(Document(path), self, findings).draft()


class _File:
    """One contract file while it is being read."""

    def __init__(
        self, document: Document, reader: ContractReader, findings: Findings
    ) -> None:
        self.document = document
        self.reader = reader
        self.findings = findings
        self.partial: set[int] = set()  # tables of which a column could not be read
        self.raw = self._fitting()

    def _fitting(self) -> DataContract | None:
        """Read the file less the properties that the standard refuses."""
        try:
            return DataContract.model_validate(self.document.data)
        except ValidationError as error:
            for mistake in mistakes(self.document, error):
                self.findings.add(mistake)
            wrong = {e["loc"][:4] for e in refusals(error)}
        for at in wrong:
            if len(at) < 4 or (at[0], at[2]) != ("schema", "properties"):
                return None
            self.partial.add(int(at[1]))
        self.document = self.document.without(wrong)
        try:
            return DataContract.model_validate(self.document.data)
        except ValidationError:  # a table of which nothing is left
            return None

    def draft(self) -> Draft:
        """Assemble the contract and check the rules between its parts."""
        raw = self.raw
        contract = self._contract(raw) if raw is not None else None
        return Draft(self.document, contract, frozenset(self.partial))

    def _contract(self, raw: DataContract) -> Contract | None:
        self.custom = self._custom(
            raw.custom_properties, CONTRACT_KEYS, ("customProperties",)
        )
        self.namespaces = self._namespaces()
        expected = self.document.path.name.removesuffix(".odcs.yaml")
        if raw.id != expected:
            self._tell(
                ("id",), f"id '{raw.id}' differs from the file's name", "Rename one"
            )
        stewards = [m.username for m in raw.team.members if m.role == "steward"]
        if not stewards:
            self._tell(
                ("team",), "no member has the role 'steward'", "Name who answers"
            )
        named = {name: self._required(name) for name in REQUIRED}
        given = named.pop("delivery")
        delivery = self._model(Delivery, given, "delivery") if given else None
        tables = tuple(self._table(i, t) for i, t in enumerate(raw.schema_))
        self._check(tables, named["sector"], delivery)
        if delivery is None or None in named.values():
            return None
        return Contract(
            id=raw.id,
            name=raw.name,
            version=raw.version,
            purpose=raw.description.purpose,
            limitations=raw.description.limitations,
            steward=stewards[0] if stewards else "",
            delivery=delivery,
            tables=tables,
            **named,
        )

    def _check(
        self, tables: tuple[Table, ...], sector: str | None, delivery: Delivery | None
    ) -> None:
        """Check what only several parts of the contract together can show."""
        problems = list(intelligence_problems(sector, tables)) if sector else []
        if not self.partial:  # or what a part lacks would be told as another's mistake
            problems += reference_problems(tables)
            problems += delivery_problems(delivery, tables) if delivery else []
        for problem in problems:
            self._tell(*problem)

    def _tell(self, at: Location, problem: str, remedy: str) -> None:
        self.findings.add(self.document.fail(at, problem, remedy))

    def _custom(
        self, given: tuple[CustomProperty, ...], known: frozenset[str], at: Location
    ) -> dict[str, Any]:
        for index, item in enumerate(given):
            if item.property not in known:
                self._tell(
                    (*at, index),
                    f"unknown custom property '{item.property}'",
                    f"Known here: {', '.join(sorted(known))}",
                )
        return {item.property: item.value for item in given}

    def _required(self, name: str) -> Any:
        if name not in self.custom:
            self._tell(
                ("customProperties",), f"custom property '{name}' is missing", "Add it"
            )
        return self.custom.get(name)

    def _namespaces(self) -> dict[str, str]:
        """Return the beginnings of codes that stand for the code lists' own."""
        given = self.custom.get("namespaces", {})
        pairs = given.items() if isinstance(given, dict) else [(given, None)]
        for pair in pairs:
            if not all(isinstance(text, str) and text.endswith("/") for text in pair):
                self._tell(
                    ("customProperties",),
                    f"namespaces: {pair!r:.80} is not one beginning for another",
                    'Write {"uri://theirs/": "uri://ed-fi.org/"}',
                )
                return {}
        return dict(given)

    def _model(self, model: type[Model], value: Any, where: str) -> Model | None:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            for each in error.errors():
                name = ".".join(map(str, (where, *each["loc"])))
                self._tell(
                    ("customProperties",),
                    f"{name}: {each['msg']} (got {each['input']!r:.80})",
                    "See docs/reference/contracts.md",
                )
            return None

    def _table(self, index: int, raw: SchemaObject) -> Table:
        at: Location = ("schema", index)
        custom = self._custom(raw.custom_properties, TABLE_KEYS, at)
        read = [
            self._column((*at, "properties", i), p)
            for i, p in enumerate(raw.properties)
        ]
        columns = tuple(column for column in read if column is not None)
        for name, times in Counter(p.name for p in raw.properties).items():
            if times > 1:
                self._tell(at, f"column '{name}' twice", "Rename one")
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
                age
                for each in custom.get("ages", ())
                if (age := self._model(Age, each, f"{raw.name}.ages"))
            ),
            key_changes=changes
            and self._model(KeyChanges, changes, f"{raw.name}.keyChanges"),
        )
        if at[-1] not in self.partial:
            for problem in table_problems(at, table):
                self._tell(*problem)
        return table

    def _column(self, at: Location, raw: Property) -> Column | None:
        """Read one column; None if nothing says what it is."""
        custom = self._custom(raw.custom_properties, COLUMN_KEYS, at)
        concept = self._concept(at, raw.name, custom.get("concept"))
        if concept is None:
            self.partial.add(int(at[1]))
            return None
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
            concept=concept,
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
        self._tell(at, problem, "Give a year where a format has %y, and only there")
        return None

    def _concept(self, at: Location, column: str, name: str | None) -> Concept | None:
        remedy = "Name one of include/concepts.yaml"
        if name is None:
            self._tell(at, f"column '{column}' has no concept", remedy)
        elif name not in self.reader.concepts:
            self._tell(at, f"unknown concept '{name}'", remedy)
        return self.reader.concepts.get(name or "")

    def _codelist(self, at: Location, name: str | None) -> CodeList | None:
        if name is not None and name not in self.reader.codelists:
            self._tell(
                at,
                f"code list '{name}' does not exist",
                f"Add include/codelists/{name}.csv with code,value,description",
            )
        return self.reader.codelists.get(name or "")


def _texts(value: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Return one text or several as several."""
    return (value,) if isinstance(value, str) else tuple(value)
