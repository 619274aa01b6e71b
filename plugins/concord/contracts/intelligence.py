"""Columns of criminal intelligence, which Concord does not take: 28 CFR Part 23.

Who is said to belong to a gang, whom somebody knows, what they believe and how they vote
may be held in a shared system only under reasonable suspicion, documented and reviewed
(28 CFR 23.20). Concord makes no such judgement and has no such review, so the contract of
a law-enforcement agency may not name such a column, whatever its concept.
"""

import re

from concord.contracts.models import Table

SECTORS = frozenset(
    {"police", "sheriff", "prosecution", "jail", "corrections", "probation", "parole"}
)
FORBIDDEN = frozenset(
    {
        "gang",
        "gangs",
        "affiliation",
        "affiliations",
        "associate",
        "associates",
        "association",
        "associations",
        "religion",
        "religious",
        "political",
        "politics",
        "informant",
        "informants",
        "intelligence",
    }
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def forbidden_word(sector: str, table: Table, column: str) -> str | None:
    """Return the word that makes a column one of criminal intelligence, if any does.

    A concept is looked at in every sector; name, agency's name and description only
    where the law-enforcement rule applies.
    """
    found = table.column(column)
    texts = [found.concept.name]
    if sector in SECTORS:
        texts += [found.name, found.source, found.description]
    words = (word.lower() for text in texts for word in _WORD.findall(text))
    return next((word for word in words if word in FORBIDDEN), None)
