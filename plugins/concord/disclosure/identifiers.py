"""The residual-identifier scan: nothing from the vault may stand anywhere else.

``scan`` and ``scan_tree`` look through files, ``scan_tables`` through the tables that
are about to be released. A finding names artefact, place and kind and carries a keyed
fingerprint; it never holds the identifier, not even when a file is named after one.
"""

import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from concord.disclosure.artefacts import Texts, parts, server_parts, table_parts
from concord.disclosure.dictionary import Dictionary, Hit
from concord.disclosure.pieces import Name, Part, Piece, Unreadable
from concord.disclosure.views import SEPARATOR, Text, decoded, windows
from concord.exceptions import DisclosureRefused

UNREADABLE = "unreadable"
MOST_FINDINGS = 1000  # of one artefact: it is condemned long before


@dataclass(frozen=True, order=True)
class Finding:
    """Where an identifier stands that should not; never the identifier."""

    artefact: str
    locator: str
    kind: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.artefact}: {self.locator}: {self.kind} {self.fingerprint}"


def scan_tree(roots: Iterable[Path], dictionary: Dictionary) -> tuple[Finding, ...]:
    """Look through every file under some folders; links are read, not followed.

    Args:
        roots: Folders or files; artefacts are named relative to their folder.
        dictionary: What must not be found.
    """
    found: set[Finding] = set()
    for root in roots:
        base = root if root.is_dir() else root.parent
        found.update(scan(files(root), dictionary, base=base))
    return tuple(sorted(found))


def scan(
    paths: Iterable[Path], dictionary: Dictionary, *, base: Path | None = None
) -> tuple[Finding, ...]:
    """Look through files, their names and everything packed in them.

    Args:
        paths: The files.
        dictionary: What must not be found.
        base: Folder to which the artefacts' names are relative.
    """
    found: set[Finding] = set()
    for path in paths:
        name = path.relative_to(base).as_posix() if base else path.as_posix()
        artefact = _shown(name, dictionary)
        found.update(_name_findings(artefact, "name", name, dictionary))
        if path.is_symlink():
            target = os.fspath(path.readlink())
            found.update(_name_findings(artefact, "link", target, dictionary))
        else:
            found.update(_findings(artefact, parts(path), dictionary))
    return tuple(sorted(found))


def scan_server(name: str, url: str, dictionary: Dictionary) -> tuple[Finding, ...]:
    """Look through every table of a database server.

    Args:
        name: What the database is called in findings; its URL may hold a password.
        url: SQLAlchemy URL, best of somebody who may only read.
        dictionary: What must not be found.
    """
    return tuple(sorted(_findings(name, server_parts(url), dictionary)))


def scan_tables(
    con: duckdb.DuckDBPyConnection,
    tables: Iterable[str],
    dictionary: Dictionary,
    texts: Texts | None = None,
) -> None:
    """Refuse to release tables in which an identifier stands.

    Args:
        con: Connection that holds the tables.
        tables: Tables that are to be released.
        dictionary: What must not be found.
        texts: The tables' texts, where they have been gathered.

    Raises:
        DisclosureRefused: names each table, column and kind, and how many.
    """
    found: list[Finding] = []
    for table in tables:
        shown = _shown(table, dictionary)
        found += _findings(shown, table_parts(con, table, texts), dictionary)
    if found:
        counts = Counter((f.locator, f.kind) for f in found)
        listed = "; ".join(
            f"{place}: {kind} × {count}" for (place, kind), count in counts.items()
        )
        raise DisclosureRefused(
            f"identifiers in tables that were to be released: {listed}. "
            "Drop or tokenise the column in the release profile or its SQL"
        )


def files(root: Path) -> Iterator[Path]:
    """Yield the regular files and links under a folder, in order."""
    if not root.is_dir():
        yield root
        return
    for folder, names, files in os.walk(root):
        names.sort()
        here = Path(folder)
        links = [name for name in names if (here / name).is_symlink()]
        for name in sorted(files + links):
            path = here / name
            if path.is_symlink() or path.is_file():  # opening a pipe waits for ever
                yield path


def _findings(
    artefact: str, found: Iterable[Part], dictionary: Dictionary
) -> list[Finding]:
    """Look through the parts of one artefact."""
    findings: dict[Finding, None] = {}
    for part in found:
        match part:
            case Unreadable(place):
                where = place.strip() or "file"
                findings[Finding(artefact, where, UNREADABLE, "")] = None
            case Name(place, text):
                for finding in _name_findings(artefact, place, text, dictionary):
                    findings[finding] = None
            case Piece():
                for finding in _piece_findings(artefact, part, dictionary):
                    findings[finding] = None
                    if len(findings) >= MOST_FINDINGS:
                        return list(findings)
    return list(findings)


def _piece_findings(
    artefact: str, piece: Piece, dictionary: Dictionary
) -> Iterator[Finding]:
    """Look through bytes as they are and decoded once."""
    place = _shown(piece.place, dictionary)
    for start, text in windows(piece.handle):
        for hit in dictionary.hits(text, cells=piece.cells, labelled=piece.labelled):
            byte = f"{place}byte {start + hit.offset}"
            yield _finding(artefact, place if piece.cells else byte, hit, dictionary)
        for plain in decoded(text.data):
            for hit in dictionary.hits(Text(plain.data), cells=piece.cells):
                byte = f"{place}byte {start + plain.origin(hit.offset)}"
                where = f"{place if piece.cells else byte} ({plain.encoding})"
                yield _finding(artefact, where, hit, dictionary)


def _name_findings(
    artefact: str, place: str, text: str, dictionary: Dictionary
) -> Iterator[Finding]:
    """Look through a name of a file, member, table or column."""
    for word in text.split("/"):
        piece = Piece("", io.BytesIO(_cells_of(word)), cells=True)
        for finding in _piece_findings(artefact, piece, dictionary):
            shown = _shown(place, dictionary)
            yield Finding(artefact, shown, finding.kind, finding.fingerprint)


def _cells_of(name: str) -> bytes:
    """Return a name, whole and apart from its extensions, as cells of a column."""
    return SEPARATOR.join(
        part.encode("utf-8", "surrogateescape") for part in (name, *name.split("."))
    )


def _finding(artefact: str, place: str, hit: Hit, dictionary: Dictionary) -> Finding:
    return Finding(artefact, place, dictionary.kind(hit), dictionary.fingerprint(hit))


def _shown(name: str, dictionary: Dictionary) -> str:
    """Return a name with every part that holds an identifier withheld."""
    shown = []
    for word in name.split("/"):
        held = next(iter(_name_hits(word, dictionary)), None)
        shown.append(f"[withheld {held}]" if held else word)
    return "/".join(shown)


def _name_hits(word: str, dictionary: Dictionary) -> Iterator[str]:
    """Yield the fingerprints of the identifiers in a name."""
    data = _cells_of(word)
    texts = [Text(data), *(Text(plain.data) for plain in decoded(data))]
    for text in texts:
        for hit in dictionary.hits(text, cells=True):
            yield dictionary.fingerprint(hit)
