"""Files of delimited text that are wrong byte by byte (F1 to F24, T1, T12 to T14)."""

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulator.faults.fields import FIELDS
from simulator.faults.model import ZIPPED, Effect, Fault, Staged, fault
from simulator.faults.records import table_file

LONG_LINE = 2 * 2**20  # twice what a line may be
BOMB = 64 * 2**20


def _file(staged: Staged) -> Path:
    """Return the table that is damaged: the one with persons, or else the first."""
    known = FIELDS.get(staged.feed, {}).get("name")
    if known:
        return table_file(staged.folder, known.table)
    return min(staged.folder.glob("*.csv"))


def _sent(staged: Staged) -> Path:
    """Return the file that was sent with the damaged table in it."""
    name = ZIPPED.get(staged.feed)
    return staged.folder / name if name else _file(staged)


def _bytes(change: Callable[[bytes], bytes]) -> dict[str, Effect]:
    """Make the effect of a change on a file's bytes."""

    def damage(staged: Staged) -> None:
        path = _file(staged)
        path.write_bytes(change(path.read_bytes()))

    return {"sftp": Effect(damage=damage)}


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> dict[str, Effect]:
    """Make the effect of a change on a file's lines, the header first."""
    return _bytes(lambda data: b"\n".join(change(data.split(b"\n"))))


def _cells(line: bytes) -> list[bytes]:
    return line.split(b",")


def _header(change: Callable[[list[bytes]], list[bytes]]) -> dict[str, Effect]:
    """Make the effect of a change on the header alone."""
    return _lines(lambda lines: [b",".join(change(_cells(lines[0]))), *lines[1:]])


def _columns(change: Callable[[list[bytes]], list[bytes]]) -> dict[str, Effect]:
    """Make the effect of a change on the cells of every line, all of them unquoted."""

    def every(lines: list[bytes]) -> list[bytes]:
        return [b",".join(change(_cells(line))) if line else line for line in lines]

    return _lines(every)


def _first_row(change: Callable[[bytes], bytes]) -> dict[str, Effect]:
    """Make the effect of a change on the first row."""
    return _lines(lambda lines: [lines[0], change(lines[1]), *lines[2:]])


def _swap(cells: list[bytes]) -> list[bytes]:
    return [cells[1], cells[0], *cells[2:]]


