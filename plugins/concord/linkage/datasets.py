"""Data sets with known truth, declared as YAML: which column is what, and who is who.

``include/linkage/datasets/<name>/dataset.yaml`` says how the files of a data set read
as person records, in the SQL of ``standardise.sql``'s kind. A data set of the county's
kind is linked with the county's model; one of another kind keeps its own settings and
weights beside its declaration.
"""

import csv
import io
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from concord.contracts.persons import PERSON_ATTRIBUTES, PERSON_RECORD
from concord.contracts.yaml_lines import Document, parse
from concord.duck import literal, quoted
from concord.exceptions import ConfigError
from concord.linkage.settings import SETTINGS_FILE, PersonModel, load_model
from concord.linkage.standardise import LINKAGE

DATASETS = LINKAGE / "datasets"
DATASET_FILE = "dataset.yaml"
# What DuckDB reads by itself, dates and numbers of JSON as text; all else is CSV.
_READERS = {
    ".ndjson": "read_json({}, format = 'newline_delimited', sample_size = -1, "
    "dateformat = 'none', timestampformat = 'none')",
    ".parquet": "read_parquet({})",
}
TRUTH = pa.schema([("record_key", pa.string()), ("person", pa.string())])


class _Strict(BaseModel):
    """A frozen value that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceFile(_Strict):
    """One file of person records: whose it is and, where it differs, how it reads.

    ``beside`` names more files whose rows ``from`` may join to this file's, which are
    ``source_row``.
    """

    feed: str
    file: str
    record_key: str | None = None
    beside: Mapping[str, str] = {}
    from_: str = Field(default="source_row", alias="from")
    where: str = "true"
    columns: Mapping[str, str] = {}


class TruthFile(_Strict):
    """A file that says which record is which person."""

    file: str
    record_key: str
    person: str


class TraitsFile(_Strict):
    """A file that says what each person is; linkage is measured for each group."""

    file: str
    person: str
    columns: Mapping[str, str] = Field(min_length=1)


class Dataset(_Strict):
    """How a data set's files read as person records with known truth."""

    description: str
    source: str
    licence: str
    folder: str
    as_of: date | None = None
    record_key: str
    columns: Mapping[str, str]
    person: str | None = None
    truth: TruthFile | None = None
    traits: TraitsFile | None = None
    sets: Mapping[str, tuple[SourceFile, ...]] = Field(min_length=1)

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: Mapping[str, str]) -> Mapping[str, str]:
        """Refuse a column that a person record doesn't have."""
        unknown = sorted(columns.keys() - set(PERSON_ATTRIBUTES))
        if unknown:
            raise ValueError(f"a person record has no {', '.join(unknown)}")
        return columns

    @model_validator(mode="after")
    def _one_truth(self) -> "Dataset":
        """Refuse a data set that says twice, or nowhere, who is who."""
        if (self.person is None) == (self.truth is None):
            raise ValueError("give either person or truth")
        return self


@dataclass(frozen=True)
class KnownPersons:
    """Person records, who each of them is and, where it is known, what they are.

    ``traits`` holds ``person`` and one column a trait.
    """

    records: pa.Table
    truth: pa.Table
    traits: pa.Table | None = None


