"""YAML read together with the line on which each key stands."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from concord.exceptions import ConfigErrors, ContractError

# The C parser is ten times faster; every task of every DAG reads the contracts.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Location = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


class Document:
    """A YAML file: its plain data and the line of each node."""

    def __init__(self, path: Path) -> None:
        """Read ``path``; raises ContractError where it is not YAML or is no mapping."""
        self.path = path
        try:
            loader = Loader(path.read_text(encoding="utf-8"))
            node = loader.get_single_node()
            self.data: Any = loader.construct_document(node) if node else None
        except FileNotFoundError as error:
            raise ContractError(f"{path}: no such file") from error
        except yaml.YAMLError as error:
            raise ContractError(f"{path}: not valid YAML: {error}") from error
        if not isinstance(self.data, dict):
            raise ContractError(f"{path}:1: expected a mapping of keys")
        self._root: Any = node
        self._lines: dict[Location, int] = {}
        self._walk(node, ())

    def without(self, places: Collection[Location]) -> Self:
        """Read the file again less some items of its lists; lines stay as they are."""
        rest = type(self)(self.path)
        for at in sorted(places, key=lambda at: at[-1], reverse=True):
            items, nodes = rest.data, rest._root
            for key in at[:-1]:
                items, nodes = items[key], _child(nodes, key)
            del items[at[-1]], nodes.value[at[-1]]
        rest._lines = {}
        rest._walk(rest._root, ())
        return rest

    def _walk(self, node: yaml.Node | None, at: Location) -> None:
        if node is None:
            return
        self._lines[at] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._walk(value, (*at, str(key.value)))
                self._lines[(*at, str(key.value))] = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._walk(value, (*at, index))

    def line(self, at: Location) -> int:
        """Return the line of the nearest node that exists at or above ``at``."""
        while at and at not in self._lines:
            at = at[:-1]
        return self._lines.get(at, 1)

    def fail(self, at: Location, problem: str, remedy: str) -> ContractError:
        """Make the error for one place in this file."""
        return ContractError(f"{self.path}:{self.line(at)}: {problem}. {remedy}")


def _child(node: Any, key: str | int) -> Any:
    """Return the node below another that a key or place in a list names."""
    if isinstance(key, int):
        return node.value[key]
    return next(value for name, value in node.value if name.value == key)


def parse(document: Document, model: type[Model]) -> Model:
    """Read a document as a model; raises ContractError with the line and value."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        found = mistakes(document, error)
        raise (found[0] if len(found) == 1 else ConfigErrors(found)) from error


def refusals(error: ValidationError) -> list[ErrorDetails]:
    """Return what a model refused, less lists found short for their refused items."""
    found = error.errors()
    places = [each["loc"] for each in found]
    return [
        each
        for each in found
        if not any(at != each["loc"] == at[: len(each["loc"])] for at in places)
    ]


def mistakes(document: Document, error: ValidationError) -> list[ContractError]:
    """Return what a model refused, each with the line, the value and the remedy."""
    told = []
    for each in refusals(error):
        name = ".".join(str(part) for part in each["loc"]) or "document"
        value = "" if each["type"] == "missing" else f" (got {each['input']!r:.80})"
        problem = f"{name}: {each['msg']}{value}"
        remedy = "See docs/reference/contracts.md"
        told.append(document.fail(tuple(each["loc"]), problem, remedy))
    return told
