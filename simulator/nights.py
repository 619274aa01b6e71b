"""What later nights change: newcomers, corrections, revisions, deletions."""

import numpy as np
import pyarrow as pa

from simulator.membership import eligible_students
from simulator.people import People
from simulator.places import draw_places
from simulator.randomness import Ints, sample
from simulator.records import corrected_records, store_places, write_records
from simulator.rosters import Night
from simulator.store import FEEDS, HANGS_ON, Store

_NEWCOMERS = 0.008
_CORRECTED = 0.006
_DELETED_RECORDS = 0.0004
# How a record changes: share, fields written anew, and which of them were wrong.
_CORRECTIONS: tuple[tuple[float, tuple[str, ...], tuple[str, ...]], ...] = (
    (0.25, ("birth_date",), ("birth_date",)),
    (0.30, ("first_name", "last_name", "middle_name"), ("first_name", "last_name")),
    (0.15, ("phone",), ("phone",)),
)
_MOVES = 0.30
_HOME = ("street", "city", "state", "zip")
# Wrong values are rare, so this many records are looked at for each correction.
_LOOKED_AT = 60


def register_newcomers(store: Store, night: Night, people: People) -> None:
    """Give records to people whom an agency did not know before."""
    pupils = eligible_students(people, night.today)
    adults = people.ages(night.today) >= 18
    everyone = np.ones(len(people), dtype=bool)
    may_come = {"school": pupils, "probation": adults}
    for feed in FEEDS:
        rng = night.rng(f"newcomers {feed}")
        known = store.column(f"SELECT DISTINCT person FROM {feed}_person ORDER BY 1")
        unknown = may_come.get(feed, everyone).copy()
        unknown[known[known < len(people)]] = False
        count = max(2, round(len(known) * _NEWCOMERS))
        persons = sample(rng, np.flatnonzero(unknown), count)
        write_records(store, rng, feed, night.index, people, persons)


def change_records(store: Store, night: Night, people: People) -> None:
    """Correct birth dates and names, note moves and new telephone numbers."""
    for feed in FEEDS:
        rng = night.rng(f"corrections {feed}")
        settled = _settled(store, feed, night, len(people))
        wanted = len(settled) * _CORRECTED
        seen = sample(rng, settled, max(400, round(wanted * _LOOKED_AT)))
        moved, rest = np.split(seen, [max(1, round(wanted * _MOVES))])
        _move(store, rng, feed, moved)
        corrected_records(store, rng, feed, people, np.sort(seen))
        _copy(store, night, feed, moved, _HOME)
        for share, fields, judged in _CORRECTIONS:
            wrong = rest[np.isin(rest, _wrong(store, feed, judged))]
            chosen = sample(rng, wrong, max(1, round(wanted * share)))
            _copy(store, night, feed, chosen, fields)
            rest = rest[~np.isin(rest, chosen)]


def _wrong(store: Store, feed: str, fields: tuple[str, ...]) -> Ints:
    """Find the staged records of which the agency has one of these fields wrong."""
    differs = " OR ".join(f"upper(r.{f}) <> upper(s.{f})" for f in fields)
    unknown = " OR ".join(f"(r.{f} IS NULL AND s.{f} IS NOT NULL)" for f in fields)
    return store.column(
        f"SELECT seq FROM {feed}_person r JOIN staged s USING (seq) "
        f"WHERE {differs} OR {unknown} ORDER BY seq"
    )


def _settled(store: Store, feed: str, night: Night, persons: int) -> Ints:
    return store.column(
        f"SELECT seq FROM {feed}_person WHERE gone IS NULL AND rev < {night.index} "
        f"AND person < {persons} ORDER BY seq"
    )


def _move(store: Store, rng: np.random.Generator, feed: str, numbers: Ints) -> None:
    """Give the persons of these records a new address."""
    first = store.number("SELECT max(place) + 1 FROM place")
    store_places(store, draw_places(rng, first, len(numbers)))
    moved = pa.table(
        {"seq": pa.array(numbers), "home": pa.array(first + np.arange(len(numbers)))}
    )
    store.run(
        "UPDATE truth SET former_place = truth.place, place = m.home FROM "
        f"(SELECT r.person, max(home) AS home FROM moved JOIN {feed}_person r "
        "USING (seq) GROUP BY r.person) m WHERE truth.person = m.person",
        moved=moved,
    )


def _copy(
    store: Store, night: Night, feed: str, numbers: Ints, fields: tuple[str, ...]
) -> None:
    assignments = ", ".join(f"{field} = staged.{field}" for field in fields)
    store.run(
        f"UPDATE {feed}_person SET {assignments}, defect = 0, rev = {night.index} "
        f"FROM staged WHERE staged.seq = {feed}_person.seq "
        f"AND staged.seq IN (SELECT value FROM fixed)",
        fixed=pa.table({"value": pa.array(numbers)}),
    )


