"""The linkage model: its settings by hand, its weights by training, both versioned."""

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from concord.exceptions import ConfigError

SETTINGS_FILE = "person_settings.yaml"
MODEL_FILE = "person_model.json"
UNIQUE_ID = "unique_id"


class _Strict(BaseModel):
    """A frozen value that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Level(_Strict):
    """One degree of agreement: a label and the SQL condition that tells it."""

    label: str
    sql: str
    unknown: bool = False
    term_frequency: Literal["full_name"] | None = None


class Comparison(_Strict):
    """How one attribute of two person records is compared, best level first."""

    name: str
    levels: tuple[Level, ...] = Field(min_length=3)


class Thresholds(_Strict):
    """Match weights, in log2 odds, at which a pair is linked, parted or reviewed.

    Below ``split_weight`` who was one person last night is one no longer; strangers
    are joined only at ``link_weight``.
    """

    link_weight: float
    split_weight: float
    review_weight: float

    @model_validator(mode="after")
    def _in_order(self) -> "Thresholds":
        if not self.review_weight <= self.split_weight <= self.link_weight:
            raise ValueError(
                "thresholds must rise: review_weight, split_weight, link_weight"
            )
        return self


class GuardParameters(_Strict):
    """What two records must not differ in, and how big a person may grow."""

    families: bool = True
    first_name_similarity: float = Field(gt=0, lt=1)
    rare_name_share: float = Field(gt=0, lt=1)
    generation_gap_years: int = Field(ge=1)
    ssn_distance: int = Field(ge=1)
    max_cluster_size: int = Field(ge=2)
    strict_weight: float
    bridge_weight: float
    same_feed_weight: float = Field(le=0)


class PersonSettings(_Strict):
    """The model as written by hand: everything but the trained weights."""

    version: str
    thresholds: Thresholds
    links_per_record: float = Field(gt=0)
    guard: GuardParameters
    blocking: tuple[str, ...] = Field(min_length=1)
    comparisons: tuple[Comparison, ...] = Field(min_length=1)

    def fingerprint(self) -> str:
        """Return a digest of what training depends on: the comparisons."""
        text = json.dumps([item.model_dump() for item in self.comparisons])
        return hashlib.sha256(text.encode()).hexdigest()

    def prior(self, records: int) -> float:
        """Return the probability that two of so many records are one person."""
        return prior(self.links_per_record, records)

    def splink(self) -> dict[str, Any]:
        """Return the settings as Splink reads them, untrained."""
        return {
            "link_type": "dedupe_only",
            "unique_id_column_name": UNIQUE_ID,
            "retain_matching_columns": False,
            "retain_intermediate_calculation_columns": False,
            "max_iterations": 50,
            "em_convergence": 0.0005,
            "blocking_rules_to_generate_predictions": list(self.blocking),
            "comparisons": [_splink_comparison(item) for item in self.comparisons],
        }


class PersonModel(_Strict):
    """The trained model that linkage runs: settings with m and u in every level."""

    version: str
    settings: Mapping[str, Any]
    links_per_record: float
    thresholds: Thresholds
    guard: GuardParameters

    def for_records(self, count: int) -> dict[str, Any]:
        """Return Splink settings whose prior fits this many records.

        A record has about as many partners in a big county as in a small one, so the
        probability that two random records match falls with their number.
        """
        probability = prior(self.links_per_record, count)
        return {
            **copy.deepcopy(self.settings),
            "probability_two_random_records_match": probability,
        }


def prior(links_per_record: float, records: int) -> float:
    """Return the share of all pairs of records that are links."""
    return min(2 * links_per_record / max(records - 1, 1), 0.5)


def load_settings(folder: Path) -> PersonSettings:
    """Read the hand-written settings of the person model."""
    path = folder / SETTINGS_FILE
    try:
        return PersonSettings.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ConfigError(f"{path}: not a linkage model: {error}") from error


def load_model(folder: Path) -> PersonModel:
    """Read the person model: settings and the weights that were trained for them.

    Args:
        folder: Where ``person_settings.yaml`` and ``person_model.json`` lie.

    Raises:
        ConfigError: A file is missing or wrong, or the weights were trained for
            other comparisons than the settings hold.
    """
    settings = load_settings(folder)
    path = folder / MODEL_FILE
    try:
        trained = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not a trained model: {error}") from error
    if trained.get("comparisons_sha256") != settings.fingerprint():
        raise ConfigError(
            f"{path}: trained for other comparisons than {SETTINGS_FILE} holds; "
            "train the model again"
        )
    return with_weights(settings, trained["weights"])


def with_weights(
    settings: PersonSettings, weights: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> PersonModel:
    """Return the settings as a model, with m and u of every comparison's levels."""
    splink = settings.splink()
    for comparison, level in scored_levels(splink):
        trained = weights[comparison][level["label_for_charts"]]
        level["m_probability"] = trained["m"]
        level["u_probability"] = trained["u"]
    return PersonModel(
        version=settings.version,
        settings=splink,
        links_per_record=settings.links_per_record,
        thresholds=settings.thresholds,
        guard=settings.guard,
    )


def scored_levels(splink: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every level that has weights, with its comparison's name."""
    for comparison in splink["comparisons"]:
        for level in comparison["comparison_levels"]:
            if not level.get("is_null_level"):
                yield comparison["output_column_name"], level


def _splink_comparison(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as Splink reads it."""
    return {
        "output_column_name": comparison.name,
        "comparison_levels": [_splink_level(level) for level in comparison.levels],
    }


def _splink_level(level: Level) -> dict[str, Any]:
    """Return a level as Splink reads it."""
    settings: dict[str, Any] = {
        "label_for_charts": level.label,
        "sql_condition": level.sql,
    }
    if level.unknown:
        settings["is_null_level"] = True
    if level.term_frequency:
        settings["tf_adjustment_column"] = level.term_frequency
        settings["tf_adjustment_weight"] = 1.0
        settings["disable_tf_exact_match_detection"] = True
    return settings
