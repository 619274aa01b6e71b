"""Packed files that are cut, damaged, hostile, or unpack to more than they should."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import shutil
import stat
import struct
import zipfile
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest
import yaml

from concord import pipeline
from concord.exceptions import DeliveryHeld
from concord.landing import unpacking
from concord.landing.unpacking import unpack
from concord.settings import PROJECT, Settings
from concord.transport.base import Connection
from concord.transport.registry import open_transport, read_spec
from simulator.county import County as Simulated

CANARY = "Zyxwvut"
BODY = f"person_id,last_name\nP1,{CANARY}\n".encode()
LONG = b"person_id,last_name\n" + b"".join(
    b"P%d,%d\n" % (n, n * n) for n in range(9999)
)
MAX_BYTES = 2**20


def opened(folder: Path, packed: bytes, packing="zip", **options) -> bytes:
    """Unpack bytes as the check step does; returns what came out."""
    (folder / "000000-0123.pack").write_bytes(packed)
    options = {
        "max_bytes": MAX_BYTES,
        "feed": "police_rms",
        "table": "person",
    } | options
    into = folder / "000000-0123.csv"
    return unpack(folder / "000000-0123.pack", into, packing, **options).read_bytes()


def refused(folder: Path, packed: bytes, packing="zip", **options) -> str:
    """Return the code with which packed bytes are held; nothing else may be left."""
    with pytest.raises(DeliveryHeld) as caught:
        opened(folder, packed, packing, **options)
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None
    assert [path.name for path in folder.iterdir()] == ["000000-0123.pack"]
    return caught.value.code


def zipped(**members: bytes) -> bytes:
    """Make a zip of files by name."""
    return zip_of((zipfile.ZipInfo(name), body) for name, body in members.items())


def zip_of(members) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, body in members:
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, body)
    return buffer.getvalue()


def named(name: str, mode: int = 0o644 | stat.S_IFREG) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    info.external_attr = mode << 16
    return info


def test_gzip_and_zip_come_out_as_they_were_packed(tmp_path):
    assert opened(tmp_path, gzip.compress(LONG), "gzip") == LONG
    (tmp_path / "000000-0123.csv").unlink()
    assert opened(tmp_path, zipped(person=LONG)) == LONG


def test_gzip_in_several_members_is_one_file(tmp_path):
    assert opened(tmp_path, gzip.compress(b"a\n") + gzip.compress(b"b\n"), "gzip") == (
        b"a\nb\n"
    )


@pytest.mark.parametrize("member", ["Client.csv", "*Client.csv", "Cl*.csv"])
def test_each_table_finds_its_member_in_one_zip(tmp_path, member):
    packed = zipped(**{"Client.csv": BODY, "Exit.csv": b"x\n", "readme.txt": b""})
    assert opened(tmp_path, packed, member=member) == BODY


@pytest.mark.parametrize("member", ["client.csv", "*.csv", "Services.csv", None])
def test_a_member_that_is_missing_or_ambiguous_is_held(tmp_path, member):
    packed = zipped(**{"Client.csv": BODY, "Exit.csv": b"x\n"})
    assert refused(tmp_path, packed, member=member) == "MEMBER_MISSING"


@pytest.mark.parametrize("packing", ["gzip", "zip"])
@pytest.mark.parametrize("body", [b"", b"P", BODY])
def test_a_file_that_is_not_packed_as_agreed_is_held(tmp_path, packing, body):
    assert refused(tmp_path, body, packing) == "NOT_PACKED"


@pytest.mark.fault("T12", code="PACKED_CUT", outcome="held")
@pytest.mark.parametrize("cut", [1, 9, 100, 20_000])
def test_t12_a_truncated_gzip_is_held_before_it_is_parsed(tmp_path, cut):
    """A packed file ends before its end: seen before a row is read, nothing is kept."""
    whole = gzip.compress(LONG)
    assert refused(tmp_path, whole[:-cut], "gzip") == "PACKED_CUT"


@pytest.mark.fault("T12", code="PACKED_CUT", outcome="held")
@pytest.mark.parametrize("cut", [1, 30, 20_000])
def test_t12_a_truncated_zip_is_held(tmp_path, cut):
    """A zip without its table of contents: held."""
    whole = zipped(person=LONG)
    assert refused(tmp_path, whole[:-cut]) == "PACKED_CUT"


def flipped(packed: bytes, place: int) -> bytes:
    changed = bytearray(packed)
    changed[place] ^= 0xFF
    return bytes(changed)


@pytest.mark.fault("T13", code="PACKED_DAMAGED", outcome="held")
@pytest.mark.parametrize(
    ("packed", "packing"),
    [
        (flipped(gzip.compress(LONG), -6), "gzip"),
        (flipped(gzip.compress(LONG), 20_000), "gzip"),
        (gzip.compress(BODY) + b"x", "gzip"),
        (gzip.compress(BODY) + b"trailing junk", "gzip"),
        (flipped(zipped(person=LONG), 20_000), "zip"),
        (zipped(person=BODY) + b"trailing junk", "zip"),
        (b"PK\x03\x04junk" + zipped(person=BODY), "zip"),
    ],
    ids=["crc", "body", "byte-after", "junk-after", "zip", "zip-after", "zip-before"],
)
def test_t13_a_wrong_checksum_or_trailing_junk_refuses_the_whole_file(
    tmp_path, packed, packing
):
    """A packed file's checksum is wrong or bytes follow its end: held whole."""
    assert refused(tmp_path, packed, packing) == "PACKED_DAMAGED"


