"""Task bodies: each opens the county, makes one call, and gives back references.

What an agency got wrong stops its feed at once, without retries; what may pass (a
network, a late delivery) is tried again as the DAG says.
"""

from datetime import date
from functools import partial
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from concord import pipeline
from concord.exceptions import (
    AgreementRefused,
    DeliveryHeld,
    DisclosureRefused,
    LinkageError,
)
from concord.orchestration.connections import transport_of


def land(feed: str, night: date) -> list[str]:
    """Land a feed's deliveries; returns their ids."""
    with pipeline.open_county() as county:
        try:
            connect = partial(transport_of, ledger=county.ledger)
            return list(pipeline.land(county, feed, night, connect))
        except (AgreementRefused, DeliveryHeld) as error:
            raise AirflowFailException(str(error)) from None


def check(feed: str, night: date) -> dict[str, Any]:
    """Check and split a feed; returns the state's name and counts.

    Of a feed that is on time without a delivery there is nothing to check.
    """
    with pipeline.open_county() as county:
        if pipeline.is_on_time(county, feed, night):
            return {"feed": feed, "night": night.isoformat(), "on_time": True}
        try:
            result = pipeline.check(county, feed, night)
        except DeliveryHeld as error:
            raise AirflowFailException(str(error)) from None
    return {**vars(result), "night": night.isoformat()}


def carry_forward(feed: str, night: date) -> dict[str, str]:
    """At the deadline, let the county go on without a feed that is not there."""
    with pipeline.open_county() as county:
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


def link(night: date) -> str:
    """Link the persons of a night; returns the run's name in the vault."""
    with pipeline.open_county() as county:
        try:
            return pipeline.link(county, night)
        except LinkageError as error:
            raise AirflowFailException(str(error)) from None


def prepare_keymap(profile: str, night: date) -> str:
    """Make a release's keymap; returns its name."""
    with pipeline.open_county() as county:
        return pipeline.prepare_keymap(county, profile, night)


def publish(profile: str, night: date, run_id: str) -> dict[str, Any]:
    """Publish a release; returns its number and digest."""
    with pipeline.open_county() as county:
        try:
            release = pipeline.publish(county, profile, night, run_id)
        except DisclosureRefused as error:
            raise AirflowFailException(str(error)) from None
    return {"release": release.number, "digest": release.content_digest}


def report(night: date) -> str:
    """Write a night's oversight report; returns its folder's name."""
    with pipeline.open_county() as county:
        return pipeline.report(county, night).parent.name


def scan(night: date) -> dict[str, int]:
    """Look for everybody in the vault in every artefact; returns counts."""
    with pipeline.open_county() as county:
        planted = pipeline.read_planted(county.settings.planted)
        scope = pipeline.everything(county)
        made = pipeline.scan_county(county, scope, known_planted=planted)
    if not made.clean:
        found = {one.kind: one.findings for one in made.kinds if one.findings}
        raise AirflowFailException(
            f"{night}: {len(made.findings)} findings {found}; in the opened vault "
            f"{made.vault}, of planted records {made.planted}. Run `concord scan` on "
            "this machine for the places, then follow docs/how-to/scan_for_leaks.md"
        )
    return {one.kind: one.artefacts for one in made.kinds}
