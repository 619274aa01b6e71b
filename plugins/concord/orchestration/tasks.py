"""Task bodies: each opens the county, makes one call, and gives back references.

What an agency got wrong stops its feed at once, without retries; what may pass (a
network, a late delivery) is tried again as the DAG says. No error comes out that holds
a value of a row or leads to one that does.
"""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, TypeVar

from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowSkipException,
    AirflowTaskTimeout,
)

from concord import pipeline
from concord.exceptions import (
    AgreementRefused,
    DeliveryHeld,
    DisclosureRefused,
    GateRefused,
    LinkageError,
    NothingDue,
)
from concord.landing.records import now
from concord.orchestration import answers
from concord.orchestration.connections import transport_of
from concord.pipeline.county import County, error_store
from concord.publication.gate import Context
from concord.sealed_errors import run_sealed, silenced
from concord.settings import Settings
from concord.steps import Step

T = TypeVar("T")
FINAL = (AgreementRefused, DeliveryHeld, DisclosureRefused, GateRefused, LinkageError)
PASSING = (AirflowFailException, AirflowSkipException, AirflowTaskTimeout)


def step(name: str, body: Callable[[County], T]) -> T:
    """Run a task's body in the opened county, its errors sealed, its prints lost."""

    def run() -> T:
        with silenced(), pipeline.open_county() as county:
            return body(county)

    try:
        return run_sealed(name, run, keep_error, PASSING)
    except FINAL as error:
        ended: Exception = AirflowFailException(str(error))
    except NothingDue as error:
        ended = AirflowSkipException(str(error))
    raise ended


def keep_error(name: str, error: BaseException) -> str:
    """Keep an error for the steward; returns its number."""
    return error_store(Settings()).keep(name, error, now())


def land(feed: str, night: date) -> list[str]:
    """Land a feed's deliveries; returns their ids."""

    def body(county: County) -> list[str]:
        connect = partial(transport_of, ledger=county.ledger)
        return list(pipeline.land(county, feed, night, connect))

    return step(f"land-{feed}", body)


def check(feed: str, night: date) -> dict[str, Any]:
    """Check and split a feed; returns the state's name and counts.

    Of a feed that is on time without a delivery there is nothing to check.
    """

    def body(county: County) -> dict[str, Any]:
        if pipeline.is_on_time(county, feed, night):
            return {"feed": feed, "on_time": True}
        return vars(pipeline.check(county, feed, night))

    return {**step(f"check-{feed}", body), "night": night.isoformat()}


def carry_forward(feed: str, night: date) -> dict[str, str]:
    """At the deadline, let the county go on without a feed that is not there."""

    def body(county: County) -> dict[str, str]:
        if pipeline.is_fresh(county, feed, night):
            raise AirflowSkipException(f"{feed} has been checked for {night}")
        if pipeline.is_on_time(county, feed, night):
            raise AirflowSkipException(f"{feed} owes nothing for {night}")
        state = county.ledger.state_as_of(feed, night)
        county.ledger.record_event(
            "carried_forward",
            night,
            feed,
            since=state.night.isoformat() if state else None,
        )
        return {"feed": feed, "since": state.night.isoformat() if state else "never"}

    return step(f"watch-{feed}", body)


def link(night: date) -> str:
    """Link the persons of a night; returns the run's name in the vault."""
    return step("link", lambda county: pipeline.link(county, night))


def prepare_keymap(profile: str, night: date) -> str:
    """Make a release's keymap; returns its name."""

    def body(county: County) -> str:
        return pipeline.prepare_keymap(county, profile, night)

    return step(f"keymap-{profile}", body)


def publish(profile: str, night: date, run_id: str) -> dict[str, Any]:
    """Publish a release; returns its number and digest."""

    def body(county: County) -> dict[str, Any]:
        release = pipeline.publish(county, profile, night, run_id)
        return {"release": release.number, "digest": release.content_digest}

    return step(f"release-{profile}", body)


def submit(profile: str, release: int, answer: dict[str, Any]) -> dict[str, int]:
    """Take a draft to its reviewers; returns on how many files they vote."""

    def body(county: County) -> dict[str, int]:
        gate, context = pipeline.ReleaseGate(county, profile), answer["params_input"]
        by = answers.person(answer)
        submitted = gate.submit(release, by, Context(**context))
        return {"release": release, "files": len(submitted.files)}

    return step(f"submit-{profile}", body)


def vote(profile: str, release: int, answer: dict[str, Any]) -> dict[str, int]:
    """Record what a reviewer says of each file; returns of which release."""

    def body(county: County) -> dict[str, int]:
        gate, by = pipeline.ReleaseGate(county, profile), answers.person(answer)
        files = list(gate.candidate(release).files)
        chosen = answers.chosen(answer, files)
        for part, approves in zip(chosen, (True, False), strict=True):
            if part:
                gate.vote(release, by, part, approves=approves)
        return {"release": release}

    return step(f"vote-{profile}", body)


def let_out(profile: str, release: int, answer: dict[str, Any]) -> dict[str, Any]:
    """Let an approved release out for its author; returns its number and digest."""

    def body(county: County) -> dict[str, Any]:
        gate = pipeline.ReleaseGate(county, profile)
        made = gate.release(release, answers.person(answer))
        return {"release": made.number, "digest": made.content_digest}

    return step(f"release-{profile}", body)


def report(night: date) -> str:
    """Write a night's oversight report; returns its folder's name."""
    return step("report", lambda county: pipeline.report(county, night).parent.name)


def scan(night: date) -> dict[str, int]:
    """Look for everybody in the vault in every artefact; returns counts."""

    def body(county: County) -> dict[str, int]:
        planted = pipeline.read_planted(county.settings.planted)
        scope = pipeline.everything(county)
        made = pipeline.scan_county(
            county.acting(Step.SCAN), scope, known_planted=planted, rehearsed=True
        )
        if not made.clean:
            found = {one.kind: one.findings for one in made.kinds if one.findings}
            raise AirflowFailException(
                f"{night}: {len(made.findings)} findings {found}; in the opened vault "
                f"{made.vault}, of planted records {made.planted}. Run `concord scan` "
                "on this machine for the places, then follow "
                "docs/how-to/scan_for_leaks.md"
            )
        return {"artefacts": sum(one.artefacts for one in made.kinds), "findings": 0}

    return step("scan", body)
