"""Pairs that are never joined, however alike the rest of the two records is.

A shared SSN, state id, student or medical record number lifts every rule but the first:
each belongs to one person. A shared phone, e-mail address or address lifts none, since
families share them.
"""

from dataclasses import dataclass

import duckdb

from concord.linkage.settings import GuardParameters

Bound = dict[str, float]

# What the rules ask of a pair; unknown where either record doesn't say.
_FACTS = """
    DAMERAU_LEVENSHTEIN(l.ssn, r.ssn) AS ssn_edits,
    DAMERAU_LEVENSHTEIN(l.state_id, r.state_id) AS state_id_edits,
    l.ssn = r.ssn OR l.state_id = r.state_id OR l.student_number = r.student_number
    OR l.medical_number = r.medical_number AS same_number,
    COALESCE(l.first_name, l.last_name) IS NULL
    OR COALESCE(r.first_name, r.last_name) IS NULL AS nameless,
    l.generation <> r.generation AS other_generation,
    LENGTH(l.first_name) > 1 AND LENGTH(r.first_name) > 1 AS first_full,
    l.first_name = r.first_name AS first_equal,
    DAMERAU_LEVENSHTEIN(l.first_name, r.first_name) = 1 AS first_near,
    LIST_HAS_ANY(l.first_forms, r.first_forms) AS first_nickname,
    l.first_name IN (r.middle_name, r.last_name)
    OR r.first_name IN (l.middle_name, l.last_name) AS first_elsewhere,
    JARO_WINKLER_SIMILARITY(l.first_name, r.first_name) AS first_similarity,
    SUBSTR(l.middle_name, 1, 1) = SUBSTR(r.middle_name, 1, 1)
    AND COALESCE(l.sex = r.sex, true) AS first_odd,
    COALESCE(l.last_part_1 IN (r.last_part_1, r.last_part_2), false)
    OR COALESCE(l.last_part_2 IN (r.last_part_1, r.last_part_2), false)
    OR JARO_WINKLER_SIMILARITY(l.last_name, r.last_name) >= 0.88
    OR DAMERAU_LEVENSHTEIN(l.last_name, r.last_name) = 1 AS last_alike,
    l.first_name = r.last_name AND l.last_name = r.first_name AS swapped,
    MONTH(l.dob) = MONTH(r.dob) AND DAY(l.dob) = DAY(r.dob) AS same_birthday,
    ABS(YEAR(l.dob) - YEAR(r.dob)) AS years_apart,
    l.sex = 'F' AND r.sex = 'F' AS both_female,
    l.sex <> r.sex AS other_sex
"""

_REFUSAL = """
CASE
    WHEN ssn_edits > $ssn_distance THEN 'contradicting SSNs'
    WHEN same_number THEN NULL
    WHEN state_id_edits > $ssn_distance THEN 'contradicting state ids'
    WHEN nameless THEN 'no name'
    WHEN other_generation THEN 'generation suffixes'
    -- Twins: one birth date, address and surname, but called differently: clearly, or,
    -- where one is a boy and one a girl, at all (Frank and Frances). Where middle names
    -- agree and the first is an odd one, it is rather what a clerk made of it.
    WHEN
        $families
        AND first_full
        AND (first_similarity < $first_name_similarity OR COALESCE(other_sex, false))
        AND NOT COALESCE(
            {first_same} OR first_nickname OR first_elsewhere OR ({rare} AND first_odd),
            false
        )
        THEN 'given names'
    -- Brothers, sisters, in-laws: without a birth date that agrees at least in part,
    -- both names must be the same; a nickname will do if no birth date speaks against.
    WHEN
        $families
        AND first_full
        AND NOT COALESCE(same_birthday OR years_apart = 0, false)
        AND NOT COALESCE(swapped, false)
        AND NOT (
            ({first_same} OR (COALESCE(first_nickname, false) AND years_apart IS NULL))
            AND last_alike
        )
        THEN 'names and birth dates'
    -- Father and son: one name, a generation apart. Daughters seldom get their mother's
    -- names; the same day and month in another year is a mistyped year.
    WHEN
        years_apart BETWEEN $generation_gap_years AND 100
        AND NOT same_birthday
        AND NOT COALESCE(both_female, false)
        THEN 'generation gap'
END
"""


# A name that hardly anybody bears is rather a misspelling of the other one.
_FIRST_SAME = "(first_equal OR ({rare} AND first_near))"


@dataclass(frozen=True)
class Tables:
    """The tables of one linkage run in its connection."""

    nodes: str = "linkage_node"
    scores: str = "linkage_score"
    judged: str = "linkage_judged"
    pairs: str = "linkage_pair"
    groups: str = "linkage_group"


def refused_pairs(parameters: GuardParameters, tables: Tables) -> tuple[str, Bound]:
    """Return the query that says of scored pairs why they may not be joined.

    It says so twice, for first names that are common (``refusal``) and for one that is
    rare (``refusal_rare``): how rare a name is can change when other records do, all
    else is between the two.
    """
    query = f"""
        SELECT
            unique_id_l, unique_id_r, score, names,
            {_refusal("false")} AS refusal,
            {_refusal("true")} AS refusal_rare
        FROM (
            SELECT p.*, {_FACTS}
            FROM {tables.scores} AS p
            INNER JOIN {tables.nodes} AS l ON p.unique_id_l = l.unique_id
            INNER JOIN {tables.nodes} AS r ON p.unique_id_r = r.unique_id
        )
    """
    return query, _bound(parameters)


def refused_within_groups(
    con: duckdb.DuckDBPyConnection, parameters: GuardParameters, tables: Tables
) -> list[tuple[int, int, int]]:
    """Return the pairs that a chain of links would join although they may not be.

    Each is (group, left id, right id). Two twins can both resemble a record that holds
    only an initial; looking at linked pairs alone would join them through it.
    """
    return con.execute(
        f"""
        SELECT group_id, one, other
        FROM (
            SELECT
                g.group_id, l.unique_id AS one, r.unique_id AS other,
                l.first_rare OR r.first_rare AS rare, {_FACTS}
            FROM {tables.groups} AS g
            INNER JOIN {tables.groups} AS h
                ON g.group_id = h.group_id AND g.unique_id < h.unique_id
            INNER JOIN {tables.nodes} AS l ON g.unique_id = l.unique_id
            INNER JOIN {tables.nodes} AS r ON h.unique_id = r.unique_id
        )
        WHERE {_refusal("rare")} IS NOT NULL
        ORDER BY ALL
        """,
        _bound(parameters),
    ).fetchall()


def _refusal(rare: str) -> str:
    """Return the SQL of a refusal, given whether either first name is rare."""
    return _REFUSAL.format(rare=rare, first_same=_FIRST_SAME.format(rare=rare))


def _bound(parameters: GuardParameters) -> Bound:
    """Return the values that the refusal rules bind."""
    names = (
        "families",
        "ssn_distance",
        "first_name_similarity",
        "generation_gap_years",
    )
    return {name: getattr(parameters, name) for name in names}
