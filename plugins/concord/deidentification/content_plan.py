"""The one SELECT that de-identifies a content table, and how it is planned."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import duckdb
import pyarrow as pa

from concord.contracts.concept_actions import ConceptAction
from concord.contracts.models import Contract, ReleaseProfile, Table
from concord.contracts.references import References
from concord.deidentification import actions
from concord.deidentification.areas import Areas, area_lookup
from concord.deidentification.companions import companion, state_sql
from concord.deidentification.content_columns import (
    AGE,
    PLACE_KEY,
    RECORD_KEY,
    ContentColumn,
    content_columns,
)
from concord.deidentification.grouping import group_lookup, groups_of
from concord.deidentification.oldest import unless_oldest, within_years
from concord.deidentification.shifting import OFFSET, Shift, check_shiftable
from concord.deidentification.victims import PLACE_WITHHELD, withheld_sql
from concord.duck import quoted
from concord.exceptions import ContractError

KEYED = {
    RECORD_KEY: ("_person_keys", "person_token"),
    PLACE_KEY: ("_place_keys", "place_token"),
}
"""Keys of the split, with the lookup and the token that takes the key's place."""
PERSON_KEYS = KEYED[RECORD_KEY][0]
KNOWN_PERSON = "person_token IS NOT NULL OR content.record_key IS NULL"
DATED = ("date", "timestamp")

Lookup = Callable[[duckdb.DuckDBPyConnection], pa.Table]
"""Makes a table of ``value`` and ``made`` from what the connection sees."""


@dataclass
class Plan:
    """The one SELECT that de-identifies a content table.

    Attributes:
        name: The content table.
        source: The relation under which the connection sees it.
        target: The table to create.
        leads: Whether the feed's person records are made from this table.
        keys: The keys of the split that the table has.
        selected: The columns that leave, each with the SQL that makes it.
        joins: The lookups that the columns need.
        entities: The columns that become tokens, each with its entity and the table
            of which alone the tokens are, if so.
        lookups: Further lookups, made from the content before the table is.
        shifted: The columns whose dates are moved, each with its rule.
    """

    name: str
    source: str
    target: str
    leads: bool
    keys: list[str] = field(default_factory=list)
    selected: dict[str, str] = field(default_factory=dict)
    joins: list[str] = field(default_factory=list)
    entities: dict[str, tuple[str, str]] = field(default_factory=dict)
    lookups: dict[str, Lookup] = field(default_factory=dict)
    shifted: dict[str, Shift] = field(default_factory=dict)

    def sql(self) -> str:
        """Return the statement that creates the table."""
        columns = ", ".join(
            f"{sql} AS {quoted(name)}" for name, sql in self.selected.items()
        )
        return f"CREATE TABLE {quoted(self.target)} AS SELECT {columns} {self.rows()}"

    def rows(self) -> str:
        """Return the FROM of the statement, with everything joined to it."""
        known = f" WHERE {KNOWN_PERSON}" if RECORD_KEY in self.keys else ""
        return f"FROM {quoted(self.source)} AS content {' '.join(self.joins)}{known}"

    def values(self, column: str) -> str:
        """Return the query of a column's values, each with the person it is of.

        A row that is of nobody in particular counts as somebody.
        """
        person = RECORD_KEY if RECORD_KEY in self.keys else "row_number() OVER ()"
        return (
            f"SELECT {quoted(column)} AS value, CAST({person} AS VARCHAR) AS person "
            f"FROM {quoted(self.source)}"
        )

    def look_up(self, column: str, relation: str, value: str, made: str) -> str:
        """Join a lookup for a column; returns the SQL of what it gives."""
        alias = quoted(f"lookup of {column}")
        self.joins.append(
            f"LEFT JOIN {quoted(relation)} AS {alias} "
            f"ON {alias}.value = CAST({value} AS VARCHAR)"
        )
        return f"{alias}.{made}"


def token_relation(entity: str, table: str) -> str:
    """Return the name under which an entity's tokens are looked up."""
    return f"_token_{entity}_{table}"


def lookup_relation(plan: Plan, column: str) -> str:
    """Return the name under which what a column becomes is looked up."""
    return f"_lookup_{plan.name}_{column}"


def plan_table(
    contract: Contract, table: Table, profile: ReleaseProfile, references: References
) -> Plan:
    """Plan what leaves of one table.

    Raises:
        ContractError: The profile asks for something that no rule can do.
    """
    leading = next((t for t in contract.tables if t.describes_persons), None)
    plan = Plan(
        name=table.name,
        source=source_of(table),
        target=f"{contract.id}__{table.name}",
        leads=table is leading,
    )
    planner = _Planner(plan, contract, table, profile, references)
    for column in content_columns(table):
        if column.name in KEYED:
            planner.swap_key(column.name)
        else:
            planner.apply(column)
    return plan


def source_of(table: Table) -> str:
    """Return the relation under which a content table is seen."""
    return f"_content_{table.name}"


