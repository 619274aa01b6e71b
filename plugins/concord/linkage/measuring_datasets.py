"""Measuring linkage on a declared data set: read, link with its model, compare."""

from pathlib import Path

from concord.linkage.datasets import load_dataset
from concord.linkage.measuring import Evaluation, evaluate_linkage, threshold_curve
from concord.linkage.prediction import link
from concord.settings import Settings


def evaluate_dataset(
    name: str,
    folder: Path,
    part: str | None,
    settings: Settings,
    seed: int,
    *,
    curve: bool = True,
) -> Evaluation:
    """Link a declared data set with its model and measure against its truth.

    Args:
        name: The data set's name.
        folder: Where its folder lies.
        part: One of its sets; the first if None.
        settings: What DuckDB may use.
        seed: Makes the intervals repeatable.
        curve: Whether to link again at every threshold.
    """
    declared = load_dataset(name, settings.include / "linkage" / "datasets")
    known = declared.read(folder, part)
    model = declared.model()
    night = declared.dataset.as_of
    threads, memory = settings.threads, settings.memory_limit
    result = link(
        known.records, model, night=night, threads=threads, memory_limit=memory
    )
    points = (
        threshold_curve(known, model, night, threads=threads, memory_limit=memory)
        if curve
        else ()
    )
    return evaluate_linkage(
        known,
        result.clusters,
        data=f"data set {name}{f', {part}' if part else ''}",
        night=night,
        model=model,
        seed=seed,
        curve=points,
    )
