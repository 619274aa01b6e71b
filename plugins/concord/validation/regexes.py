r"""Python regular expressions as RE2 ones that match exactly the same strings.

GX on pandas answers as Python's `re.search` does: pandas hands a pattern to RE2 only
where it believes the two agree. DuckDB has RE2 only, so a pattern is read with
Python's own parser and written again: `\d`, `\w` and `\s` as the very characters that
Python's Unicode tables give them, `$` with its optional last newline, `.` as anything
but a newline. What has no RE2 twin (lookaround, backreferences, `\b`, flags, possessive
repeats, `$` in the middle) is not translated, and GX itself runs the rule.
"""

import re
import sys
import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from concord.exceptions import SuiteError

_ANCHORS = {
    parser.AT_BEGINNING: r"\A",
    parser.AT_BEGINNING_STRING: r"\A",
    parser.AT_END_STRING: r"\z",
}
_CATEGORIES: dict[Any, tuple[Callable[[str], bool], bool]] = {
    parser.CATEGORY_DIGIT: (str.isdecimal, True),
    parser.CATEGORY_NOT_DIGIT: (str.isdecimal, False),
    parser.CATEGORY_SPACE: (str.isspace, True),
    parser.CATEGORY_NOT_SPACE: (str.isspace, False),
    parser.CATEGORY_WORD: (lambda c: c == "_" or c.isalnum(), True),
    parser.CATEGORY_NOT_WORD: (lambda c: c == "_" or c.isalnum(), False),
}


class _Untranslatable(Exception):
    """A part of the pattern has no RE2 twin."""


@lru_cache(maxsize=1024)
def to_re2(pattern: str) -> str | None:
    """Write a Python pattern for RE2, or None where only Python can run it."""
    tokens = _parse(pattern)
    if tokens.state.flags != re.UNICODE:
        return None
    try:
        translated = _sequence(list(tokens), at_end=True)
    except _Untranslatable:
        return None
    return translated if _re2_accepts(translated) else None


def _parse(pattern: str) -> Any:
    """Read a pattern, refusing what GX on pandas would not run or reads otherwise."""
    import pandas as pd

    try:
        with warnings.catch_warnings():
            # Python warns where its reading differs from everybody else's: [[:alpha:]].
            warnings.simplefilter("error", FutureWarning)
            tokens = parser.parse(pattern)
        # A pattern that pandas hands to RE2, and RE2 can't read, fails in GX.
        pd.Series(["x"], dtype="str").str.contains(pattern)
    except (re.error, FutureWarning, ValueError, NotImplementedError) as error:
        raise SuiteError(f"regex [{pattern}] is not usable: {error}") from None
    return tokens


def _re2_accepts(pattern: str) -> bool:
    """Tell whether RE2 compiles the pattern; it limits repeats and size."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), pattern=pattern)
    except pa.ArrowInvalid:
        return False
    return True


def _sequence(tokens: list[tuple[Any, Any]], *, at_end: bool) -> str:
    """Translate tokens in a row; `at_end` tells that nothing follows them."""
    last = len(tokens) - 1
    return "".join(
        _token(code, argument, at_end=at_end and place == last)
        for place, (code, argument) in enumerate(tokens)
    )


def _token(code: Any, argument: Any, *, at_end: bool) -> str:
    """Translate one token of Python's parse tree."""
    if code is parser.LITERAL:
        return _character(argument)
    if code is parser.NOT_LITERAL:
        return f"[^{_character(argument)}]"
    if code is parser.ANY:
        return r"[^\x{a}]"
    if code is parser.IN:
        return _class(argument)
    if code is parser.AT:
        return _anchor(argument, at_end=at_end)
    if code is parser.BRANCH:
        branches = (_sequence(list(part), at_end=at_end) for part in argument[1])
        return f"(?:{'|'.join(branches)})"
    if code is parser.SUBPATTERN:
        _, added, removed, inner = argument
        if not (added or removed):
            return f"(?:{_sequence(list(inner), at_end=at_end)})"
    if code in (parser.MAX_REPEAT, parser.MIN_REPEAT):
        # Greedy or lazy only decides where a match ends, not whether there is one.
        least, most, inner = argument
        upper = "" if most is parser.MAXREPEAT else most
        body = _sequence(list(inner), at_end=at_end and most == 1)
        return f"(?:{body}){{{least},{upper}}}"
    raise _Untranslatable


def _anchor(argument: Any, *, at_end: bool) -> str:
    """Translate an anchor; at the end `$` may eat the newline it looks past."""
    if argument is parser.AT_END and at_end:
        return r"\x{a}?\z"
    if argument in _ANCHORS:
        return _ANCHORS[argument]
    raise _Untranslatable


def _class(items: list[tuple[Any, Any]]) -> str:
    """Translate a character class."""
    negated = items[0][0] is parser.NEGATE
    parts = []
    for code, argument in items[1:] if negated else items:
        if code is parser.LITERAL:
            parts.append(_character(argument))
        elif code is parser.RANGE:
            parts.append(f"{_character(argument[0])}-{_character(argument[1])}")
        elif code is parser.CATEGORY and argument in _CATEGORIES:
            parts.append(_category(argument))
        else:
            raise _Untranslatable
    return f"[{'^' if negated else ''}{''.join(parts)}]"


@lru_cache(maxsize=len(_CATEGORIES))
def _category(category: Any) -> str:
    """List the characters of a category as ranges, by Python's Unicode tables."""
    belongs, wanted = _CATEGORIES[category]
    codes = (
        code
        for code in range(sys.maxunicode + 1)
        if not 0xD800 <= code <= 0xDFFF and belongs(chr(code)) is wanted
    )
    return "".join(
        f"{_character(first)}-{_character(last)}" for first, last in _ranges(codes)
    )


def _ranges(codes: Iterable[int]) -> list[tuple[int, int]]:
    """Join ascending code points into ranges."""
    ranges: list[tuple[int, int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    return ranges


def _character(code: int) -> str:
    """Write one character so that RE2 can't take it for anything else."""
    character = chr(code)
    if character.isascii() and character.isalnum():
        return character
    return f"\\x{{{code:x}}}"
