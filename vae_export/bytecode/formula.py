"""A function of a model file as data: what it computes, step by step, without any code to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Formula", "Kind", "NotUnderstoodError", "Step"]

Kind = Literal[
    "argument",
    "constant",
    "name",
    "attribute",
    "call",
    "item",
    "slice",
    "tuple",
    "list",
    "part",
    "binary",
    "unary",
]
# Longer operands are left out of the text of a formula.
_LONGEST = 160


class NotUnderstoodError(Exception):
    """Code that is not read; the message says which part of it, as the end of a sentence.

    Attributes:
        position: number of the instruction.
    """

    position = 0


@dataclass(frozen=True)
class Step:
    """One value that a function computes.

    Attributes:
        kind: what makes the value.
        operands: numbers of earlier steps. Of a call the function comes first; of an attribute, an item or a
            part the object.
        data: name of an argument, a name or an attribute; value of a constant; sign of an operation; names of
            the last arguments of a call; (index, count) of a part of an unpacked value.
    """

    kind: Kind
    operands: tuple[int, ...] = ()
    data: Any = None


@dataclass(frozen=True)
class Formula:
    """The steps of a function, in running order; equal if they compute the same in the same order.

    Attributes:
        arguments: names, the first of which is the layer's input.
        positional: how many of them are positional; the others have no value in a file.
        steps: each refers to earlier ones alone.
        result: number of the step that is returned.
    """

    arguments: tuple[str, ...]
    positional: int
    steps: tuple[Step, ...]
    result: int

    def path(self, number: int) -> str | None:
        """The dotted name that a step is, such as "K.random_normal"; None if it is no name."""
        parts: list[str] = []
        step = self.steps[number]
        while step.kind == "attribute":
            parts.append(step.data)
            step = self.steps[step.operands[0]]
        return ".".join([step.data, *reversed(parts)]) if step.kind == "name" else None

    def text(self, number: int | None = None) -> str:
        """A step as a Python expression, the result by default; long operands are left out."""
        texts: list[_Text] = []
        for step in self.steps:
            operands = [texts[operand] for operand in step.operands]
            texts.append(_text(step, [one if len(one.closed) <= _LONGEST else _LEFT_OUT for one in operands]))
        return texts[self.result if number is None else number].open


@dataclass(frozen=True)
class _Text:
    """An expression: `closed` as an operand, with parentheses where it needs them, and `open` elsewhere."""

    closed: str
    open: str


_LEFT_OUT = _Text("…", "…")


def _text(step: Step, operands: list[_Text]) -> _Text:
    if step.kind == "unary":
        text = f"{step.data}{operands[0].closed}"
        return _Text(f"({text})", text)
    if step.kind == "binary":
        text = f"{operands[0].closed} {step.data} {operands[1].closed}"
        return _Text(f"({text})", text)
    if step.kind == "tuple":
        inner = ", ".join(one.open for one in operands)
        closed = f"({inner}{',' * (len(operands) == 1)})"
        return _Text(closed, closed)
    text = _plain_text(step, operands)
    return _Text(text, text)


def _plain_text(step: Step, operands: list[_Text]) -> str:
    """Of a step that never needs parentheses."""
    if step.kind in ("argument", "name"):
        return str(step.data)
    if step.kind == "constant":
        return "..." if step.data is Ellipsis else repr(step.data)
    first = operands[0].closed if operands else ""
    if step.kind == "attribute":
        return f"{first}.{step.data}"
    if step.kind == "call":
        given = [one.open for one in operands[1:]]
        plain = len(given) - len(step.data)
        return f"{first}({', '.join([*given[:plain], *map('{}={}'.format, step.data, given[plain:])])})"
    if step.kind == "item":
        index = operands[1].open
        return f"{first}[{index[1:-1] if index.startswith('(') and index.endswith(')') else index}]"
    if step.kind == "slice":
        return ":".join("" if one.open == "None" else one.closed for one in operands)
    if step.kind == "part":
        return f"{first}[{step.data[0]}]"
    return f"[{', '.join(one.open for one in operands)}]"
