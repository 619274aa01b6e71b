"""The steward's commands of `concord linkage`: review, decide, look back, promote."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from concord.terminal import Night, console, told

app = typer.Typer()
review = typer.Typer(
    help="Pairs that the model is not sure of: a page, and a file to fill in. Both "
    "show identities: only you can read them, and they never lie in the data root.",
    no_args_is_help=True,
)
app.add_typer(review, name="review")

By = Annotated[str, typer.Option(help="Who decides it: a role.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the vault.")]
To = Annotated[Path, typer.Option(help="The file to write, outside the data root.")]
Most = Annotated[int, typer.Option(min=1, help="How many pairs at most.")]
Record = Annotated[str, typer.Argument(help="A record key, as the review shows it.")]
Model = Annotated[
    Path | None,
    typer.Option(help="Folder of the model's two files; include/linkage if not given."),
]


@review.command()
def page(to: To, most: Most = 200) -> None:
    """Write the open pairs as a page, those first that would change most."""
    from concord import pipeline
    from concord.pipeline.reviewing import write_page

    with told(), pipeline.open_county() as county:
        console.print(f"{write_page(county, to, most)} pairs written: {to}")


@review.command("export")
def export_file(to: To, most: Most = 200) -> None:
    """Write the open pairs as CSV; fill in decision (same, different) and reason."""
    from concord import pipeline
    from concord.pipeline.reviewing import export_review

    with told(), pipeline.open_county() as county:
        console.print(f"{export_review(county, to, most)} pairs written: {to}")


@review.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="The file that was filled in.")], by: By
) -> None:
    """Take the decisions of a filled-in file, all or none; importing twice is safe."""
    from concord import pipeline
    from concord.pipeline.reviewing import import_review

    with told(), pipeline.open_county() as county:
        done = import_review(county, file, by=by)
        console.print(
            f"{len(done.decided)} decided, {done.known} decided before, "
            f"{done.open} left open"
        )


@app.command()
def join(one: Record, other: Record, reason: Reason, by: By) -> None:
    """Decide that two records are one person, from the next night on."""
    _decide("join", one, other, reason, by)


@app.command()
def part(one: Record, other: Record, reason: Reason, by: By) -> None:
    """Decide that two records are two persons, from the next night on."""
    _decide("part", one, other, reason, by)


def _decide(
    kind: Literal["join", "part"], one: str, other: str, reason: str, by: str
) -> None:
    from concord import pipeline
    from concord.linkage.decisions import Wish
    from concord.pipeline.deciding import decide_pairs

    with told(), pipeline.open_county() as county:
        (made,) = decide_pairs(county, [Wish(kind, one, other, reason)], by=by)
        console.print(f"decision {made.number}: {kind}, from night {made.since} on")


@app.command()
def undo(
    number: Annotated[int, typer.Argument(help="The decision's number.")],
    reason: Reason,
    by: By,
) -> None:
    """Undo a decision from the next night on; both stay on record."""
    from concord import pipeline
    from concord.pipeline.deciding import undo_decision

    with told(), pipeline.open_county() as county:
        made = undo_decision(county, number, reason=reason, by=by)
        console.print(f"decision {number} undone from night {made.since} on")


@app.command()
def decisions() -> None:
    """List every decision: kind, records, role, reason, and whether it still holds."""
    from concord import pipeline
    from concord.linkage.decisions import in_force
    from concord.pipeline.deciding import DecisionLog

    with told(), pipeline.open_county() as county:
        log = DecisionLog(county).read()
        held = {d.number for d in in_force(log, date.max)}
        table = Table(title="Decisions about pairs of records")
        for column in ("number", "kind", "one", "other", "from", "by", "reason", ""):
            table.add_column(column, overflow="fold")
        for d in log:
            kind = f"undo {d.undoes}" if d.undoes else d.kind
            standing = "holds" if d.number in held else ""
            words = d.one, d.other, str(d.since), d.by, d.reason, standing
            table.add_row(str(d.number), kind, *words)
        console.print(table)


@app.command()
def history(record: Record, night: Night = None) -> None:
    """Say who a record was: every person id, or all its records on one night."""
    from concord import pipeline
    from concord.pipeline.person_history import person_on, spans_of

    with told(), pipeline.open_county() as county:
        for span in spans_of(county, record):
            console.print(f"{span.since} to {span.until or 'now'}: {span.person_id}")
        if night is not None:
            together = person_on(county, record, night.date())
            console.print(f"on {night.date()} one person with {len(together)} records:")
            for key in together:
                console.print(f"  {key}")


@app.command()
def events(night: Night = None) -> None:
    """List what happened to person ids on a night, and why; new ids are counted."""
    from concord import pipeline
    from concord.pipeline.person_history import events_of

    with told(), pipeline.open_county() as county:
        found = events_of(county, night.date() if night else None)
        created = sum(event.kind == "created" for event in found)
        table = Table(title=f"Changes of person ids; {created:,} new persons besides")
        for column in ("what", "person", "other", "records", "why", "night", "run"):
            table.add_column(column, overflow="fold")
        for e in found:
            if e.kind != "created":
                ids = e.kind, e.person_id, e.other_person_id or "", str(e.records)
                table.add_row(*ids, e.reason, str(e.night), e.run)
        console.print(table)


@app.command()
def compare(model: Model = None) -> None:
    """Link the newest night with a model and say what it would change; changes nothing.

    Only a model that was compared with the newest night can be promoted.
    """
    from concord import pipeline
    from concord.pipeline.promoting import compare_model

    with told(), pipeline.open_county() as county:
        c = compare_model(county, model)
        table = Table(title=f"Model {c.version} on {c.night}, {c.records:,} records")
        for column in ("", f"in force ({c.version_in_force})", "compared"):
            table.add_column(column, justify="right" if column else "left")
        table.add_row("persons", f"{c.persons_before:,}", f"{c.persons_after:,}")
        table.add_row("records with another id", "", f"{c.changed:,} ({c.share:.2%})")
        table.add_row("ids merged away", "", f"{c.merged:,}")
        table.add_row("ids split off", "", f"{c.split:,}")
        table.add_row("largest person, records", "", f"{c.largest_cluster:,}")
        table.add_row("possible pairs", "", f"{c.possible:,}")
        met = f"{c.decisions_met} of {c.decisions}"
        table.add_row("decisions it reaches by itself", "", met)
        console.print(table)


@app.command()
def promote(reason: Reason, by: By, model: Model = None) -> None:
    """Let a compared model link from the next night on."""
    from concord import pipeline
    from concord.pipeline.promoting import promote_model

    with told(), pipeline.open_county() as county:
        promoted = promote_model(county, model, reason=reason, by=by)
        console.print(f"model {promoted.version} links from the next night on")