@dataclass(frozen=True)
class DeclaredDataset:
    """A data set's declaration and where it stands."""

    path: Path
    dataset: Dataset

    @property
    def name(self) -> str:
        """Return the data set's name, which is its folder's."""
        return self.path.parent.name

    @property
    def model_folder(self) -> Path:
        """Return where its model lies: beside the declaration, or the county's."""
        own = self.path.parent
        return own if (own / SETTINGS_FILE).is_file() else LINKAGE

    def model(self) -> PersonModel:
        """Return the trained model that its records are linked with."""
        return load_model(self.model_folder)

    def read(self, folder: Path, name: str | None = None) -> KnownPersons:
        """Read one of its sets; the first if none is named.

        Args:
            folder: Where the folders of data sets lie; this one's is ``folder`` in the
                declaration.
            name: The set.

        Raises:
            ConfigError: There is no such set or file, or a declared column is wrong.
        """
        sets = self.dataset.sets
        name = next(iter(sets)) if name is None else name
        if name not in sets:
            known = ", ".join(sets)
            raise ConfigError(f"{self.path}: no set '{name}'. There are: {known}")
        with duckdb.connect() as con:
            parts = [self._records(con, folder, source) for source in sets[name]]
            return KnownPersons(
                pa.concat_tables(part.records for part in parts),
                self._truth(con, folder, parts),
                self._traits(con, folder),
            )

    def _truth(
        self,
        con: duckdb.DuckDBPyConnection,
        folder: Path,
        parts: Sequence[KnownPersons],
    ) -> pa.Table:
        """Return who is who: as the records' own rows say it, or a file of its own."""
        rule = self.dataset.truth
        if rule is None:
            return pa.concat_tables(part.truth for part in parts)
        self._open(con, folder, rule.file)
        return self._select(con, rule.record_key, rule.person, rule.file)

    def _traits(self, con: duckdb.DuckDBPyConnection, folder: Path) -> pa.Table | None:
        """Return what each person is, where a file says it."""
        rule = self.dataset.traits
        if rule is None:
            return None
        self._open(con, folder, rule.file)
        columns = {"person": rule.person, **rule.columns}
        picked = ", ".join(
            f"CAST({sql} AS VARCHAR) AS {quoted(name)}" for name, sql in columns.items()
        )
        return self._run(con, f"SELECT {picked} FROM source_row", rule.file)

    def _records(
        self, con: duckdb.DuckDBPyConnection, folder: Path, source: SourceFile
    ) -> KnownPersons:
        """Read one file: its person records and, where its rows say it, the truth."""
        self._open(con, folder, source.file)
        for name, file in source.beside.items():
            self._open(con, folder, file, name)
        key = source.record_key or self.dataset.record_key
        columns = {
            "record_key": key,
            "feed": literal(source.feed),
            "source_id": key,
            **self.dataset.columns,
            **source.columns,
        }
        picked = ", ".join(
            f"CAST({columns.get(field.name, 'NULL')} AS "
            f"{'DATE' if field.type == pa.date32() else 'VARCHAR'}) AS {field.name}"
            for field in PERSON_RECORD
        )
        query = f"SELECT {picked} FROM {source.from_} WHERE {source.where}"
        records = self._run(con, query, source.file).cast(PERSON_RECORD)
        truth = TRUTH.empty_table()
        if self.dataset.person is not None:
            truth = self._select(
                con, key, self.dataset.person, source.file, source.where
            )
        return KnownPersons(records, truth)

    def _select(
        self,
        con: duckdb.DuckDBPyConnection,
        record_key: str,
        person: str,
        file: str,
        where: str = "true",
    ) -> pa.Table:
        """Return who is who in the file that is open."""
        query = (
            f"SELECT CAST({record_key} AS VARCHAR) AS record_key, "
            f"CAST({person} AS VARCHAR) AS person FROM source_row WHERE {where}"
        )
        return self._run(con, query, file).cast(TRUTH)

    def _open(
        self,
        con: duckdb.DuckDBPyConnection,
        folder: Path,
        file: str,
        name: str = "source_row",
    ) -> None:
        """Make a file's rows the relation that the declaration's SQL reads."""
        path = next(iter(sorted((folder / self.dataset.folder).glob(file))), None)
        if path is None:
            raise ConfigError(
                f"{self.path}: {folder / self.dataset.folder / file} is absent"
            )
        reader = _READERS.get(path.suffix)
        if reader:
            rows = f"FROM {reader.format(literal(str(path)))}"
        else:
            con.register("text_row", _texts(path))
            rows = "SELECT NULLIF(TRIM(COLUMNS(*)), '') FROM text_row"
        con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS {rows}")

    def _run(self, con: duckdb.DuckDBPyConnection, query: str, file: str) -> pa.Table:
        """Run the declaration's SQL; an engine's message can hold a value."""
        try:
            return con.sql(query).to_arrow_table()
        except duckdb.Error as error:
            kind = type(error).__name__
        raise ConfigError(
            f"{self.path}: the columns declared for {file} can't be read ({kind})"
        )


def load_dataset(name: str, declarations: Path = DATASETS) -> DeclaredDataset:
    """Read the declaration of a data set; raises ConfigError naming those there are."""
    path = declarations / name / DATASET_FILE
    if not path.is_file():
        known = ", ".join(sorted(p.parent.name for p in declarations.glob("*/*.yaml")))
        raise ConfigError(f"no data set '{name}'. There are: {known}")
    return DeclaredDataset(path, parse(Document(path), Dataset))


def _texts(path: Path) -> pa.Table:
    """Return a CSV file's columns as text, whether it is packed with xz or not."""
    content = path.read_bytes()
    if path.suffix == ".xz":
        content = lzma.decompress(content)
    names = next(csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8")))
    table = pa_csv.read_csv(
        io.BytesIO(content),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string())
        ),
    )
    return table.rename_columns([name.strip() for name in names])