def zeros(size: int) -> bytes:
    return zip_of([(named("person.csv"), b"\0" * size)])


@pytest.mark.fault("F22", code="UNPACKED_TOO_LARGE", outcome="held")
@pytest.mark.parametrize("packing", ["gzip", "zip"])
def test_f22_a_bomb_stops_at_the_contracts_size(tmp_path, packing):
    """A small file unpacks to a huge one: stopped at the contract's size."""
    packed = zeros(10**7) if packing == "zip" else gzip.compress(bytes(10**7))
    assert len(packed) < 20_000
    assert refused(tmp_path, packed, packing) == "UNPACKED_TOO_LARGE"


@pytest.mark.fault("F22", code="UNPACKED_TOO_LARGE", outcome="held")
def test_f22_a_bomb_stops_at_the_ratio(tmp_path, monkeypatch):
    """A file packed a thousandfold: stopped at 200, whatever the contract allows."""
    monkeypatch.setattr(unpacking, "RATIO_FROM", 2**20)
    assert refused(tmp_path, zeros(10**7), max_bytes=2**40) == "UNPACKED_TOO_LARGE"


@pytest.mark.fault("F22", code="UNPACKED_TOO_LARGE", outcome="held")
def test_f22_a_zip_of_very_many_members_is_not_opened(tmp_path):
    """A zip of thousands of files: its count is refused before any is read."""
    many = zipped(**{f"m{n}": b"" for n in range(1001)})
    assert refused(tmp_path, many, member="m1") == "UNPACKED_TOO_LARGE"


@pytest.mark.fault("F22", code="UNPACKED_TOO_LARGE", outcome="held")
def test_f22_a_table_of_contents_without_end_is_not_read_into_memory(tmp_path):
    """A zip whose table of contents alone is huge: refused unread."""
    size = 5 * 2**20
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, size, 4, 0)
    assert refused(tmp_path, b"PK\3\4" + b"\0" * size + end) == "UNPACKED_TOO_LARGE"


@pytest.mark.fault("F22", code="ARCHIVE_UNSAFE", outcome="held")
@pytest.mark.parametrize(
    "inner", [zipped(a=BODY), gzip.compress(BODY)], ids=["zip", "gzip"]
)
@pytest.mark.parametrize("packing", ["gzip", "zip"])
def test_f22_a_packed_file_in_a_packed_file_is_held(tmp_path, inner, packing):
    """A zip in a zip: never unpacked twice."""
    outer = gzip.compress(inner) if packing == "gzip" else zipped(person=inner)
    assert refused(tmp_path, outer, packing) == "ARCHIVE_UNSAFE"


@pytest.mark.fault("F23", code="ARCHIVE_UNSAFE", outcome="held")
@pytest.mark.parametrize(
    "info",
    [
        named(f"../../{CANARY}"),
        named(f"a/../../{CANARY}"),
        named(f"/etc/{CANARY}"),
        named(f"..\\{CANARY}"),
        named(f"C:\\{CANARY}"),
        named("person.csv", 0o777 | stat.S_IFLNK),
    ],
    ids=["up", "up-again", "absolute", "backslash", "drive", "link"],
)
def test_f23_a_member_that_points_outside_is_held(tmp_path, info):
    """A zip member named ../../etc/x, /etc/x, or a link: the zip is refused whole."""
    packed = zip_of([(named("Client.csv"), BODY), (info, b"/etc/passwd")])
    assert refused(tmp_path, packed, member="Client.csv") == "ARCHIVE_UNSAFE"


