"""What a release says to the person who opens its folder."""

from collections.abc import Mapping
from typing import Any

from concord.publication.layout import CATALOG, release_name
from concord.publication.manifest import rows_by_table


def readme(manifest: Mapping[str, Any]) -> str:
    """Tell how to open the release in four tools, one line each."""
    names = sorted(manifest["tables"])
    example = "person" if "person" in names else names[0]
    tables = "\n".join(
        f"| `{name}` | {table['rows']:,} | {len(table['columns'])} |"
        for name, table in sorted(manifest["tables"].items())
    )
    profile = manifest["profile"]
    return f"""# {profile["title"]}, night {manifest["night"]}

Basis: {profile["basis"]}

| table | rows | columns |
|---|---:|---:|
{tables}

Open it from this folder:

- DuckDB: `duckdb -readonly {CATALOG} "FROM {example} LIMIT 10"`
- pandas: `pandas.read_parquet("{example}")`
- pyarrow: `pyarrow.parquet.read_table("{example}")`
- R: `arrow::open_dataset("{example}") |> dplyr::collect()`

`dictionary.md` says what each column means, `CHANGES.md` what differs from the release
before, `manifest.json` of what this release was made. Nothing in this folder changes
after it has appeared; `concord verify` checks that.
"""


def changes(manifest: Mapping[str, Any], parent: Mapping[str, Any] | None) -> str:
    """Compare row counts and columns with the release before."""
    title = f"# Changes in {release_name(manifest['release'])}"
    night = f"Night {manifest['night']}"
    if parent is None:
        compared = f"{night}, the first release."
        header = ["| table | rows |", "|---|---:|"]
        now = sorted(rows_by_table(manifest).items())
        rows = [f"| `{name}` | {count:,} |" for name, count in now]
        columns = []
    else:
        before = f"{release_name(parent['release'])} (night {parent['night']})"
        compared = f"{night}, compared with {before}."
        header = [
            "| table | rows before | rows now | difference |",
            "|---|---:|---:|---:|",
        ]
        rows = _row_changes(rows_by_table(parent), rows_by_table(manifest))
        columns = [
            *_rotation(parent["profile"], manifest["profile"]),
            *_corrections(parent["tables"], manifest["tables"]),
            *_column_changes(parent["tables"], manifest["tables"]),
        ]
    return "\n".join([title, "", compared, "", *header, *rows, "", *columns])


def _rotation(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return a line where the key of tokens is another than before."""
    old, new = (profile.get("key_epoch", "1") for profile in (before, now))
    if old == new:
        return []
    return [
        f"Every token is new: their key was rotated (epoch {new}, {old} before). No "
        "token of an earlier release is in this one, and `succession` leads from none.",
        "",
    ]


def _row_changes(before: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    """Return a line for each table of either release."""
    lines = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        difference = f"{(new or 0) - (old or 0):+,}" if old != new else "0"
        lines.append(f"| `{name}` | {_count(old)} | {_count(new)} | {difference} |")
    return lines


def _count(rows: int | None) -> str:
    """Write a row count; a table that is not there has none."""
    return "–" if rows is None else f"{rows:,}"


def _corrections(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return a line for each table that has as many rows, but not the same."""
    lines = [
        f"- `{name}` has as many rows as before, but other values."
        for name in sorted(before.keys() & now.keys())
        if before[name]["rows"] == now[name]["rows"]
        and _types(before[name]) == _types(now[name])
        and _hashes(before[name]) != _hashes(now[name])
    ]
    return [*lines, ""] if lines else []


def _hashes(table: Mapping[str, Any]) -> list[str]:
    """Return the hash of each of a table's files."""
    return [file["sha256"] for file in table["files"]]


def _column_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return a line for each column that came, went or changed its type."""
    lines = []
    for name in sorted(before.keys() & now.keys()):
        old, new = _types(before[name]), _types(now[name])
        lines += [f"- `{name}.{c}` is new ({new[c]})." for c in new if c not in old]
        lines += [f"- `{name}.{c}` is gone." for c in old if c not in new]
        lines += [
            f"- `{name}.{c}` was {old[c]} and is {new[c]}."
            for c in new
            if c in old and old[c] != new[c]
        ]
    return [*lines, ""] if lines else []


def _types(table: Mapping[str, Any]) -> dict[str, str]:
    """Return the type of each column."""
    return {column["name"]: column["type"] for column in table["columns"]}
