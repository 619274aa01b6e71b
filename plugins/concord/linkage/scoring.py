"""Score pairs with Splink: all of them, or those that have changed since another run.

What a pair scores is between the two records. What depends on all the others is added
every night, to pairs that were kept and to new ones by the same sum: how common a name
is, and how many records there are. So it makes no difference to a pair's weight when
it was scored.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from math import log2
from pathlib import Path
from platform import python_version
from typing import Any
from unicodedata import unidata_version

import duckdb
import pyarrow as pa

from concord.linkage.blocking import block
from concord.linkage.guard import refused_pairs
from concord.linkage.nodes import COUNTED_TONIGHT, TABLES
from concord.linkage.settings import UNIQUE_ID, PersonModel, prior
from concord.linkage.versions import model_digest

SLACK = 1.0
"""How much more a kept pair may weigh for the prior's sake: records may halve."""

SAME_FEED = f"""
CASE
    WHEN l.feed = r.feed AND (SELECT COUNT(DISTINCT feed) > 1 FROM {TABLES.nodes})
        THEN $same_feed
    ELSE 0
END
"""
"""What a pair of nodes weighs more, or less, for its feeds.

An agency that numbers people seldom has one twice, so two records of one feed are less
likely to be one person than two of different feeds, if there are several.
"""

BLOCKING = "blocking_rules_to_generate_predictions"
_BLOCKED = "linkage_blocked"
_CHANGED = "linkage_changed"


@dataclass(frozen=True)
class Scored:
    """The nodes and scored pairs of a run, for later runs that score only changes."""

    fingerprint: str
    nodes: pa.Table
    pairs: pa.Table

    def serves(self, model: PersonModel, records: int) -> bool:
        """Say whether a run of so many records would score every kept pair alike.

        Pairs that were far from a review were not kept; the prior of far fewer records
        could bring them near.
        """
        then = prior_weight(model, self.nodes.num_rows) + SLACK
        return (
            self.fingerprint == fingerprint(model)
            and prior_weight(model, records) < then
        )