@pytest.mark.fault("F24", outcome="accepted")
@pytest.mark.parametrize(
    "name",
    [
        "a\nb.csv",
        "'; drop table person; --.csv",
        "x" * 300 + ".csv",
        "\u202efdp.csv",
        "-rf.csv",
        "CON.csv",
        "{{ person }}.csv",
    ],
)
def test_f24_a_members_name_is_never_a_path(tmp_path, name):
    """A packed file with a hostile name: read, under a name of our own."""
    assert opened(tmp_path, zip_of([(named(name), BODY)])) == BODY
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "000000-0123.csv",
        "000000-0123.pack",
    ]


@pytest.mark.fault("F24", code="ARCHIVE_UNSAFE", outcome="held")
def test_f24_a_nul_byte_in_a_members_name_is_held(tmp_path):
    """A NUL byte in a packed file's name, to look like another: held."""
    packed = zipped(**{"ClientXcsv": BODY}).replace(b"ClientXcsv", b"Client\0csv")
    assert refused(tmp_path, packed, member="Client") == "ARCHIVE_UNSAFE"


def test_a_zip_with_a_password_is_held(tmp_path):
    packed = bytearray(zipped(person=BODY))
    central = packed.index(b"PK\1\2")
    packed[central + 8] |= 1
    assert refused(tmp_path, bytes(packed)) == "ARCHIVE_UNSAFE"


