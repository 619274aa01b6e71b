"""Reading, building and merging GX suites: strict where GX is lenient.

GX drops an expectation that it can't read with a log line; here it is an error that
names file, place and key. Every expectation says which rule it is and why, and kinds
that would carry values into a result are refused.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from concord.contracts.findings import Findings
from concord.contracts.yaml_lines import Document
from concord.exceptions import ContractError, SuiteError
from concord.validation.compiler import QUERY_KIND, REFUSED, query_text
from concord.validation.rules import Severity

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

REMEDY = "Correct it as docs/explanation/validation.md says"
_SUITE_KEYS = {"name", "expectations", "meta"}
_EXPECTATION_KEYS = {"type", "kwargs", "severity", "meta"}
# Fields of GX's models that are not part of what is expected of the data.
_NOT_KWARGS = {
    "batch_id", "catch_exceptions", "condition_parser", "description", "id", "meta",
    "notes", "rendered_content", "result_format", "severity", "windows",
}  # fmt: skip


def load_suite(path: Path) -> "ExpectationSuite":
    """Read a suite from a JSON file.

    Raises:
        SuiteError: A mistake, with file, line and remedy; ConfigErrors: several.
    """
    try:
        document = json.loads(
            path.read_text(encoding="utf-8"), object_pairs_hook=_without_repeats
        )
        if not isinstance(document, dict):
            raise SuiteError(f": a suite is an object with {sorted(_SUITE_KEYS)}")
        _only(document, _SUITE_KEYS)
        name, expectations = document.get("name"), document.get("expectations")
        if not isinstance(name, str) or not name:
            raise SuiteError(f": name [{name}] is not a name")
        if not isinstance(expectations, list):
            raise SuiteError(": expectations is not a list")
    except json.JSONDecodeError as error:
        problem = f"{path}:{error.lineno}: not JSON: {error.msg}"
        raise SuiteError(f"{problem}. {REMEDY}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: {error}") from error
    except SuiteError as error:
        raise SuiteError(f"{path}:1{error}. {REMEDY}") from error
    return build(name, expectations, source=path, meta=document.get("meta"))


def build(
    name: str,
    expectations: Iterable[Mapping[str, Any]],
    *,
    source: Path | None = None,
    meta: Mapping[str, Any] | None = None,
) -> "ExpectationSuite":
    """Make a suite of expectations given as they stand in a suite's file."""
    from great_expectations import ExpectationSuite

    made: dict[str, Expectation] = {}
    findings = Findings()
    for place, declared in enumerate(expectations):
        try:
            expectation = _expectation(declared)
            rule = declared["meta"]["rule"]
            if rule in made:
                raise SuiteError(f".meta.rule: [{rule}] occurs twice")
            made[rule] = expectation
        except SuiteError as error:
            where = expectation_at(source, place) if source else f"suite [{name}]"
            told = f"{where}: expectations[{place}]{error}. {REMEDY}"
            findings.add(SuiteError(told))
    findings.raise_any()
    return ExpectationSuite(name, list(made.values()), meta=dict(meta or {}))


def expectation_at(path: Path, place: int) -> str:
    """Return file and line of an expectation, for whoever has to correct it."""
    try:
        return f"{path}:{Document(path).line(('expectations', place))}"
    except ContractError:  # JSON that is not YAML, such as JSON with tabs
        return f"{path}"


def merge(name: str, *suites: "ExpectationSuite") -> "ExpectationSuite":
    """Join suites into one; a rule may occur once."""
    configurations = [
        expectation.configuration.to_json_dict()
        for suite in suites
        for expectation in suite.expectations
    ]
    return build(name, configurations)


def _expectation(declared: Mapping[str, Any]) -> "Expectation":
    """Make one expectation, naming the key of whatever is wrong."""
    from great_expectations.exceptions.exceptions import GreatExpectationsError
    from great_expectations.expectations.expectation_configuration import (
        ExpectationConfiguration,
    )

    _check(declared)
    kind, kwargs = declared["type"], dict(declared["kwargs"])
    problems: list[str] = []
    try:
        return ExpectationConfiguration(
            type=kind,
            kwargs=kwargs,
            meta=dict(declared["meta"]),
            severity=declared["severity"],
        ).to_domain_obj()
    except GreatExpectationsError as error:
        problems.append(f".type: [{kind}]: {error}")
    except ValueError as error:  # pydantic's errors are ValueErrors with a list
        details = getattr(error, "errors", None)
        for detail in details() if details else ():
            key = ".".join(str(part) for part in detail["loc"])
            value = kwargs.get(str(detail["loc"][0]))
            problems.append(f".kwargs.{key}: {detail['msg']} [{value}]")
        problems = problems or [f".kwargs: {error}"]
    raise SuiteError("; ".join(problems))


def _check(declared: Mapping[str, Any]) -> None:
    """Check what GX does not: keys, severity, rule, why, refused kinds."""
    _only(declared, _EXPECTATION_KEYS)
    for key, kind in (("type", str), ("kwargs", Mapping), ("meta", Mapping)):
        if not isinstance(declared.get(key), kind):
            raise SuiteError(f".{key}: missing, or not what it should be")
    kind, kwargs = declared["type"], declared["kwargs"]
    if kind in REFUSED:
        raise SuiteError(f".type: [{kind}] is refused; {REFUSED[kind]}")
    if declared.get("severity") not in get_args(Severity):
        raise SuiteError(
            f".severity: [{declared.get('severity')}] is not one of "
            f"{list(get_args(Severity))}"
        )
    for key in ("rule", "why"):
        value = declared["meta"].get(key)
        if not isinstance(value, str) or not value.strip():
            raise SuiteError(f".meta.{key}: [{value}] says nothing")
    _check_kwargs(kind, kwargs)


def _check_kwargs(kind: str, kwargs: Mapping[str, Any]) -> None:
    """Check the arguments for what GX would take, and we should not."""
    if unusable := sorted(_NOT_KWARGS & kwargs.keys()):
        raise SuiteError(f".kwargs.{unusable[0]}: not for a suite's file")
    if "$PARAMETER" in json.dumps(kwargs, default=str):
        raise SuiteError(".kwargs: suite parameters are not supported")
    if kind == QUERY_KIND:
        try:
            query_text(str(kwargs.get("unexpected_rows_query")))
        except SuiteError as error:
            raise SuiteError(f".kwargs.unexpected_rows_query: {error}") from None


def _only(found: Mapping[str, Any], known: set[str]) -> None:
    """Refuse keys that nothing reads."""
    if not isinstance(found, Mapping):
        raise SuiteError(f": [{found}] is not an object")
    if unknown := sorted(set(found) - known):
        raise SuiteError(f": unknown key [{unknown[0]}], not in {sorted(known)}")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that occurs twice; JSON would silently keep the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise SuiteError(f": key [{next(k for k in keys if keys.count(k) > 1)}] twice")
    return found
