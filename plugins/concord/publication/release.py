"""Publish a release: all tables together, complete or not at all.

A release is written in a staging folder beside its final place, flushed to the disk,
renamed to its number, and only then does the link ``CURRENT`` move, by a rename too.
Whatever kills the process in between, readers see the release before or the release
after, and the next run finds a state from which it can go on.
"""

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from concord.exceptions import ConfigError, DisclosureRefused
from concord.publication.catalog import build_catalog
from concord.publication.documents import changes, readme
from concord.publication.layout import (
    CANDIDATES,
    CHANGES,
    CREATION,
    CURRENT,
    FILE_MODE,
    FOLDER_MODE,
    LOCK,
    MANIFEST,
    README,
    SIGNATURE,
    STAGING,
    checked_name,
    release_folders,
    release_name,
    release_number,
)
from concord.publication.manifest import (
    FORMAT,
    as_bytes,
    content_digest,
    describe_file,
    read_manifest,
)
from concord.publication.reading import PublishedRelease, history, withdrawn
from concord.publication.signing import ManifestKey, announce
from concord.publication.tables import store_table
from concord.zones import (
    PRIVATE,
    READABLE_FILE,
    Zones,
    alone,
    readable_folder,
    sync,
)


@dataclass(frozen=True)
class ReleaseContext:
    """Everything about a release that is not in its tables."""

    profile: str
    title: str
    basis: str
    profile_digest: str
    night: date
    inputs: tuple[Mapping[str, object], ...]
    persons_id: str
    code_version: str
    dictionary_json: str
    dictionary_markdown: str
    dictionary_html: str
    created_at: datetime
    run_id: str
    risks: tuple[Mapping[str, object], ...] = ()
    key_epoch: str = "1"


@dataclass(frozen=True)
class Release:
    """What was published, or found to be published already."""

    number: int
    path: Path
    content_digest: str
    reused: bool


def publish(
    tables: Mapping[str, pa.Table],
    *,
    context: ReleaseContext,
    releases: Path,
    keys: Path | None = None,
    held_back: bool = False,
) -> Release:
    """Publish tables as the next release of a profile.

    When the newest release of the same night has the same content, it is the result
    and nothing changes but a line in its creation record. ``CURRENT`` always points
    to the release of the latest night, so an old night that is run again never takes
    readers back.

    Args:
        tables: What to publish, by table name.
        context: Where the tables come from and for whom they are.
        releases: The releases zone.
        keys: Folder of the signing key; by default that of the same data root.
        held_back: Build it where no reader sees it, to wait for people's approval.

    Raises:
        DisclosureRefused: A release with the same content was withdrawn.
    """
    if not tables:
        raise ConfigError(f"profile {context.profile}: names no table to publish")
    signer = ManifestKey(keys or Zones(releases.parent).keys).signer()
    profile = releases / checked_name("profile", context.profile)
    readable_folder(releases, profile.name, CREATION)
    with alone(profile / LOCK):
        _clear_leftovers(profile)
        announce(signer, profile)
        release = _build(tables, context, profile, signer, held_back=held_back)
        if not held_back:
            point_current(profile)
        _record(profile, release, context)
    return release


def _clear_leftovers(profile: Path) -> None:
    """Remove what a run that was killed left unfinished; the lock is ours."""
    for path in profile.iterdir():
        if path.name.startswith(STAGING):
            shutil.rmtree(path)
        elif path.name.startswith(f".{CURRENT}-") or path.name.endswith(".part"):
            path.unlink()


def _build(
    tables: Mapping[str, pa.Table],
    context: ReleaseContext,
    profile: Path,
    signer: Ed25519PrivateKey,
    *,
    held_back: bool,
) -> Release:
    """Write the release, unless the newest one of its night holds the same."""
    earlier = history(profile.parent, profile.name)
    into = profile / CANDIDATES if held_back else profile
    into.mkdir(exist_ok=True, mode=PRIVATE)
    staging = profile / f"{STAGING}{uuid.uuid4().hex}"
    staging.mkdir(mode=PRIVATE)
    try:
        manifest = _write_content(tables, context, staging)
        digest = content_digest(manifest)
        _refuse_withdrawn(profile, digest)
        same_night = [r for r in earlier if r.night == context.night]
        if same_night and same_night[-1].content_digest == digest:
            return Release(same_night[-1].number, same_night[-1].path, digest, True)
        for number, path in release_folders(into) if held_back else ():
            if read_manifest(path)["content_digest"] == digest:
                return Release(number, path, digest, True)
        number = _next_number(profile)
        _finish(staging, manifest, number, _parent(earlier, context.night), signer)
        _make_durable(staging)
        path = into / release_name(number)
        staging.rename(path)
        sync(into)
        return Release(number, path, digest, False)
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # gone already when all went well


