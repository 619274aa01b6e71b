"""Check that a release is what was published: signature, files, tables, CURRENT."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from concord.exceptions import IntegrityError
from concord.publication.catalog import catalog_problem
from concord.publication.layout import (
    APPROVALS,
    CATALOG,
    CREATION,
    CURRENT,
    MANIFEST,
    PUBLIC_KEY,
    SIGNATURE,
    release_number,
)
from concord.publication.manifest import content_digest, read_manifest, rows_by_table
from concord.publication.reading import history, withdrawn
from concord.publication.signing import is_signed, read_public_key
from concord.publication.tables import columns, sha256

TAKEN_BACK = "was withdrawn: use CURRENT instead"


@dataclass(frozen=True)
class Problem:
    """What is wrong with which file."""

    file: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}: {self.problem}"


@dataclass(frozen=True)
class Verification:
    """The outcome of checking one release."""

    release: Path
    files: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Say whether the release is exactly what was published."""
        return not self.problems

    def require(self) -> None:
        """Raise IntegrityError when something is wrong."""
        if self.problems:
            listed = "; ".join(str(problem) for problem in self.problems)
            raise IntegrityError(
                f"{self.release.name}: {listed}. Restore the release from backup"
            )


def verify(release: Path, public_key: Ed25519PublicKey | None = None) -> Verification:
    """Check everything that can be checked about one release.

    Args:
        release: The release's folder, or ``CURRENT``.
        public_key: Key to trust. The key beside the releases is used without it; it
            shows damage, but not a forger who could replace both.
    """
    release = release.resolve()
    problems, files = [], 0
    try:
        manifest = _trusted_manifest(release, public_key)
    except IntegrityError as error:
        problems.append(Problem(MANIFEST, str(error)))
    else:
        listed = _listed(manifest)
        files = len(listed)
        problems += [*_content(release, manifest, listed), *_place(release, manifest)]
    return Verification(release, files, tuple(problems))


def _trusted_manifest(
    release: Path, public_key: Ed25519PublicKey | None
) -> dict[str, Any]:
    """Read the manifest; without its signature nothing else can be judged."""
    key = public_key or read_public_key(release.parent / PUBLIC_KEY)
    try:
        manifest = (release / MANIFEST).read_bytes()
        signature = (release / SIGNATURE).read_bytes()
    except OSError as error:
        raise IntegrityError(
            f"manifest or signature can't be read ({type(error).__name__})"
        ) from error
    if not is_signed(key, manifest, signature):
        raise IntegrityError("the signature does not match")
    return read_manifest(release)


def _listed(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return every file of the manifest with what it says about it."""
    files = {
        file["path"]: file
        for table in manifest["tables"].values()
        for file in table["files"]
    }
    return {**files, **manifest["dictionary"], **manifest["documents"]}


def _content(
    release: Path,
    manifest: Mapping[str, Any],
    listed: Mapping[str, Mapping[str, Any]],
) -> Iterator[Problem]:
    """Check the files: all there, unchanged, none besides, tables as declared."""
    if content_digest(manifest) != manifest["content_digest"]:
        yield Problem(MANIFEST, "its content does not have the digest it names")
    damaged = {}
    for name, said in listed.items():
        if problem := _file_problem(release / name, said):
            damaged[name] = problem
            yield Problem(name, problem)
    for table in manifest["tables"].values():
        yield from _tables(release, table, damaged)
    yield from _strangers(release, listed.keys() | {MANIFEST, SIGNATURE, CATALOG})
    if not damaged:
        problem = catalog_problem(release, rows_by_table(manifest))
        if problem:
            yield Problem(CATALOG, problem)


def _file_problem(path: Path, said: Mapping[str, Any]) -> str | None:
    """Say how a file differs from what the manifest says about it."""
    if path.is_symlink() or not path.is_file():
        return "missing"
    if path.stat().st_size != said["bytes"]:
        return f"has {path.stat().st_size} bytes, {said['bytes']} were published"
    if sha256(path) != said["sha256"]:
        return "its bytes are not those that were published"
    return None


def _tables(
    release: Path, table: Mapping[str, Any], damaged: Mapping[str, str]
) -> Iterator[Problem]:
    """Check the rows and columns of a table's intact files."""
    declared = tuple((column["name"], column["type"]) for column in table["columns"])
    for file in table["files"]:
        if file["path"] in damaged:
            continue
        try:
            metadata = pq.read_metadata(release / file["path"])
            found = columns(metadata.schema.to_arrow_schema())
        except (OSError, pa.ArrowException) as error:
            yield Problem(file["path"], f"no Parquet file ({type(error).__name__})")
            continue
        if metadata.num_rows != file["rows"]:
            yield Problem(
                file["path"], f"has {metadata.num_rows} rows, not {file['rows']}"
            )
        if found != declared:
            yield Problem(file["path"], "its columns are not those of the manifest")


def _strangers(release: Path, known: set[str]) -> Iterator[Problem]:
    """Report what lies in the release without being part of it."""
    for path in sorted(release.rglob("*")):
        name = path.relative_to(release).as_posix()
        if path.is_symlink() or (not path.is_dir() and name not in known):
            yield Problem(name, "is not part of the release")


def _place(release: Path, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """Check a release's number and CURRENT where the release lies among others."""
    number = release_number(release.name)
    if number is not None and number != manifest["release"]:
        yield Problem(MANIFEST, f"belongs to release {manifest['release']}")
    profile = release.parent
    if not (profile / CREATION).is_dir():
        return  # a copy of one release, somewhere else
    if profile.name != manifest["profile"]["id"]:
        yield Problem(MANIFEST, f"belongs to profile {manifest['profile']['id']}")
    if number in withdrawn(profile):
        yield Problem(MANIFEST, TAKEN_BACK)
        return
    try:
        releases = history(profile.parent, profile.name)
    except IntegrityError as error:
        yield Problem(CURRENT, str(error))
        return
    yield from _approval(profile, release.name)
    parent = manifest["parent"]
    digests = {earlier.number: earlier.content_digest for earlier in releases}
    if (
        parent
        and digests.get(parent["release"], parent["content_digest"])
        != (parent["content_digest"])
    ):
        yield Problem(MANIFEST, f"release {parent['release']} is not its parent")
    latest = max(releases, key=lambda r: r.order)
    if not latest.is_current:
        yield Problem(CURRENT, f"does not point to the latest, {latest.path.name}")


def _approval(profile: Path, name: str) -> Iterator[Problem]:
    """Check the signature of the record of a release's approval, if there is one."""
    record = profile / APPROVALS / f"{name}.json"
    if not record.exists():
        return
    key = read_public_key(profile / PUBLIC_KEY)
    signature = record.with_suffix(".sig")
    signed = signature.read_bytes() if signature.exists() else b""
    if not is_signed(key, record.read_bytes(), signed):
        where = record.relative_to(profile).as_posix()
        yield Problem(where, "the signature does not match")
