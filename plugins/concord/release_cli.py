"""`concord release`: what waits for approval, votes, letting out and taking back."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from concord.terminal import console, told

if TYPE_CHECKING:
    from concord.publication.gate import Candidate

app = typer.Typer(
    help="The gate between a checked release and its readers: submit, vote, release, "
    "withdraw.",
    no_args_is_help=True,
)
Profile = Annotated[str, typer.Argument(help="The release profile, e.g. public.")]
Number = Annotated[int, typer.Argument(min=1, help="The release's number.")]
By = Annotated[str, typer.Option(help="Who decides: the login or role of one person.")]


@app.command("list")
def list_(profile: Profile) -> None:
    """List the releases of a profile that wait or were decided on, with their state."""
    from concord import pipeline

    with told(), pipeline.open_county() as county:
        table = Table(title=f"Releases of {profile}")
        for column in ("release", "state", "author", "votes", "waits for"):
            table.add_column(column)
        for candidate in pipeline.ReleaseGate(county, profile).candidates():
            lacking = candidate.waits_for() if candidate.state == "checked" else {}
            table.add_row(
                str(candidate.number),
                candidate.state,
                candidate.author,
                str(len(candidate.votes)),
                f"{len(lacking)} files" if lacking else "",
            )
        console.print(table)


@app.command()
def show(profile: Profile, number: Number) -> None:
    """Show what reviewers must know: context, files, votes, and who decided when."""
    from concord import pipeline

    with told(), pipeline.open_county() as county:
        _print(pipeline.ReleaseGate(county, profile).candidate(number))
        for event in county.ledger.decisions.events(profile, number):
            at = f"{event.at:%Y-%m-%d %H:%M}"
            console.print(f"{at} {event.kind} by {event.by}", markup=False)


def _print(candidate: "Candidate") -> None:
    """Print a candidate as reviewers see it."""
    title = f"release {candidate.number} of {candidate.profile}: {candidate.state}"
    console.print(title, markup=False)
    if candidate.context is not None:
        for name, value in vars(candidate.context).items():
            console.print(f"  {name}: {value}", markup=False, soft_wrap=True)
    for file, sha256 in candidate.files.items():
        yes, no = candidate.approvals(file), candidate.rejections(file)
        told = f"  {sha256[:16]} {file}: {len(yes)} of {candidate.reviewers} approve"
        rejected = f", {len(no)} reject" if no else ""
        console.print(told + rejected, markup=False, soft_wrap=True)


@app.command()
def draft(
    profile: Profile,
    night: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])],
) -> None:
    """Build and check a release of a night; readers see nothing of it yet."""
    from concord import pipeline

    with told(), pipeline.open_county() as county:
        pipeline.prepare_keymap(county, profile, night.date())
        made = pipeline.publish(county, profile, night.date(), "release draft")
        console.print(f"built: {made.path}", soft_wrap=True)
        if county.registry.profile(profile).reviewers:
            console.print(f"Next: concord release submit {profile} {made.number}")


@app.command()
def submit(
    profile: Profile,
    number: Number,
    by: By,
    population: Annotated[str, typer.Option(help="Whom the figures are about.")],
    period: Annotated[str, typer.Option(help="The days that they are of.")],
    count: Annotated[int, typer.Option(help="How many persons they rest on.")],
    related: Annotated[
        str, typer.Option(help="Earlier releases that overlap with it, or 'none'.")
    ],
) -> None:
    """Take a draft to its reviewers, with what they must know. You are its author."""
    from concord import pipeline
    from concord.publication.gate import Context

    with told(), pipeline.open_county() as county:
        context = Context(population, period, count, related)
        gate = pipeline.ReleaseGate(county, profile)
        _print(gate.submit(number, by, context))


@app.command()
def vote(
    profile: Profile,
    number: Number,
    by: By,
    approve: Annotated[
        bool, typer.Option("--approve/--reject", help="What you say of the files.")
    ],
    file: Annotated[
        list[str] | None,
        typer.Option(help="A file; repeat it. All if not given."),
    ] = None,
) -> None:
    """Say of files whether they may leave. Not for the author, and once a person."""
    from concord import pipeline

    with told(), pipeline.open_county() as county:
        gate = pipeline.ReleaseGate(county, profile)
        _print(gate.vote(number, by, file or (), approves=approve))


@app.command()
def publish(profile: Profile, number: Number, by: By) -> None:
    """Let an approved release out: CURRENT points to it from now on."""
    from concord import pipeline

    with told(), pipeline.open_county() as county:
        released = pipeline.ReleaseGate(county, profile).release(number, by)
        console.print(f"released: {released.path}", soft_wrap=True)


@app.command()
def withdraw(
    profile: Profile,
    number: Number,
    by: By,
    reason: Annotated[str, typer.Option(help="Why; kept beside the releases.")],
) -> None:
    """Take a release back: CURRENT goes to the one before, and its folder is closed."""
    from concord import pipeline

    with told(), pipeline.open_county() as county:
        current = pipeline.ReleaseGate(county, profile).withdraw(number, by, reason)
        console.print(f"withdrawn; CURRENT is now {current or 'gone: none is left'}")
