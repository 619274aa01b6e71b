"""Linkage of the stock way: Splink as its tutorial shows, trained on every night."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from concord.contracts.registry import Registry

ATTRIBUTES = ("first_name", "last_name", "birth_date", "ssn", "phone", "street", "zip")


def everything() -> Sequence[Any]:
    """Compare every attribute that all agencies have."""
    from splink import comparison_library as cl

    return (
        cl.JaroWinklerAtThresholds("first_name").configure(
            term_frequency_adjustments=True
        ),
        cl.JaroWinklerAtThresholds("last_name").configure(
            term_frequency_adjustments=True
        ),
        cl.DateOfBirthComparison("dob", input_is_string=True),
        cl.ExactMatch("ssn"),
        cl.ExactMatch("phone"),
        cl.LevenshteinAtThresholds("street"),
        cl.ExactMatch("zip"),
    )


def as_in_tutorial() -> Sequence[Any]:
    """Compare what the tutorial compares (names, birth date, place, e-mail), and SSN.

    It leaves out phone and street, which families share.
    """
    from splink import comparison_library as cl

    return (
        cl.NameComparison("first_name"),
        cl.NameComparison("last_name"),
        cl.DateOfBirthComparison("dob", input_is_string=True),
        cl.ExactMatch("zip").configure(term_frequency_adjustments=True),
        cl.EmailComparison("email"),
        cl.ExactMatch("ssn"),
    )


def link_persons(
    registry: Registry, frames: dict[str, dict[str, pd.DataFrame]]
) -> pd.DataFrame:
    """Return every person record with the cluster that Splink gives it."""
    return cluster(person_records(registry, frames))


def cluster(
    records: pd.DataFrame, comparisons: Callable[[], Sequence[Any]] = everything
) -> pd.DataFrame:
    """Train Splink on the records and return them with their clusters."""
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    records = comparable(records)
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="unique_id",
        comparisons=list(comparisons()),
        blocking_rules_to_generate_predictions=[
            block_on("ssn"),
            block_on("first_name", "last_name"),
            block_on("last_name", "dob"),
            block_on("first_name", "dob"),
            block_on("phone"),
        ],
    )
    api = DuckDBAPI()
    linker = Linker(api.register(records), settings, log_level=logging.CRITICAL)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("ssn"), block_on("first_name", "last_name", "dob")], recall=0.8
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e7)
    for rule in (block_on("first_name", "last_name"), block_on("dob")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    pairs = linker.inference.predict(threshold_match_probability=0.5)
    found = linker.clustering.cluster_pairwise_predictions_at_threshold(
        pairs, threshold_match_probability=0.95
    ).as_pandas_dataframe()
    clusters = found.set_index("unique_id")["cluster_id"]
    records["cluster_id"] = records["unique_id"].map(clusters)
    return records


def person_records(
    registry: Registry, frames: dict[str, dict[str, pd.DataFrame]]
) -> pd.DataFrame:
    """Return the person records of every feed, one below the other."""
    parts = []
    for contract in registry.contracts.values():
        merged = pd.DataFrame()
        for table in contract.tables:
            if not table.describes_persons:
                continue
            assert table.person is not None
            frame = frames[contract.id][table.name]
            part = pd.DataFrame({"source_id": frame[table.person.name]})
            for name in ATTRIBUTES:
                column = table.with_concept(f"person.{name}")
                if column is not None:
                    part[name] = frame[column.name]
            merged = part if merged.empty else merged.merge(part, "left", "source_id")
        parts.append(merged.assign(feed=contract.id))
    return pd.concat(parts, ignore_index=True)


def comparable(records: pd.DataFrame) -> pd.DataFrame:
    """Return the records as the tutorial prepares them: upper case, trimmed."""
    records = records.copy()
    for name in ("first_name", "last_name", "street"):
        records[name] = records[name].str.upper().str.strip()
    records["dob"] = pd.to_datetime(records["birth_date"]).dt.strftime("%Y-%m-%d")
    records["unique_id"] = records.index
    return records
