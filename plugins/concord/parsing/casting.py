"""Text to typed values, strictly: a text that is not of its type becomes a fault."""

from dataclasses import dataclass

from concord.contracts.models import Column, Table
from concord.contracts.odcs import LogicalType
from concord.duck import literal, quoted

SQL_TYPES: dict[LogicalType, str] = {
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
}
FINITE_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
LONGEST_NUMBER = 300  # digits; more would become infinite
EXCEL_NUMBER = r"^[0-9](\.[0-9]+)?E\+[0-9]+$"  # what Excel makes of a long number
WHOLE_NUMBER = r"^-?(0|[1-9][0-9]*)$"


@dataclass(frozen=True)
class Casting:
    """How one column is cleaned and typed, as SQL.

    In four steps, so that none is done twice: ``text`` is made of the raw text in a
    column of the column's name, ``typed`` of the text, ``kept`` of the typed value
    where not every one may be kept, ``fault`` of what is left and the text.
    """

    column: Column
    number: int
    ascii_only: bool = False

    @property
    def text_name(self) -> str:
        """Return the name under which the clean text stands."""
        return f"_text_{self.number}"

    @property
    def text(self) -> str:
        """Return SQL of the clean text: trimmed, NULL where it means no value."""
        raw = quoted(self.column.name)
        tokens = self.column.null_tokens
        text = raw
        if self.column.trim:
            text = _trimmed(raw, empty_is_null="" in tokens, ascii_only=self.ascii_only)
            tokens = tuple(token for token in tokens if token)
        for token in tokens:
            text = f"nullif({text}, {literal(token)})"
        return _in_our_namespace(self.column, text)

    @property
    def typed(self) -> str:
        """Return SQL of the value; NULL where the text is not of the type."""
        return _typed(self.column, self.text_name)

    @property
    def kept(self) -> str | None:
        """Return SQL that keeps a moment of four digits' years, of others None.

        %Y reads "26" as the year 26, which no agency means.
        """
        if self.column.type not in ("date", "timestamp"):
            return None
        name, kind = quoted(self.column.name), SQL_TYPES[self.column.type]
        last = "9999-12-31 23:59:59.999999" if kind == "TIMESTAMP" else "9999-12-31"
        years = f"{name} BETWEEN {kind} '1000-01-01' AND {kind} '{last}'"
        return f"CASE WHEN {years} THEN {name} END"

    @property
    def fault(self) -> str | None:
        """Return SQL that is true where a text has no value, if that can be."""
        if self.typed == self.text_name:
            return None
        name = quoted(self.column.name)
        return f"({self.text_name} IS NOT NULL AND {name} IS NULL)"


def castings(table: Table, *, ascii_only: bool = False) -> tuple[Casting, ...]:
    """Return the casting of every column; raw texts stand in columns of its name.

    Args:
        table: The contract's table.
        ascii_only: No text has a character beyond ASCII, so no blanks but ASCII's.
    """
    return tuple(
        Casting(column, n, ascii_only) for n, column in enumerate(table.columns)
    )


def sql_types(table: Table) -> dict[str, str]:
    """Return the DuckDB type of every column."""
    return {column.name: SQL_TYPES[column.type] for column in table.columns}


def _trimmed(raw: str, *, empty_is_null: bool, ascii_only: bool) -> str:
    """Cut blanks off; what plainly has none is spared the look at every character.

    Only what was cut, or begins with nothing, can be empty.
    """
    trimmed = f"nullif(trim({raw}), '')" if empty_is_null else f"trim({raw})"
    foreign = "" if ascii_only else f"OR strlen({raw}) <> length({raw}) "
    return (
        f"CASE WHEN {raw} < '!' {foreign}"
        f"OR (contains({raw}, ' ') AND ends_with({raw}, ' ')) "
        f"THEN {trimmed} ELSE {raw} END"
    )


def _in_our_namespace(column: Column, text: str) -> str:
    """Return SQL that puts the county's namespace of codes in the agency's place."""
    cases = " ".join(
        f"WHEN starts_with({text}, {literal(theirs)}) "
        f"THEN {literal(ours)} || substr({text}, {len(theirs) + 1})"
        for theirs, ours in column.namespaces.items()
    )
    return f"CASE {cases} ELSE {text} END" if cases else text


def _typed(column: Column, text: str) -> str:
    if column.type == "string":
        return _string(column, text)
    if column.type in ("date", "timestamp"):
        return _moment(column, text)
    if column.type == "boolean":
        return f"CASE {text} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END"
    pattern = WHOLE_NUMBER if column.type == "integer" else FINITE_NUMBER
    # Adding nought makes minus nought nought, so that equal numbers look equal.
    kind = SQL_TYPES[column.type]
    return (
        f"CASE WHEN regexp_matches({text}, {literal(pattern)}) "
        f"AND length({text}) < {LONGEST_NUMBER} "
        f"THEN TRY_CAST({text} AS {kind}) + 0 END"
    )


def _string(column: Column, text: str) -> str:
    if column.strip_prefix:
        whens = " ".join(
            f"WHEN starts_with({text}, {literal(prefix)}) "
            f"THEN substr({text}, {len(prefix) + 1})"
            for prefix in column.strip_prefix
        )
        return f"CASE {whens} END"
    if column.names_a_thing:
        damaged = f"regexp_matches({text}, {literal(EXCEL_NUMBER)})"
        return (
            f"CASE WHEN contains({text}, 'E+') AND {damaged} THEN NULL ELSE {text} END"
        )
    return text


def _moment(column: Column, text: str) -> str:
    kind = SQL_TYPES[column.type]
    tries = []
    # A format that does not fit costs ten times one that does. Those with a time of day
    # fit timestamps and no date, so their turn does not change what a text means.
    timed = column.type == "timestamp"
    for form in sorted(column.formats, key=lambda f: ("%H" in f) != timed):
        if form == "ISO8601":
            # An offset is read and turned into the agency's local time, which is the
            # session's time zone.
            tries.append(f"CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS {kind})")
        elif "%y" in form and column.century_from is not None:
            tries.append(
                f"CAST({_in_century(text, form, column.century_from)} AS {kind})"
            )
        else:
            tries.append(f"CAST(try_strptime({text}, {literal(form)}) AS {kind})")
    return tries[0] if len(tries) == 1 else f"coalesce({', '.join(tries)})"


def _in_century(text: str, form: str, first: int) -> str:
    """Return SQL of a moment whose two digits mean a year of ``first`` to 99 later.

    29 February of a year that has none is no date.
    """
    read = f"try_strptime({text}, {literal(form)})"
    years = f"{first} + ((year({read}) - {first}) % 100 + 100) % 100 - year({read})"
    moved = f"({read} + to_years(CAST({years} AS INTEGER)))"
    return f"CASE WHEN day({moved}) = day({read}) THEN {moved} END"