def fingerprint(model: PersonModel) -> str:
    """Return a digest of all that a kept score depends on besides the two records.

    The model's own digest, which promotion asks for too, and the code that applies it.
    """
    digest = hashlib.sha256(model_digest(model).encode())
    digest.update(f"{python_version()} {unidata_version}".encode())
    for library in ("duckdb", "splink", "usaddress", "phonenumbers"):
        digest.update(f" {library} {version(library)}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def prior_weight(model: PersonModel, records: int) -> float:
    """Return the match weight of two random records of so many."""
    share = prior(model.links_per_record, records)
    return log2(share / (1 - share))


def open_linker(
    con: duckdb.DuckDBPyConnection,
    settings: Mapping[str, Any],
    name_share: str = "name_share",
) -> Any:
    """Return a silent Splink linker over the node table, with name frequencies."""
    from splink import DuckDBAPI, Linker

    con.execute(
        f"""
        CREATE OR REPLACE VIEW linkage_person AS
        SELECT *, CASE WHEN full_name IS NOT NULL THEN {name_share} END AS tf_full_name
        FROM {TABLES.nodes}
        """
    )
    return Linker(
        DuckDBAPI(con).register("linkage_person", table_name="person"),
        dict(settings),
        log_level=logging.CRITICAL,
        validate_settings=False,
    )


def score(
    con: duckdb.DuckDBPyConnection,
    model: PersonModel,
    records: int,
    kept: Scored | None = None,
) -> int:
    """Score the blocked pairs that are not kept; returns how many were compared.

    As if all names were one, so that what a name adds can be taken from its frequency
    tonight: Splink adds log2(u / frequency).
    """
    settings = {
        **model.for_records(records),
        "probability_two_random_records_match": 0.5,
        "retain_intermediate_calculation_columns": True,
    }
    linker = open_linker(con, settings, name_share="1.0")
    changed = None
    if kept is not None:
        changed = _CHANGED
        con.execute(
            f"CREATE TABLE {changed} AS FROM {TABLES.nodes} WHERE kept_id IS NULL"
        )
    block(con, _BLOCKED, TABLES.nodes, settings[BLOCKING], changed)
    blocked = linker.table_management.register_blocked_pairs_for_predict(
        linker._db_api.register(_BLOCKED)
    )
    # Splink then copies the records that are in a pair, which pays where few are.
    blocked.metadata["registered_for_predict"] = changed is not None
    scored = linker.inference.predict(warning_mode="never").physical_name
    names = " + ".join(
        f"CAST(mw_tf_adj_{comparison['output_column_name']} <> 0 AS TINYINT)"
        for comparison in settings["comparisons"]
        if any("tf_adjustment_column" in x for x in comparison["comparison_levels"])
    )
    least = model.thresholds.review_weight - prior_weight(model, records) - SLACK
    con.execute(
        f"""
        CREATE TABLE {TABLES.scores} AS
        SELECT unique_id_l, unique_id_r, match_weight AS score, {names or "0"} AS names
        FROM {scored} WHERE names > 0 OR score >= $least
        """,
        {"least": least},
    )
    compared: int = con.execute(f"SELECT COUNT(*) FROM {scored}").fetchall()[0][0]
    con.execute(f"DROP TABLE {scored}")
    return compared


def judge(
    con: duckdb.DuckDBPyConnection, model: PersonModel, kept: Scored | None = None
) -> None:
    """Let the guard look at the scored pairs, and put the kept ones beside them."""
    query, bound = refused_pairs(model.guard, TABLES)
    con.execute(f"CREATE TABLE {TABLES.judged} AS {query}", bound)
    if kept is not None:
        con.register("kept_pair", kept.pairs)
        con.execute(
            f"""
            INSERT INTO {TABLES.judged} BY NAME
            SELECT
                k.* REPLACE (
                    l.{UNIQUE_ID} AS unique_id_l, r.{UNIQUE_ID} AS unique_id_r
                )
            FROM kept_pair AS k
            INNER JOIN {TABLES.nodes} AS l ON k.unique_id_l = l.kept_id
            INNER JOIN {TABLES.nodes} AS r ON k.unique_id_r = r.kept_id
            """
        )
        con.unregister("kept_pair")


def weigh(con: duckdb.DuckDBPyConnection, model: PersonModel, records: int) -> None:
    """Write the pairs worth a review or a link tonight: weight, and any refusal."""
    con.execute(
        f"""
        CREATE TABLE {TABLES.pairs} AS
        SELECT
            j.unique_id_l,
            j.unique_id_r,
            score + $prior
            + {SAME_FEED}
            - CASE
                WHEN names > 0 THEN names * LOG2(GREATEST(l.name_share, r.name_share))
                ELSE 0
            END AS match_weight,
            CASE WHEN l.first_rare OR r.first_rare THEN refusal_rare ELSE refusal END
                AS refusal
        FROM {TABLES.judged} AS j
        INNER JOIN {TABLES.nodes} AS l ON j.unique_id_l = l.{UNIQUE_ID}
        INNER JOIN {TABLES.nodes} AS r ON j.unique_id_r = r.{UNIQUE_ID}
        WHERE match_weight >= $review
        """,
        {
            "prior": prior_weight(model, records),
            "same_feed": model.guard.same_feed_weight,
            "review": model.thresholds.review_weight,
        },
    )


def keep(con: duckdb.DuckDBPyConnection, model: PersonModel) -> Scored:
    """Return what a later run needs in order to score only what has changed."""
    counted = ", ".join(COUNTED_TONIGHT)
    return Scored(
        fingerprint(model),
        con.sql(f"SELECT * EXCLUDE ({counted}) FROM {TABLES.nodes}").to_arrow_table(),
        con.sql(f"FROM {TABLES.judged}").to_arrow_table(),
    )
