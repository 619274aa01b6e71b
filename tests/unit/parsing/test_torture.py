"""Public collections of awkward files: JSONTestSuite, csv-spectrum, naughty strings."""

import csv
import io
import json
import string
from pathlib import Path

import pytest

from concord.exceptions import DeliveryHeld
from concord.landing.archive import ArchiveSink
from concord.sealing import KeyRing
from concord.transport.base import Part
from tests.support.samples import members, sample
from tests.support.small_contract import Reader, column, columns, contract

TABLE = "parser_torture"
CODES = ("UNREADABLE_FILE", "RECORDS_MISSING", "EMPTY_FILE")


def json_cases(first: str) -> dict[str, bytes]:
    cases = members(TABLE, "JSONTestSuite_test_parsing.tar.xz")
    return {n: data for n, data in cases.items() if n.startswith(first)}


def naughty() -> list[str]:
    return json.loads(sample(TABLE, "blns.json").read_text(encoding="utf-8"))


def pages(records: str = "$.data[*]"):
    return contract({"columns": (column("."),), "records": records}, format="json")


def test_every_document_that_must_be_accepted_is_a_row(reader: Reader) -> None:
    cases = json_cases("y_")
    assert len(cases) == 95
    page = b'{"data": [' + b",".join(cases.values()) + b"]}"
    loaded = reader.load(pages(), page)
    assert (loaded.received, loaded.rejected, loaded.unreadable) == (95, 0, 0)
    on_one_line = [data.replace(b"\n", b" ") for data in cases.values()]
    feed = contract({"columns": (column("a"),)}, format="ndjson")
    loaded = reader.load(feed, b"\n".join(on_one_line))
    assert (loaded.received, loaded.rejected, loaded.unreadable) == (95, 0, 0)


def test_every_document_that_must_be_refused_is_refused_as_a_page(
    reader: Reader,
) -> None:
    cases = json_cases("n_")
    assert len(cases) == 188
    for name, page in cases.items():
        with pytest.raises(DeliveryHeld) as caught:
            reader.load(pages("$[*]"), page)
        assert caught.value.code in CODES, name
        with pytest.raises(DeliveryHeld):
            reader.load(pages(), page)


def test_every_document_that_must_be_refused_is_left_out_as_a_line(
    reader: Reader,
) -> None:
    # Of a document of several lines, some lines are documents themselves.
    lines = [d for d in json_cases("n_").values() if b"\n" not in d.strip()]
    broken = [data for data in lines if data.strip()]
    data = b"".join(b'{"a": "%d"}\n%b\n' % (n, d) for n, d in enumerate(lines))
    feed = contract({"columns": (column("a"),)}, format="ndjson")
    loaded = reader.load(feed, data)
    assert len(broken) > 170
    assert (loaded.received, loaded.unreadable) == (
        len(lines) + len(broken),
        len(broken),
    )
    assert reader.rows(loaded) == [(str(n),) for n in range(len(lines))]


def test_free_documents_are_rows_or_refused_and_always_counted(reader: Reader) -> None:
    lines = [data.replace(b"\n", b" ") for data in json_cases("i_").values()]
    assert len(lines) == 35
    feed = contract({"columns": (column("a"),)}, format="ndjson")
    assert reader.load(feed, b"\n".join(lines)).received == 35


def test_every_csv_is_its_json_twin(reader: Reader) -> None:
    files = members(TABLE, "csv-spectrum.tar.xz")
    names = sorted(n.removesuffix(".csv") for n in files if n.endswith(".csv"))
    assert len(names) == 12
    for name in names:
        twin = json.loads(files[f"{name}.json"])
        twin = twin if isinstance(twin, list) else [twin]
        header = list(twin[0])
        # Coordinates have quotes as signs of seconds in fields without quotes.
        feed = contract(
            {
                "columns": tuple(
                    c.model_copy(update={"trim": False}) for c in columns(header)
                )
            },
            finalNewline=False,
            strayQuotes="text" if name == "location_coordinates" else "reject",
        )
        loaded = reader.load(feed, files[f"{name}.csv"])
        assert (loaded.received, loaded.unreadable) == (len(twin), 0), name
        rows = [[value or "" for value in row] for row in reader.rows(loaded)]
        expected = [[row[key] for key in header] for row in twin]
        if name == "location_coordinates":
            # The collection's twin has another telephone number than its CSV.
            assert rows[0][0] == "2095257564"
            rows[0][0] = expected[0][0]
        assert rows == expected, name


def test_a_stray_quote_of_the_coordinates_is_rejected_unless_contracted(
    reader: Reader,
) -> None:
    data = members(TABLE, "csv-spectrum.tar.xz")["location_coordinates.csv"]
    feed = contract({"columns": (column("Cities"),)}, finalNewline=False)
    loaded = reader.load(feed, data)
    assert (loaded.received, loaded.unreadable) == (1, 1)


def written(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def as_is(name: str, source: str):
    return column(name, source=source, trim=False)


@pytest.mark.parametrize("form", ["csv", "ndjson", "json"])
def test_naughty_strings_as_values_come_out_the_same(reader: Reader, form: str) -> None:
    texts = naughty()
    assert len(texts) == 461
    rows = [{"id": str(n), "text": text} for n, text in enumerate(texts)]
    data = {
        "csv": written([["id", "text"], *([r["id"], r["text"]] for r in rows)]),
        "ndjson": "\n".join(json.dumps(r) for r in rows).encode(),
        "json": json.dumps(rows, ensure_ascii=False).encode(),
    }[form]
    table = {"columns": (as_is("id", "id"), as_is("text", "text"))}
    loaded = reader.load(contract(table, format=form), data)
    assert (loaded.received, loaded.rejected, loaded.unreadable) == (461, 0, 0)
    found = [(int(n), text or "") for n, text in reader.rows(loaded)]
    assert found == list(enumerate(texts))


def test_naughty_strings_as_column_names_are_found(reader: Reader) -> None:
    names = list(dict.fromkeys(naughty()))
    feed = contract({"columns": columns(names)})
    order = list(reversed(names))
    data = written([order, [str(names.index(name)) for name in order]])
    loaded = reader.load(feed, data)
    assert loaded.received == 1
    assert reader.rows(loaded) == [tuple(str(n) for n in range(len(names)))]


def test_naughty_strings_as_column_names_of_ours_are_quoted(reader: Reader) -> None:
    names = list({name.casefold(): name for name in naughty() if name}.values())
    made = tuple(column(name, source=f"s{n}") for n, name in enumerate(names))
    header = [f"s{n}" for n in range(len(names))]
    loaded = reader.load(contract({"columns": made}), written([header, header]))
    assert reader.rows(loaded) == [tuple(header)]
    assert [t.column for t in loaded.types] == names


def test_naughty_strings_as_file_names_are_never_paths(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "landed"
    folder.mkdir()
    keys = KeyRing(tmp_path / "keys")
    sink = ArchiveSink(folder, keys.recipient())
    names = [*naughty(), "../../etc/x", "/etc/x", "a" * 300, "'; DROP TABLE row; --"]
    for n, name in enumerate(names):
        sink.store(Part(name, "row", "rows"), io.BytesIO(b"id\n%d\n" % n))
    stored = sorted(path.name for path in folder.iterdir())
    assert stored == sorted(f"{part.sha256}.age" for part in sink.parts)
    assert all(set(name) <= set(string.hexdigits + ".age") for name in stored)
    assert [part.name for part in sink.parts] == names