def _second(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Change the second cell of a line."""

    def changed(line: bytes) -> bytes:
        first, second, *rest = _cells(line)
        return b",".join([first, change(second), *rest])

    return changed


def _manifest(change: Callable[[dict[str, Any], Staged], None]) -> dict[str, Effect]:
    """Make the effect of a change on the finished manifest."""

    def spoil(staged: Staged) -> None:
        path = staged.folder / "manifest.json"
        told = json.loads(path.read_text(encoding="utf-8"))
        change(told, staged)
        path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")

    return {"sftp": Effect(spoil=spoil)}


def _entry(told: dict[str, Any], staged: Staged) -> dict[str, Any]:
    """Return what a manifest says of the damaged file."""
    name = _sent(staged).name
    entry: dict[str, Any] = next(f for f in told["files"] if f["name"] == name)
    return entry


def _packed(
    suffix: str,
    pack: Callable[[str, bytes], bytes],
    repack: Callable[[bytes], bytes],
) -> dict[str, Effect]:
    """Put a packed file in a file's place, and list it; a zip is changed itself."""

    def change(told: dict[str, Any], staged: Staged) -> None:
        path, entry = _sent(staged), _entry(told, staged)
        sent, zipped = path.read_bytes(), staged.feed in ZIPPED
        data = repack(sent) if zipped else pack(path.name, sent)
        path.unlink()
        packed = path if zipped else path.with_name(path.name + suffix)
        packed.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        entry.update(name=packed.name, bytes=len(data), sha256=digest)

    return _manifest(change)


def _zip(member: str, data: bytes, into: bytes = b"") -> bytes:
    """Zip one member under whatever name it is given, or add it to a zip."""
    made = io.BytesIO(into)
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(member), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _flip(data: bytes) -> bytes:
    """Change one bit of a gzip file's checksum."""
    return data[:-8] + bytes([data[-8] ^ 1]) + data[-7:]


def _uploading(staged: Staged) -> None:
    """Leave a folder as it is during an upload: no manifest, half a file."""
    (staged.folder / "manifest.json").unlink()
    path = _sent(staged)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _wrong_hash(told: dict[str, Any], staged: Staged) -> None:
    _entry(told, staged)["sha256"] = "0" * 64


def _one_more(told: dict[str, Any], staged: Staged) -> None:
    _entry(told, staged)["rows"] += 1


def _upwards(told: dict[str, Any], staged: Staged) -> None:
    entry = _entry(told, staged)
    entry["name"] = "../../" + entry["name"]


def _other_source(told: dict[str, Any], _staged: Staged) -> None:
    told["source"] = "shelbyville_rms"


def _swell(data: bytes) -> bytes:
    """Let the first member of a zip unpack to far more than it is packed."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        for place, member in enumerate(old.infolist()):
            swollen = old.read(member) + (b"" if place else b"0" * BOMB)
            new.writestr(member, swollen, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _flip_member(data: bytes) -> bytes:
    """Change one bit of the checksum of a zip's first member."""
    place = data.index(b"PK\x01\x02") + 16
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


FAULTS: tuple[Fault, ...] = (
    fault("T1", "a file is still being uploaded", {"sftp": Effect(spoil=_uploading)}),
    fault(
        "T12",
        "a packed file is cut",
        _packed(".gz", lambda _n, d: _gzip(d)[:-100], lambda d: d[:-100]),
    ),
    fault(
        "T13",
        "a packed file's checksum is wrong",
        _packed(".gz", lambda _n, d: _flip(_gzip(d)), _flip_member),
    ),
    fault("T14", "a file is not what its checksum says", _manifest(_wrong_hash)),
    fault("F1", "a file of 0 bytes", _bytes(lambda _data: b"")),
    fault("F2", "a header and no rows", _lines(lambda lines: [lines[0], b""])),
    fault("F3", "rows without a header", _lines(lambda lines: lines[1:])),
    fault(
        "F4",
        "semicolons in place of commas",
        _bytes(lambda data: data.replace(b",", b";")),
    ),
    fault(
        "F5",
        "a byte order mark before the header",
        _bytes(lambda data: b"\xef\xbb\xbf" + data),
    ),
    fault(
        "F6",
        "UTF-16 in place of UTF-8",
        _bytes(lambda data: data.decode().encode("utf-16")),
    ),
    fault(
        "F7",
        "a byte of Latin-1 in a name",
        _first_row(_second(lambda cell: cell + b"\xe9")),
    ),
    fault(
        "F8", "a NUL byte in a name", _first_row(_second(lambda cell: cell + b"\x00"))
    ),
    fault(
        "F9",
        "a line break inside quotes",
        _first_row(_second(lambda cell: b'"' + cell + b'\nJR"')),
    ),
    fault(
        "F10",
        "a quote that is never closed",
        _first_row(_second(lambda cell: b'"' + cell)),
    ),
    fault(
        "F11",
        "a stray quote inside a cell",
        _first_row(_second(lambda cell: cell[:1] + b'"' + cell[1:])),
    ),
    fault(
        "F12", "a row with a cell too many", _first_row(lambda line: line + b",EXTRA")
    ),
    fault("F13", "the last line is cut", _bytes(lambda data: data.rstrip(b"\n")[:-12])),
    fault(
        "F14",
        "the manifest counts one row more than there is",
        {**_manifest(_one_more), **dict.fromkeys(ZIPPED)},  # whose rows none counts
    ),
    fault(
        "F15",
        "two columns have the same name",
        _header(lambda names: [names[0], names[0], *names[2:]]),
    ),
    fault("F16", "columns in another order", _columns(_swap)),
    fault(
        "F18", "a column that nobody knows", _columns(lambda cells: [*cells, b"gang"])
    ),
    fault("F19", "a column is missing", _columns(lambda cells: [cells[0], *cells[2:]])),
    fault("F20", "line ends of both kinds", _first_row(lambda line: line + b"\r")),
    fault(
        "F21",
        "one line of two megabytes",
        _first_row(_second(lambda _cell: b"X" * LONG_LINE)),
    ),
    fault(
        "F22",
        "a zip bomb",
        _packed(
            ".zip",
            lambda name, data: _zip(name, data + b"0" * BOMB),
            _swell,
        ),
    ),
    fault(
        "F23",
        "a zip whose member leads out of it",
        _packed(
            ".zip",
            lambda name, data: _zip(f"../../{name}", data),
            lambda data: _zip("../../Funder.csv", b"FunderID\n", data),
        ),
    ),
    fault("F24", "a file name that leads out of the folder", _manifest(_upwards)),
    fault("F40", "the extract of another agency", _manifest(_other_source)),
)
