"""Train the person model: u by random sampling, m by expectation maximisation.

Training is rare and apart from the night; its result is a file in the repository. The
records stay where they are: the file holds how often values agree, never a value.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from concord.linkage.nodes import connection, prepare_nodes
from concord.linkage.scoring import open_linker
from concord.linkage.settings import (
    MODEL_FILE,
    UNIQUE_ID,
    PersonModel,
    PersonSettings,
    scored_levels,
    with_weights,
)

# Each session blocks on what is nearly sure and learns how all the rest agrees. A
# level's m is the median of the sessions that saw it.
SESSIONS = ("l.ssn = r.ssn", "l.dob = r.dob", "l.full_name = r.full_name")
# A level that training rarely met is possible all the same: one pair in 500 more.
M_PSEUDOCOUNT = 0.002
U_FLOOR = 1e-7

Weights = dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class Evidence:
    """What weights were trained on and how, so that they can be made again."""

    records: int
    night: str | None
    seed: int
    random_pairs: int
    sessions: tuple[str, ...]
    splink: str


@dataclass(frozen=True)
class Trained:
    """The weights of every level, and what they were trained for and on."""

    settings: PersonSettings
    weights: Weights
    trained_on: Evidence

    @property
    def model(self) -> PersonModel:
        """Return the model that linkage runs."""
        return with_weights(self.settings, self.weights)

    def save(self, folder: Path) -> Path:
        """Write ``person_model.json``, readable in a diff."""
        content = {
            "version": self.settings.version,
            "comparisons_sha256": self.settings.fingerprint(),
            "trained_on": asdict(self.trained_on),
            "weights": self.weights,
        }
        path = folder / MODEL_FILE
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        return path


def train(
    records: pa.Table,
    settings: PersonSettings,
    *,
    seed: int,
    night: date | None = None,
    max_pairs: float = 1e7,
    threads: int | None = None,
    memory_limit: str | None = None,
) -> Trained:
    """Estimate the weights of every level from person records, without any truth.

    Args:
        records: Person records in the vault's schema.
        settings: The hand-written model.
        seed: Makes the random sample, and so the weights, repeatable.
        night: The night of the records; a birth date after it counts as unknown.
        max_pairs: How many random pairs tell how often strangers agree.
        threads: Threads for DuckDB.
        memory_limit: Memory for DuckDB.
    """
    prior = settings.prior(records.num_rows)
    untrained = settings.splink() | {"probability_two_random_records_match": prior}
    with connection(threads, memory_limit, scratch=None) as con:
        nodes = prepare_nodes(con, records, night, settings.guard.rare_name_share)
        linker = open_linker(con, untrained)
        linker.training.estimate_u_using_random_sampling(
            max_pairs=max_pairs, seed=seed, min_count_per_level=None, num_chunks=1
        )
        sessions = _sessions(con, nodes)
        for rule in sessions:
            linker.training.estimate_parameters_using_expectation_maximisation(rule)
        learnt = linker.misc.save_model_to_json()
    evidence = Evidence(
        records=records.num_rows,
        night=night.isoformat() if night else None,
        seed=seed,
        random_pairs=int(max_pairs),
        sessions=tuple(sessions),
        splink=version("splink"),
    )
    return Trained(settings, _weights(learnt, prior), evidence)


def _sessions(con: duckdb.DuckDBPyConnection, nodes: str) -> list[str]:
    """Return the training sessions that these records have pairs for."""
    return [
        rule
        for rule in SESSIONS
        if con.execute(
            f"SELECT EXISTS (FROM {nodes} AS l INNER JOIN {nodes} AS r "
            f"ON {rule} AND l.{UNIQUE_ID} < r.{UNIQUE_ID})"
        ).fetchall()
        == [(True,)]
    ]


def _weights(learnt: Mapping[str, Any], prior: float) -> Weights:
    """Return m and u of every level, none of them impossible.

    A random sample holds a few true matches. They are next to nothing where strangers
    often agree, but nearly all who agree on an SSN, so they are taken out of u.
    """
    weights: Weights = {}
    for comparison, level in scored_levels(learnt):
        weights.setdefault(comparison, {})[level["label_for_charts"]] = {
            "m": level.get("m_probability") or 0.0,
            "u": level.get("u_probability") or 0.0,
        }
    for levels in weights.values():
        total = sum(level["m"] for level in levels.values()) or 1.0
        for level in levels.values():
            share = level["m"] / total
            strangers = max(level["u"] - prior * share, level["u"] / 10, U_FLOOR)
            smoothed = (share + M_PSEUDOCOUNT) / (1 + M_PSEUDOCOUNT * len(levels))
            level["m"] = round(smoothed, 6)
            level["u"] = float(f"{strangers:.4g}")
    return weights
