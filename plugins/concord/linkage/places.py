"""Where something happened: addresses matched to a site's own gazetteer, offline.

Every distinct address is parsed once (usaddress) and written as the post office would.
A match keeps its score and how it was found; the share of addresses that a map can show
is a measure of a feed's quality.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from concord.duck import literal
from concord.exceptions import ConfigError
from concord.settings import PROJECT

MATCH = PROJECT / "include" / "sql" / "places" / "place_match.sql"
WORDS = PROJECT / "include" / "sql" / "places" / "address_words.csv"
PARTS = pa.schema(
    [(n, pa.string()) for n in ("street", "house", "direction", "name", "kind")]
)
GAZETTEER = ("gazetteer_id", "street", "city", "zip")


@dataclass(frozen=True)
class Gazetteer:
    """A site's addresses, and the digest of the file that they were read from."""

    addresses: pa.Table
    digest: str


def parse_streets(streets: list[str]) -> pa.Table:
    """Return the parts of each street line; unknown where it is no street address.

    An intersection, a post box or a block without a house number has no house.
    """
    with duckdb.connect() as con:
        words = dict(
            con.sql(
                f"SELECT word, short FROM read_csv('{WORDS}', all_varchar = true)"
            ).fetchall()
        )
    return pa.Table.from_pylist(list(_parsed(streets, words)), schema=PARTS)


def _parsed(streets: list[str], words: dict[str, str]) -> Iterator[dict[str, str]]:
    import usaddress

    for street in streets:
        try:
            found, kind = usaddress.tag(street.upper().replace(".", ""))
        except usaddress.RepeatedLabelError:
            continue
        if kind != "Street Address":
            continue
        before = found.get("StreetNamePreDirectional", "")
        after = found.get("StreetNamePostDirectional", "")
        named = [
            found.get(part, "")
            for part in ("StreetNamePreModifier", "StreetNamePreType", "StreetName")
        ]
        yield {
            "street": street,
            "house": found.get("AddressNumber", "").lstrip("0"),
            "direction": _short(before or after, words),
            "name": "".join(c for c in " ".join(named) if c.isalnum()),
            "kind": _short(found.get("StreetNamePostType", ""), words),
        }


def _short(word: str, words: dict[str, str]) -> str:
    """Return the post office's short form of a direction or kind of street."""
    bare = "".join(c for c in word if c.isalpha())
    return words.get(bare, bare)


def read_gazetteer(path: Path) -> Gazetteer:
    """Read a site's gazetteer: a CSV file of ``gazetteer_id, street, city, zip, …``.

    Raises:
        ConfigError: The file is absent, is no CSV or lacks a column.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such gazetteer. Name the site's address file")
    addresses = _read(path)
    missing = [name for name in GAZETTEER if name not in addresses.column_names]
    if missing:
        raise ConfigError(
            f"{path}: a gazetteer without {', '.join(missing)}. It needs the columns "
            f"{', '.join(GAZETTEER)}"
        )
    return Gazetteer(addresses, hashlib.sha256(path.read_bytes()).hexdigest())


def _read(path: Path) -> pa.Table:
    """Read a CSV file; an engine's message would show what stands in it."""
    query = f"FROM read_csv({literal(str(path))}, header = true, all_varchar = true)"
    try:
        with duckdb.connect() as con:
            return con.sql(query).to_arrow_table()
    except duckdb.Error as error:
        kind = type(error).__name__
    raise ConfigError(
        f"{path}: can't be read ({kind}). A gazetteer is a CSV file in UTF-8 with the "
        f"columns {', '.join(GAZETTEER)}"
    )


def match_places(places: pa.Table, gazetteer: pa.Table) -> pa.Table:
    """Match each place to the one address of the gazetteer that it is most like.

    Args:
        places: ``place_key``, ``street``, ``city`` and ``zip``, as the vault has them.
        gazetteer: The addresses that ``read_gazetteer`` returned.

    Returns:
        ``place_key``, ``gazetteer_id``, ``score`` and ``how`` for every place; without
        an id where nothing, or more than one address, is like it.
    """
    with duckdb.connect() as con:
        for name, table in (("raw_place", places), ("raw_gazetteer", gazetteer)):
            con.register(name, table)
        streets = con.sql(
            "SELECT DISTINCT street FROM (SELECT street FROM raw_place UNION ALL "
            "SELECT street FROM raw_gazetteer) WHERE street IS NOT NULL ORDER BY street"
        ).fetchall()
        con.register("part", parse_streets([street for (street,) in streets]))
        for name in ("place", "gazetteer"):
            con.execute(
                f"CREATE TEMP TABLE {name} AS "
                "SELECT raw.* EXCLUDE (street, zip, city), "
                "NULLIF(house, '') AS house, NULLIF(direction, '') AS direction, "
                "NULLIF(part.name, '') AS name, NULLIF(kind, '') AS kind, "
                "LEFT(zip, 5) AS zip, UPPER(TRIM(city)) AS city "
                f"FROM raw_{name} AS raw LEFT JOIN part USING (street)"
            )
        return con.sql(MATCH.read_text(encoding="utf-8")).to_arrow_table()
