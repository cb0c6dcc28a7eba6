"""Compute a formula on tensors, with the functions of the table alone."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from vae_export.bytecode.formula import Formula, NotUnderstoodError, Step
from vae_export.errors import one_line

# The table fills what `function_at` finds.
from vae_export.split.lambdas import table as _table  # noqa: F401
from vae_export.split.lambdas.functions import CONSTANTS, canonical, function_at

__all__ = ["Evaluation", "UnknownNameError"]

_MOST_VALUES = 1 << 26
_MOST_ITEMS, _MOST_AXES = 256, 8
_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "@": operator.matmul,
}
# Methods of tensors and static shapes.
_METHODS = ("get_shape", "as_list")


class UnknownNameError(NotUnderstoodError):
    """The value of a name matters, and is not in the file.

    Attributes:
        name: in the code.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"the name {name!r}, whose value is not in the file")
        self.name = name


@dataclass(frozen=True)
class _Name:
    """A dotted name: a module, a function, a constant, or a variable of the author's script."""

    path: str


@dataclass(frozen=True)
class _Method:
    of: Any
    name: str


class Evaluation:
    """One formula computed on tensors.

    Args:
        formula: what to compute.
        arguments: values by the formula's names of arguments.
        names: values of names that the file does not have.
        functions: functions of the user by the names that the code calls them.
        fixed_batch: the batch size that the model was built for; None if any.

    Attributes:
        sizes: names that stand for a size of the noise -> what they were taken for.
    """

    def __init__(
        self,
        formula: Formula,
        arguments: Mapping[str, Any],
        names: Mapping[str, float],
        functions: Mapping[str, Callable[..., Any]] | None = None,
        fixed_batch: int | None = None,
    ) -> None:
        self.sizes: dict[str, int | None] = {}
        self._formula, self._arguments, self._names = formula, arguments, names
        self._functions, self._fixed_batch = functions or {}, fixed_batch

    def result(self) -> Any:
        """The value that the formula returns: a tensor, or a tuple of tensors.

        Raises:
            NotUnderstoodError: a function that is not known, or a step that cannot be computed.
            UnknownNameError: the value of a name matters.
        """
        values: list[Any] = []
        for number, step in enumerate(self._formula.steps):
            operands = [values[operand] for operand in step.operands]
            try:
                value = self._value(step, operands)
            except NotUnderstoodError:
                raise
            # Keras and TensorFlow raise anything for arguments that do not fit.
            except Exception as error:
                raise NotUnderstoodError(f"{self._formula.text(number)} ({one_line(error, 120)})") from error
            _check_size(value)
            values.append(value)
        return self._known(values[self._formula.result])

    def _value(self, step: Step, operands: list[Any]) -> Any:
        if step.kind == "argument":
            if step.data not in self._arguments:
                raise NotUnderstoodError(f"the argument {step.data!r}, which has no value in the file")
            return self._arguments[step.data]
        if step.kind == "constant":
            return step.data
        if step.kind == "name":
            return _Name(step.data)
        if step.kind == "attribute":
            return self._attribute(operands[0], step.data)
        if step.kind == "call":
            return self._call(operands, step.data)
        if step.kind in ("tuple", "list"):
            # An unknown size may stand in a shape.
            return tuple(operands)
        if step.kind == "part":
            return _part(self._known(operands[0]), *step.data)
        operands = [self._known(operand) for operand in operands]
        if step.kind == "slice":
            return slice(*operands)
        if step.kind == "item":
            return _item(*operands)
        if step.kind == "unary":
            return -operands[0] if step.data == "-" else +operands[0]
        return _combined(step.data, *operands)

    def _known(self, value: Any) -> Any:
        """The value of a name; other values as they are."""
        if isinstance(value, tuple):
            return tuple(map(self._known, value))
        if not isinstance(value, _Name):
            return value
        path = canonical(value.path)
        if path in CONSTANTS:
            return CONSTANTS[path]
        if value.path in self._names:
            return self._names[value.path]
        if "." in value.path or function_at(value.path):
            raise NotUnderstoodError(f"{value.path}, which is not known")
        raise UnknownNameError(value.path)

    def _attribute(self, of: Any, name: str) -> Any:
        if isinstance(of, _Name):
            return _Name(f"{of.path}.{name}")
        if name in _METHODS:
            return _Method(of, name)
        if _is_tensor(of):
            if name == "shape":
                return tuple(of.shape)
            if name == "dtype":
                return keras.backend.standardize_dtype(of.dtype)
        # Sizes in TensorFlow 1.
        if name == "value" and (of is None or isinstance(of, int)):
            return of
        raise NotUnderstoodError(f"the attribute {name!r}")

    def _call(self, operands: Sequence[Any], names: Sequence[str]) -> Any:
        callee, *given = operands
        if isinstance(callee, _Method):
            if given:
                raise NotUnderstoodError(f"the method {callee.name!r} with arguments")
            return tuple(callee.of.shape) if callee.name == "get_shape" else tuple(callee.of)
        if not isinstance(callee, _Name):
            raise NotUnderstoodError("a call of a value")
        plain = len(given) - len(names)
        named = dict(zip(names, given[plain:], strict=True))
        if callee.path in self._functions:
            arguments = [self._known(value) for value in given[:plain]]
            return self._functions[callee.path](
                *arguments, **{name: self._known(value) for name, value in named.items()}
            )
        function = function_at(callee.path)
        if function is None:
            raise NotUnderstoodError(f"a call of {callee.path}, which is not known")
        bound = function.bind(given[:plain], named)
        if function.draws and isinstance(bound["shape"], tuple):
            bound["shape"] = self._sized(bound["shape"])
        return function.apply(**{name: self._known(value) for name, value in bound.items()})

    def _is_batch(self, size: Any) -> bool:
        """Whether a first size of noise is the one batch of the model, or a name that has a value."""
        if isinstance(size, _Name):
            return self._names.get(size.path, 1) != 1
        return isinstance(size, int) and size == self._fixed_batch

    def _sized(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """A shape of noise whose unknown sizes, and the fixed batch, are those of the layer's inputs.

        Raises:
            UnknownNameError: no input has as many axes, or two differ in that size.
        """
        inputs = keras.tree.flatten(next(iter(self._arguments.values())))
        alike = [tensor for tensor in inputs if len(tensor.shape) == len(shape)]
        found = []
        for axis, size in enumerate(shape):
            if axis == 0 and alike and self._is_batch(size):
                found.append(ops.shape(alike[0])[0])
            elif isinstance(size, _Name) and size.path not in self._names and "." not in size.path:
                sizes = {tensor.shape[axis] for tensor in alike}
                if len(sizes) != 1:
                    raise UnknownNameError(size.path)
                (static,) = sizes
                self.sizes[size.path] = static if axis else None
                found.append(ops.shape(alike[0])[axis])
            else:
                found.append(self._known(size))
        return tuple(found)


def _count(value: Any, most: int = _MOST_ITEMS) -> int:
    """Number of values in nested sequences, counted no further than needed."""
    if not isinstance(value, (tuple, list)):
        return 1
    total = 1
    for one in value:
        total += _count(one, most - total)
        if total > most:
            break
    return total


def _is_tensor(value: Any) -> bool:
    return isinstance(value, keras.KerasTensor) or bool(ops.is_tensor(value))


def _part(of: Any, index: int, count: int) -> Any:
    if not isinstance(of, (tuple, list)):
        raise NotUnderstoodError("a tensor unpacked along the batch")
    if len(of) != count:
        raise NotUnderstoodError(f"{len(of)} values unpacked into {count}")
    return of[index]


def _item(of: Any, index: Any) -> Any:
    if isinstance(of, (tuple, list, dict)) or _is_tensor(of):
        return of[index]
    raise NotUnderstoodError(f"an item of a {type(of).__name__}")


def _combined(sign: str, left: Any, right: Any) -> Any:
    sequences = sum(isinstance(one, (tuple, list)) for one in (left, right))
    if sequences and not (sequences == 2 and sign == "+"):
        raise NotUnderstoodError(f"{sign!r} on a list or a tuple")
    if any(isinstance(one, str) or one is None for one in (left, right)):
        raise NotUnderstoodError(f"{sign!r} on a value of type {type(left).__name__}")
    if sign == "**" and isinstance(left, int) and isinstance(right, int) and abs(right) > 64:
        raise NotUnderstoodError(f"a power of {right}")
    return _SIGNS[sign](left, right)


def _check_size(value: Any) -> None:
    """Refuse values that would not fit into memory, or would never end.

    Raises:
        NotUnderstoodError: one of them does.
    """
    if isinstance(value, (tuple, list)) and _count(value) > _MOST_ITEMS:
        raise NotUnderstoodError(f"a sequence of more than {_MOST_ITEMS} values")
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise NotUnderstoodError("an integer of more than 63 bits")
    for one in value if isinstance(value, tuple) else (value,):
        if _is_tensor(one) and len(one.shape) > _MOST_AXES:
            raise NotUnderstoodError(f"a tensor of more than {_MOST_AXES} axes")
        if _is_tensor(one) and math.prod(size or 1 for size in one.shape) > _MOST_VALUES:
            raise NotUnderstoodError(f"a tensor of more than {_MOST_VALUES:,} values")
