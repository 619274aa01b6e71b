"""The release gate at work: decisions in the ledger, releases in their zone.

A decision is tried on what was decided before; then files move; then it is recorded. A
run that was killed in between is made again and finds the files where they belong.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, cast

from concord.exceptions import GateRefused, IntegrityError
from concord.landing.records import now
from concord.landing.release_log import ReleaseLog
from concord.pipeline.county import County
from concord.pipeline.release_records import as_record
from concord.publication.candidates import (
    file_hashes,
    folder_of,
    let_out,
    take_back,
    verify_alone,
)
from concord.publication.gate import Candidate, Context, Kind, decide, fold
from concord.publication.layout import CANDIDATES, release_folders
from concord.publication.manifest import read_manifest
from concord.publication.reading import created_at, history
from concord.publication.release import Release


class ReleaseGate:
    """The way of one profile's releases to their readers."""

    def __init__(self, county: County, profile: str) -> None:
        self.county = county
        self.profile = county.registry.profile(profile)
        self.releases = county.zones.releases

    def candidate(self, number: int) -> Candidate:
        """Return a release as it was decided on so far.

        One that nobody had to approve left without a decision.

        Raises:
            IntegrityError: There is no release of this number.
        """
        folder_of(self.releases, self.profile.id, number)
        decisions = self._log().events(self.profile.id, number)
        start = Candidate(self.profile.id, number, self.profile.reviewers)
        if self._is_recorded(number) and all(e.kind != "checked" for e in decisions):
            start = Candidate(self.profile.id, number, 0, state="released", left=True)
        return fold(start, ((cast("Kind", e.kind), e.by, e.facts) for e in decisions))

    def candidates(self) -> tuple[Candidate, ...]:
        """Return every release that waits or was decided on, oldest first."""
        home = self.releases / self.profile.id
        waiting = {number for number, _ in release_folders(home / CANDIDATES)}
        numbers = waiting | {*self._log().numbers(self.profile.id)}
        return tuple(self.candidate(number) for number in sorted(numbers))

    def submit(self, number: int, by: str, context: Context) -> Candidate:
        """Take a draft that passed the machines' checks to its reviewers.

        Drafts and candidates before it are superseded.
        """
        folder = folder_of(self.releases, self.profile.id, number)
        verify_alone(folder)
        facts = {"context": asdict(context), "files": file_hashes(folder)}
        done = self._decide(number, "checked", by, facts)
        self._supersede(before=number, by=by, states=("draft", "checked"))
        return done

    def vote(
        self, number: int, by: str, files: Iterable[str], *, approves: bool
    ) -> Candidate:
        """Record what a reviewer says of files, or of all if none is named.

        Either every vote is recorded, or none is.
        """
        candidate = self._unchanged(number)
        votes = [
            {"file": f, "sha256": candidate.files.get(f, ""), "approves": approves}
            for f in tuple(files) or tuple(candidate.files)
        ]
        fold(candidate, (("voted", by, facts) for facts in votes))
        for facts in votes:
            candidate = self._decide(number, "voted", by, facts)
        return candidate

    def release(self, number: int, by: str) -> Release:
        """Let a release out that its reviewers approved; CURRENT points to it.

        Raises:
            GateRefused: It is not approved, a file is not what was approved, or another
            release left since it was built.
        """
        candidate = self._unchanged(number)
        if candidate.state == "released" and not self._is_recorded(number):
            return self._record(number, by)  # a run was killed just before it
        self._refuse_overtaken(number)
        facts = {"files": dict(candidate.files)}
        approval = _approval(decide(candidate, "released", by, facts), by)
        keys = self.county.keys.folder
        let_out(self.releases, self.profile.id, number, approval, keys)
        self._decide(number, "released", by, facts)
        return self._record(number, by)

    def _refuse_overtaken(self, number: int) -> None:
        """Refuse what was built, and compared, when readers had another release.

        Two drafts of one quarter could else both leave, with figures that differ.
        """
        manifest = read_manifest(folder_of(self.releases, self.profile.id, number))
        built_on = (manifest["parent"] or {}).get("release")
        night = date.fromisoformat(manifest["night"])
        before = [
            release
            for release in history(self.releases, self.profile.id)
            if release.night <= night and release.number != number
        ]
        newest = max(before, key=lambda r: r.order).number if before else None
        if built_on != newest:
            raise GateRefused(
                "OVERTAKEN",
                f"release {number} of {self.profile.id} was built when readers had "
                f"release {built_on or 'none'}; now they have {newest or 'none'}",
                "Build the release again",
            )

    def _record(self, number: int, by: str) -> Release:
        """Record a release that is out, and that the one before it is overtaken."""
        path = folder_of(self.releases, self.profile.id, number)
        at = created_at(self.releases, self.profile.id, number) or now()
        record = as_record(self.profile.id, number, read_manifest(path), at)
        ledger = self.county.ledger
        ledger.record_release(record)
        ledger.record_event(
            "released",
            record.night,
            profile=self.profile.id,
            release=number,
            reused=False,
        )
        self._supersede(before=number, by=by, states=("released",))
        return Release(number, path, record.digest, reused=False)

    def withdraw(self, number: int, by: str, reason: str) -> str | None:
        """Take a release back; returns the name of what readers see instead, if any."""
        facts = {"reason": reason}
        decide(self.candidate(number), "withdrawn", by, facts)
        now_current = take_back(
            self.releases, self.profile.id, number, reason.strip(), now()
        )
        self._decide(number, "withdrawn", by, facts)
        night = self._night(number)
        self.county.ledger.record_event(
            "withdrawn", night, profile=self.profile.id, release=number
        )
        return now_current.name if now_current else None

    def _unchanged(self, number: int) -> Candidate:
        """Return a candidate whose files are as they were checked.

        Otherwise every vote is void: it is a draft again, and has to be built anew.
        """
        candidate = self.candidate(number)
        folder = folder_of(self.releases, self.profile.id, number)
        if candidate.state != "checked":
            return candidate
        if file_hashes(folder) == dict(candidate.files):
            return candidate
        votes = len(candidate.votes)
        self._decide(number, "changed", "concord", {"votes": votes})
        raise GateRefused(
            "FILE_CHANGED",
            f"release {number} of {self.profile.id}: its files are not those that "
            f"were checked, so {votes} votes are void",
            "Find out who changed them, then build the release again",
        )

    def _decide(
        self, number: int, kind: Kind, by: str, facts: Mapping[str, Any]
    ) -> Candidate:
        """Try a decision on what was decided before, and record it."""
        log, profile = self._log(), self.profile.id
        after = len(log.events(profile, number))
        done = decide(self.candidate(number), kind, by, facts)
        log.append(profile, number, kind, by.strip(), now(), facts, after=after)
        return done

    def _supersede(self, *, before: int, by: str, states: tuple[str, ...]) -> None:
        for candidate in self.candidates():
            if candidate.number < before and candidate.state in states:
                facts = {"by_release": before}
                self._decide(candidate.number, "superseded", by, facts)

    def _night(self, number: int) -> date:
        folder = folder_of(self.releases, self.profile.id, number)
        return date.fromisoformat(read_manifest(folder)["night"])

    def _is_recorded(self, number: int) -> bool:
        releases = self.county.ledger.releases(self.profile.id)
        return any(release.number == number for release in releases)

    def _log(self) -> ReleaseLog:
        return self.county.ledger.decisions


def _approval(candidate: Candidate, by: str) -> dict[str, Any]:
    """Return the record of an approval as it lies, signed, beside the releases."""
    if candidate.context is None:
        raise IntegrityError(f"release {candidate.number}: approved without context")
    return {
        "profile": candidate.profile,
        "release": candidate.number,
        "context": asdict(candidate.context),
        "author": candidate.author,
        "released_by": by.strip(),
        "files": dict(candidate.files),
        "votes": [asdict(vote) for vote in candidate.votes],
    }