def test_an_unusual_method_is_held(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("person.csv", BODY)
    assert refused(tmp_path, buffer.getvalue()) == "ARCHIVE_UNSAFE"


NIGHT = date(2026, 1, 5)


@pytest.fixture(scope="module")
def night_of_police(tmp_path_factory) -> dict[str, bytes]:
    """A night's CSV files of the police, by table."""
    root = tmp_path_factory.mktemp("simulated")
    Simulated(7, 200, first_night=NIGHT).write_night(root, 0)
    folder = root / "served" / "police_rms" / "20260105"
    told = json.loads((folder / "manifest.json").read_text())
    return {f["table"]: (folder / f["name"]).read_bytes() for f in told["files"]}


@pytest.fixture
def packing(tmp_path):
    """Open a county whose police pack their files, into a drop folder."""
    with ExitStack() as stack:

        def opened(packing: str, transport: dict, *, members: bool = False):
            project = tmp_path / "project"
            for part in ("include", "expectations"):
                shutil.copytree(PROJECT / part, project / part)
            path = project / "include" / "contracts" / "police_rms.odcs.yaml"
            contract = yaml.safe_load(path.read_text())
            custom = {c["property"]: c["value"] for c in contract["customProperties"]}
            custom["delivery"]["packing"] = packing
            custom["transport"] |= {"kind": "folder", **transport}
            for table in contract["schema"] if members else ():
                member = {"property": "member", "value": f"*/{table['name']}.csv"}
                table.setdefault("customProperties", []).append(member)
            path.write_text(yaml.safe_dump(contract, sort_keys=False))
            settings = Settings(home=tmp_path / "home", project=project)
            return stack.enter_context(pipeline.open_county(settings))

        yield opened


def run_night(county, drop: Path, files: dict[str, tuple[str, bytes, int | None]]):
    """Drop files (table, bytes, rows) with their manifest; land and check the night."""
    folder = drop / "20260105"
    folder.mkdir(parents=True)
    told = {"source": "police_rms", "window": {"full": True}, "files": []}
    for name, (table, body, rows) in files.items():
        (folder / name).write_bytes(body)
        file = {"name": name, "table": table, "bytes": len(body)}
        file |= {"sha256": hashlib.sha256(body).hexdigest()}
        told["files"].append(file if rows is None else {**file, "rows": rows})
    (folder / "manifest.json").write_text(json.dumps(told))
    connection = Connection("", extra={"url": str(drop)})
    pipeline.land(
        county,
        "police_rms",
        NIGHT,
        lambda c: open_transport(c.id, read_spec(c.id, c.transport), connection),
    )
    return pipeline.check(county, "police_rms", NIGHT)


def received(county) -> dict[str, int]:
    """Return how many rows were received of each table, all accounted for."""
    (delivery,) = county.ledger.deliveries("police_rms")
    counts = county.ledger.table_counts(delivery.id)
    assert all(count.reconciles for count in counts)
    return {count.table_name: count.received for count in counts}


def rows_in(files: dict[str, bytes]) -> dict[str, int]:
    return {table: body.count(b"\n") - 1 for table, body in files.items()}


def test_a_zip_of_several_tables_is_checked_row_for_row(
    packing, tmp_path, night_of_police
):
    county = packing("zip", {"archive": "*.zip"}, members=True)
    members = {f"export/{t}.csv": body for t, body in night_of_police.items()}
    files = {"night.zip": ("archive", zipped(**members), None)}
    run_night(county, tmp_path / "drop", files)
    assert received(county) == rows_in(night_of_police)


@pytest.mark.parametrize("wrong", [0, 1])
def test_gzip_files_are_held_to_the_rows_that_were_announced(
    packing, tmp_path, night_of_police, wrong
):
    county = packing("gzip", {})
    rows = rows_in(night_of_police)
    rows["incident"] += wrong
    files = {
        f"{table}.csv.gz": (table, gzip.compress(body), rows[table])
        for table, body in night_of_police.items()
    }
    if wrong:
        with pytest.raises(DeliveryHeld, match="ROW_COUNT_MISMATCH"):
            run_night(county, tmp_path / "drop", files)
    else:
        run_night(county, tmp_path / "drop", files)
        assert received(county) == rows


@pytest.mark.fault("F22", code="UNPACKED_TOO_LARGE", outcome="held")
def test_f22_a_delivery_that_unpacks_to_too_much_is_held_and_kept(
    packing, tmp_path, night_of_police, monkeypatch
):
    """A zip bomb in a delivery: the feed is held, the zip kept, nothing else left."""
    monkeypatch.setattr(unpacking, "RATIO_FROM", 2**20)
    county = packing("zip", {"archive": "*.zip"}, members=True)
    members = {f"export/{t}.csv": body for t, body in night_of_police.items()}
    members["export/person.csv"] += b"x" * 10**7
    files = {"night.zip": ("archive", zipped(**members), None)}
    with pytest.raises(DeliveryHeld, match="UNPACKED_TOO_LARGE"):
        run_night(county, tmp_path / "drop", files)
    (delivery,) = county.ledger.deliveries("police_rms")
    (night,) = county.ledger.feed_nights(NIGHT)
    assert (night.status, night.code) == ("held", "UNPACKED_TOO_LARGE")
    assert len(list((county.zones.landing / delivery.folder).glob("*.age"))) == 2
    assert list(county.zones.scratch.iterdir()) == []


def packed_by(kind: str, body: bytes) -> bytes:
    """Pack a body as an agency's tool would."""
    match kind:
        case "zip":
            return zipped(person=body)
        case "gzip":
            return gzip.compress(body)
        case "bzip2":
            return bz2.compress(body)
        case _:
            return lzma.compress(body)


@pytest.mark.fault("R2", code="PACKED_UNDECLARED", outcome="held")
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("kind", ["zip", "gzip", "bzip2", "xz"])
def test_r2_a_packed_file_of_which_no_contract_speaks_is_told_as_one(
    packing, tmp_path, night_of_police, kind, suffix
):
    """The same content comes packed, unagreed: held as that, not as damaged text."""
    county = packing(None, {})
    rows = rows_in(night_of_police)
    packed = {t: packed_by(kind, body) for t, body in night_of_police.items()}
    files = {f"{t}.csv{suffix}": (t, body, rows[t]) for t, body in packed.items()}
    with pytest.raises(DeliveryHeld) as caught:
        run_night(county, tmp_path / "drop", files)
    assert caught.value.code == "PACKED_UNDECLARED"
    assert f"a {kind} file, but the contract declares no packing" in str(caught.value)
    (delivery,) = county.ledger.deliveries("police_rms")
    kept = (county.zones.landing / delivery.folder).glob("*.age")
    assert len(list(kept)) == len(files) + 1, "the receipt is kept beside the files"
    assert list(county.zones.scratch.iterdir()) == []


@pytest.mark.parametrize(
    "text", [b"BZh1 status,id\n", b"PK,name\n", b"Rar!,x\n", b"7z,x\n", b""]
)
def test_text_that_begins_like_a_packed_file_is_text(tmp_path, text):
    path = tmp_path / "file.csv"
    path.write_bytes(text)
    unpacking.hold_packed(path, feed="police_rms", table="person")
