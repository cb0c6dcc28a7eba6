"""The functions that code in a model file may call: how they are spelled, found and bound.

A spelling is a library's function with its parameters in its order. A parameter is the operation's parameter
at the same position, or the one after ">"; one that has no effect on values is ignored, marked by "!"; "|"
parts names of one parameter in several versions. Sources: the signatures of `keras.backend` (Keras 2 and 3),
`keras.ops`, `keras.random` and TensorFlow 1 and 2.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vae_export.bytecode.formula import NotUnderstoodError

__all__ = ["CONSTANTS", "FUNCTIONS", "Apply", "Function", "canonical", "function_at", "spelled"]

Apply = Callable[..., Any]


@dataclass(frozen=True)
class Function:
    """One spelling of an operation.

    Attributes:
        path: canonical dotted name, such as "K.random_normal".
        parameters: names of each, and the parameter of `apply`; None if it has no effect.
        apply: computes the result.
        draws: whether it draws random numbers, of its argument `shape`.
    """

    path: str
    parameters: tuple[tuple[tuple[str, ...], str | None], ...]
    apply: Apply
    draws: bool = False

    def bind(self, given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments of `apply`.

        Raises:
            NotUnderstoodError: an argument that the spelling does not have, one too many, or one missing.
        """
        if len(given) > len(self.parameters):
            raise NotUnderstoodError(f"{self.path} with {len(given)} arguments")
        bound = {target: value for (_, target), value in zip(self.parameters, given, strict=False)}
        targets = {name: target for names, target in self.parameters for name in names}
        for name, value in named.items():
            if name not in targets or (targets[name] is not None and targets[name] in bound):
                raise NotUnderstoodError(f"the argument {name!r} of {self.path}")
            bound[targets[name]] = value
        bound.pop(None, None)
        found = {target: value for target, value in bound.items() if target is not None}
        for name, parameter in inspect.signature(self.apply).parameters.items():
            if parameter.default is parameter.empty and name not in found:
                raise NotUnderstoodError(f"{self.path} without {name!r}")
        return found


# Canonical path -> function.
FUNCTIONS: dict[str, Function] = {}

# Names of modules, as scripts import them -> canonical ones. The longest that fits is taken.
_MODULES = {
    "K": "K", "backend": "K", "keras.backend": "K", "tf.keras.backend": "K",
    "ops": "ops", "keras.ops": "ops", "tf.keras.ops": "ops",
    "keras.random": "keras.random", "tf.keras.random": "keras.random",
    "activations": "activations", "keras.activations": "activations", "tf.keras.activations": "activations",
    "tf.math": "tf", "tf.nn": "tf", "tf.linalg": "tf", "tf.compat.v1": "tf", "tf.compat.v1.math": "tf",
    "tf.compat.v1.nn": "tf", "np": "np", "math": "np",
}  # fmt: skip
_ROOTS = {"tensorflow": "tf", "numpy": "np", "tf_keras": "keras"}

DTYPES = ("float16", "bfloat16", "float32", "float64", "int32", "int64", "uint8", "bool")
CONSTANTS: dict[str, Any] = {
    "np.pi": math.pi, "np.e": math.e, "np.inf": math.inf, "np.newaxis": None, "tf.newaxis": None,
    "tf.image.ResizeMethod.NEAREST_NEIGHBOR": "nearest", "tf.image.ResizeMethod.BILINEAR": "bilinear",
    **{f"{module}.{dtype}": dtype for module in ("tf", "np") for dtype in DTYPES},
}  # fmt: skip


def canonical(path: str) -> str:
    """The canonical form of a dotted name, whatever its modules were imported as."""
    root, *rest = path.split(".")
    parts = [_ROOTS.get(root, root), *rest]
    for length in range(len(parts) - 1, 0, -1):
        module = _MODULES.get(".".join(parts[:length]))
        if module is not None:
            return ".".join([module, *parts[length:]])
    return ".".join(parts)


def function_at(path: str) -> Function | None:
    """The function that a dotted name is; None if it is not known."""
    return FUNCTIONS.get(canonical(path))


def spelled(*spellings: str, draws: bool = False) -> Callable[[Apply], Apply]:
    """Register what computes an operation under its spellings; `draws` for noise of a `shape`."""

    def register(apply: Apply) -> Apply:
        targets = list(inspect.signature(apply).parameters)
        for spelling in spellings:
            path, _, inner = spelling.removesuffix(")").partition("(")
            parameters: list[tuple[tuple[str, ...], str | None]] = []
            for position, text in enumerate(filter(None, inner.split(", "))):
                names, _, target = text.removesuffix("!").partition(">")
                found = None if text.endswith("!") else target or targets[position]
                parameters.append((tuple(names.split("|")), found))
            # All functions of TensorFlow can be named.
            if path.startswith("tf."):
                parameters.append((("name",), None))
            FUNCTIONS[path] = Function(path, tuple(parameters), apply, draws)
        return apply

    return register
