"""The `concord linkage` commands: decisions, models, places, and how good it all is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from concord import steward_cli
from concord.exceptions import ConcordError, ConfigError
from concord.settings import Settings
from concord.terminal import Night, console, told

if TYPE_CHECKING:
    from concord.linkage.measuring import Evaluation

app = typer.Typer(
    help="Who is one person: what people decide, who somebody was, which model, and "
    "how good it is, measured.",
    no_args_is_help=True,
)
app.add_typer(steward_cli.app)
Seed = Annotated[int, typer.Option(help="The same seed draws the same.")]


@app.command()
def sample(
    pairs: Annotated[int, typer.Option(min=20, help="How many pairs to judge.")] = 400,
    seed: Seed = 1,
    night: Night = None,
) -> None:
    """Draw pairs of records for people to judge, into the vault.

    The file holds persons' data and stays where it is. Write yes, no or unsure into
    its column same_person; then run: concord linkage evaluate.
    """
    from concord import pipeline
    from concord.pipeline.sampling import draw_sample

    with told(), pipeline.open_county() as county:
        path = draw_sample(county, night.date() if night else None, pairs, seed)
        console.print(f"to be judged: {path}", soft_wrap=True)


@app.command()
def places(
    gazetteer: Annotated[
        Path | None,
        typer.Option(help="The site's address file; else CONCORD_GAZETTEER."),
    ] = None,
    night: Night = None,
) -> None:
    """Match every feed's addresses to the site's gazetteer, and count what was found.

    The gazetteer is a CSV file with gazetteer_id, street, city and zip. Matches stay
    in the vault; the next report shows how many places of each feed can be mapped.
    """
    from concord import pipeline
    from concord.linkage.places import read_gazetteer
    from concord.reporting.mappable import mappable
    from concord.reporting.wording import number, percent

    with told(), pipeline.open_county() as county:
        file = gazetteer or county.settings.gazetteer
        if file is None:
            raise ConfigError("no gazetteer. Give --gazetteer or set CONCORD_GAZETTEER")
        day = night.date() if night else max(county.ledger.nights(), default=None)
        if day is None:
            raise ConcordError("the ledger knows no night. Run the nights first")
        found = pipeline.link_places(county, day, read_gazetteer(file))
        for line in mappable(found):
            console.print(
                f"{line.feed}: {percent(line.share)} of {number(line.places)} places "
                "found",
                soft_wrap=True,
            )


@app.command()
def evaluate(
    truth: Annotated[
        Path | None, typer.Option(help="Who is who: feed, source_id, person.")
    ] = None,
    traits: Annotated[
        Path | None, typer.Option(help="What persons are: person and its traits.")
    ] = None,
    sample: Annotated[
        str | None, typer.Option(help="A judged sample; the newest if not given.")
    ] = None,
    assaults: Annotated[
        Path | None,
        typer.Option(help="Which assaults are one: encounter_id, incident_id."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A data set declared in include/linkage.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where the data set's folder lies.")
    ] = None,
    part: Annotated[
        str | None, typer.Option("--set", help="One of its sets; else the first.")
    ] = None,
    curve: Annotated[bool, typer.Option(help="Link again at every threshold.")] = True,
    to: Annotated[
        Path | None, typer.Option(help="An HTML page to write as well.")
    ] = None,
    seed: Seed = 1,
    night: Night = None,
) -> None:
    """Measure linkage: precision and recall with intervals, by agency and by group.

    Of the county's persons in force, against --truth or a sample that people judged;
    the next report shows it. Or, with --dataset and --folder, of another data set.
    With --assaults, of the visits and incidents that were linked without names.
    Counts and rates only; small ones in words.
    """
    from concord import pipeline
    from concord.linkage.measuring_datasets import evaluate_dataset
    from concord.linkage_tables import print_agreement, print_evaluation
    from concord.pipeline.evaluating import evaluate_assaults, evaluate_on_truth
    from concord.pipeline.sampling import evaluate_on_sample

    with told():
        day = night.date() if night else None
        settings = Settings()
        if assaults is not None:
            with pipeline.open_county(settings) as county:
                print_agreement(evaluate_assaults(county, assaults, day), console)
            return
        if dataset is not None:
            found = evaluate_dataset(
                dataset, folder or Path(), part, settings, seed, curve=curve
            )
        else:
            with pipeline.open_county(settings) as county:
                if truth is not None:
                    found = evaluate_on_truth(
                        county, truth, traits, day, seed, curve=curve
                    )
                else:
                    found = evaluate_on_sample(county, sample, seed)
        print_evaluation(found, console)
        if to is not None:
            _write(found, settings.county, to)


def _write(found: "Evaluation", county: str, to: Path) -> None:
    """Write what was measured as a page."""
    from concord.reporting.linkage_quality import shown
    from concord.reporting.rendering import linkage_html
    from concord.zones import write_bytes

    write_bytes(to, linkage_html(county, shown(found)).encode("utf-8"))
    console.print(f"page: {to}", soft_wrap=True)