@dataclass(frozen=True)
class _Planner:
    """Puts the columns of one table into its plan."""

    plan: Plan
    contract: Contract
    table: Table
    profile: ReleaseProfile
    references: References

    def swap_key(self, key: str) -> None:
        """Put the token in the place of a key of the split."""
        lookup, token = KEYED[key]
        plan = self.plan
        plan.keys.append(key)
        plan.joins.append(f"LEFT JOIN {lookup} ON {lookup}.{key} = content.{key}")
        value = f"{lookup}.{token}"
        if key == PLACE_KEY:
            sources = {t.name: quoted(source_of(t)) for t in self.contract.tables}
            withheld = withheld_sql(self.contract, self.table, self.profile, sources)
            if withheld is not None:
                plan.selected[PLACE_WITHHELD], join = withheld
                plan.joins.append(join)
                value = f"CASE WHEN NOT {PLACE_WITHHELD} THEN {value} END"
        plan.selected[token] = value

    def apply(self, column: ContentColumn) -> None:
        """Add a column in the form in which it may leave, if at all."""
        plan, where = self.plan, f"{self.contract.id}.{self.table.name}.{column.name}"
        action = self.profile.action_of(column.concept, where)
        if not action.leaves:
            return
        recorded = f"content.{quoted(column.name)}"
        made = self._made(column, action, recorded)
        if made is None:
            raise ContractError(
                f"include/releases/{self.profile.id}.yaml: '{column.concept}' can't be "
                f"'{action.action}' in '{plan.target}.{column.name}', a {column.type}. "
                "See docs/reference/release_profiles.md"
            )
        withheld = "FALSE"
        if self._tells_ages:
            if column.concept == AGE:
                withheld = f"{PERSON_KEYS}.oldest"
                made = unless_oldest(made, PERSON_KEYS)
            elif column.type in DATED and action.action != "time_band":
                made = within_years(made, recorded, PERSON_KEYS)
        plan.selected[column.name] = made
        if self.profile.companions and (
            {where, column.concept} & set(self.profile.companions)
        ):
            state = state_sql(action, recorded, made, withheld)
            plan.selected[companion(column.name)] = state

    @property
    def _tells_ages(self) -> bool:
        return RECORD_KEY in self.plan.keys and self.profile.oldest is not None

    def _made(
        self, column: ContentColumn, action: ConceptAction, recorded: str
    ) -> str | None:
        """Return SQL of what an action makes of a column; None if it can't."""
        if action.action in ("tokenise", "tokenise_local"):
            return self._token(column, action, recorded)
        if column.type in DATED:
            return self._dated(column, action, recorded)
        if column.type in ("integer", "number"):
            return _number(column, action, recorded)
        return self._text(column, action, recorded)

    def _token(
        self, column: ContentColumn, action: ConceptAction, recorded: str
    ) -> str | None:
        if column.entity is None:
            return None
        local = self.plan.target if action.action == "tokenise_local" else ""
        self.plan.entities[column.name] = column.entity, local
        relation = token_relation(column.entity, local)
        return self.plan.look_up(column.name, relation, recorded, "token")

    def _dated(
        self, column: ContentColumn, action: ConceptAction, recorded: str
    ) -> str | None:
        match action.action:
            case "keep":
                return actions.keep(recorded, column.type)
            case "generalise_date":
                return actions.generalise_date(recorded, action.unit)
            case "time_band" if column.type == "timestamp":
                return actions.time_band(recorded, action.hours)
            case "days_since" if RECORD_KEY in self.plan.keys:
                person = f"{PERSON_KEYS}.person_token"
                return actions.days_since(recorded, person, action.days)
            case "shift_date":
                check_shiftable(self.contract, self.table, column.name)
                shift = self.plan.shifted[column.name] = Shift.of(action)
                return shift.sql(recorded, f"{PERSON_KEYS}.{OFFSET}")
        return None

    def _text(
        self, column: ContentColumn, action: ConceptAction, recorded: str
    ) -> str | None:
        plan, relation = self.plan, lookup_relation(self.plan, column.name)
        match action.action:
            case "keep":
                return actions.keep(recorded, column.type)
            case "collapse" if column.type == "string":
                groups = groups_of(action, self.references)
                plan.lookups[column.name] = partial(
                    group_lookup, action, groups, plan.values(column.name)
                )
                return plan.look_up(column.name, relation, recorded, "made")
            case "snap" if column.type == "string":
                areas = Areas.of(action, self.references)
                plan.lookups[column.name] = partial(
                    area_lookup, areas, plan.values(column.name)
                )
                return plan.look_up(column.name, relation, recorded, "made")
        return None


def _number(column: ContentColumn, action: ConceptAction, recorded: str) -> str | None:
    match action.action:
        case "keep" if column.concept != AGE:
            return actions.keep(recorded, column.type)
        case "age_band" if column.type == "integer":
            return actions.age_band(recorded, action.bands)
        case "top_code":
            return actions.top_code(recorded, action.top)
        case "bin":
            return actions.binned(recorded, action.edges)
        case "round":
            return actions.rounded(recorded, action.base, column.type)
    return None