def _refuse_withdrawn(profile: Path, digest: str) -> None:
    """Raise where a release of the same content was taken back."""
    for number, told in withdrawn(profile).items():
        if told["content_digest"] == digest:
            raise DisclosureRefused(
                f"release {number} of {profile.name} had the same content and was "
                "withdrawn. Mend the cause, or publish another night"
            )


def _write_content(
    tables: Mapping[str, pa.Table], context: ReleaseContext, staging: Path
) -> dict[str, Any]:
    """Write tables and dictionary; return the part of the manifest they decide."""
    names = sorted(checked_name("table", name) for name in tables)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        stored = list(
            pool.map(lambda name: store_table(name, tables[name], staging), names)
        )
    shutil.rmtree(staging / ".spill", ignore_errors=True)
    dictionary = {
        "dictionary.json": context.dictionary_json,
        "dictionary.md": context.dictionary_markdown,
        "dictionary.html": context.dictionary_html,
    }
    for name, text in dictionary.items():
        (staging / name).write_text(text, encoding="utf-8")
    content = {
        "format": FORMAT,
        "profile": {
            "id": context.profile,
            "title": context.title,
            "basis": context.basis,
            "digest": context.profile_digest,
            "key_epoch": context.key_epoch,
        },
        "night": context.night.isoformat(),
        "inputs": [dict(entry) for entry in context.inputs],
        "persons_id": context.persons_id,
        "code_version": context.code_version,
        "risks": [dict(risk) for risk in context.risks],
        "tables": {table.name: table.as_manifest() for table in stored},
        "dictionary": {name: describe_file(staging / name) for name in dictionary},
    }
    return dict(json.loads(json.dumps(content)))  # as it will be read: tuples are lists


def _finish(
    staging: Path,
    manifest: dict[str, Any],
    number: int,
    parent: PublishedRelease | None,
    signer: Ed25519PrivateKey,
) -> None:
    """Write what depends on the release's place: documents, manifest, signature."""
    before = read_manifest(parent.path) if parent else None
    manifest["content_digest"] = content_digest(manifest)
    manifest["release"] = number
    manifest["parent"] = (
        {"release": parent.number, "content_digest": parent.content_digest}
        if parent
        else None
    )
    documents = {README: readme(manifest), CHANGES: changes(manifest, before)}
    for name, text in documents.items():
        (staging / name).write_text(text, encoding="utf-8")
    manifest["documents"] = {name: describe_file(staging / name) for name in documents}
    build_catalog(staging, manifest["tables"])
    signed = as_bytes(manifest)
    (staging / MANIFEST).write_bytes(signed)
    (staging / SIGNATURE).write_bytes(signer.sign(signed))


def _parent(
    earlier: tuple[PublishedRelease, ...], night: date
) -> PublishedRelease | None:
    """Return the release that readers of this night had before."""
    candidates = [r for r in earlier if r.night <= night]
    return max(candidates, key=lambda r: r.order, default=None)


def _next_number(profile: Path) -> int:
    """Return a number that no release of the profile ever had, destroyed or not."""
    folders = [*release_folders(profile), *release_folders(profile / CANDIDATES)]
    published = [number for number, _ in folders]
    recorded = [release_number(p.stem) or 0 for p in (profile / CREATION).iterdir()]
    return max([0, *published, *recorded]) + 1


def _make_durable(staging: Path) -> None:
    """Give readers access and flush everything, files before their folders."""
    paths = sorted(staging.rglob("*"), reverse=True)
    for path in [*paths, staging]:
        path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)
        sync(path)


def point_current(profile: Path) -> None:
    """Let CURRENT point to the release of the latest night; ties: the newest.

    Where every release was withdrawn there is no CURRENT.
    """
    releases = history(profile.parent, profile.name)
    latest = max(releases, key=lambda r: r.order, default=None)
    if latest is None:
        (profile / CURRENT).unlink(missing_ok=True)
        sync(profile)
        return
    if latest.is_current:
        return
    link = profile / f".{CURRENT}-{uuid.uuid4().hex}"
    link.symlink_to(latest.path.name)
    link.replace(profile / CURRENT)
    sync(profile)


def _record(profile: Path, release: Release, context: ReleaseContext) -> None:
    """Append when and by which run the release was built to its creation record."""
    path = profile / CREATION / f"{release_name(release.number)}.jsonl"
    line = json.dumps(
        {
            "created_at": context.created_at.isoformat(),
            "run_id": context.run_id,
            "reused": release.reused,
        }
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, READABLE_FILE)
    try:
        os.fchmod(descriptor, READABLE_FILE)
        os.write(descriptor, f"{line}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync(path.parent)