# Revisions of events: table, share, rows that qualify, what is written.
_REVISIONS: tuple[tuple[str, float, str, str], ...] = (
    (
        "incident", 0.006, "clearance = 'N' AND offender IS NOT NULL AND seq NOT IN "
        "(SELECT incident FROM arrest WHERE gone IS NULL)",
        "clearance = 'B', clearance_lag = {yesterday} - day",
    ),
    ("arrest", 0.004, "kind = 'O'", "kind = 'T'"),
    ("involvement", 0.002, "relationship = 'RU'", "relationship = 'AQ'"),
    ("offense", 0.002, "bias = '99'", "bias = '88'"),
    (
        "period", 0.006, "end_day IS NULL AND start_day < {yesterday}",
        "end_day = {yesterday}, termination = 'DISCHARGE'",
    ),
    ("violation", 0.004, "severity = 'LOW'", "severity = 'MEDIUM'"),
    (
        "enrollment", 0.002,
        "exit_day IS NULL AND entry_day < {yesterday} - 30",
        "exit_day = {yesterday}, exit_type = 'Transferred'",
    ),
    ("attendance", 0.0012, "category = 2", "duration = 2"),
    ("discipline", 0.01, "NOT reported", "reported = true"),
    ("action", 0.01, "length > 1 AND length < 30", "length = length - 1"),
    (
        "encounter", 0.5, "status = 'in-progress' AND day < {yesterday}",
        "status = 'finished', disposition = 'home', "
        "stay = ({yesterday} - day) * 1440 + 1000 - minute",
    ),
    ("condition", 0.003, "verification = 'provisional'", "verification = 'confirmed'"),
)  # fmt: skip


def revise_events(store: Store, night: Night) -> None:
    """Write later knowledge into earlier events, and repair some defects."""
    yesterday = str(night.today - 1)
    for table, share, where, what in _REVISIONS:
        rng = night.rng(f"revisions {table}")
        rows = store.column(
            f"SELECT rowid FROM {table} WHERE gone IS NULL AND rev < {night.index} "
            f"AND {where.format(yesterday=yesterday)} ORDER BY rowid"
        )
        total = store.number(f"SELECT count(*) FROM {table}")
        wanted = len(rows) * share if share >= 0.5 else total * share
        _revise(store, night, table, sample(rng, rows, max(1, round(wanted))),
                what.format(yesterday=yesterday))  # fmt: skip
        broken = store.column(
            f"SELECT rowid FROM {table} WHERE defect > 0 AND gone IS NULL "
            f"AND rev < {night.index} ORDER BY rowid"
        )
        _revise(store, night, table, sample(rng, broken, round(len(broken) * 0.05)),
                "defect = 0")  # fmt: skip


def _revise(store: Store, night: Night, table: str, rows: Ints, what: str) -> None:
    store.run(
        f"UPDATE {table} SET {what}, rev = {night.index} "
        "WHERE rowid IN (SELECT value FROM revised)",
        revised=pa.table({"value": pa.array(rows)}),
    )


def delete_rows(store: Store, night: Night, persons: int) -> None:
    """Delete a few person records with their events, and a few events alone."""
    for feed in FEEDS:
        rng = night.rng(f"deletions {feed}")
        numbers = _settled(store, feed, night, persons)
        kept = _KEPT.get(feed)
        if kept:
            numbers = numbers[~np.isin(numbers, store.column(kept))]
        gone = sample(rng, numbers, max(1, round(len(numbers) * _DELETED_RECORDS)))
        store.delete(f"{feed}_person", night.index, "seq", gone)
        for table in HANGS_ON[feed]:
            store.delete(table, night.index, "record", gone)
        if feed == "police_rms":
            _forget_names(store, night, gone)
    _delete_events(store, night)


# Records that stay, because another agency's rows point at their events.
_KEPT = {"police_rms": "SELECT record FROM arrest"}


def _forget_names(store: Store, night: Night, records: Ints) -> None:
    """Take deleted persons out of the narratives of incidents."""
    for role in ("victim", "offender"):
        store.run(
            f"UPDATE incident SET {role} = NULL, rev = {night.index} "
            f"WHERE {role} IN (SELECT value FROM forgotten)",
            forgotten=pa.table({"value": pa.array(records)}),
        )


def _delete_events(store: Store, night: Night) -> None:
    rng = night.rng("deleted events")
    before = f"gone IS NULL AND rev < {night.index}"
    incidents = store.column(
        f"SELECT seq FROM incident WHERE {before} AND happening IS NULL "
        "AND token IS NULL AND seq NOT IN (SELECT incident FROM arrest) "
        "AND seq NOT IN (SELECT incident FROM discipline WHERE incident IS NOT NULL) "
        "ORDER BY seq"
    )
    gone = sample(rng, incidents, max(1, len(incidents) // 2500))
    store.delete("incident", night.index, "seq", gone)
    for table in ("offense", "involvement"):
        store.delete(table, night.index, "incident", gone)
    visits = store.column(
        f"SELECT seq FROM encounter WHERE {before} AND happening IS NULL ORDER BY seq"
    )
    gone = sample(rng, visits, max(1, len(visits) // 2500))
    store.delete("encounter", night.index, "seq", gone)
    store.delete("condition", night.index, "encounter", gone)
    for table in ("attendance", "violation"):
        rows = store.column(f"SELECT seq FROM {table} WHERE {before} ORDER BY seq")
        store.delete(
            table, night.index, "seq", sample(rng, rows, max(1, len(rows) // 2500))
        )
