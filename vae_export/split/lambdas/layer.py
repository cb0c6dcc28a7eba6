"""A Lambda whose code was read from the model file: a layer that computes its formula."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import keras

from vae_export.bytecode.formula import Formula, NotUnderstoodError
from vae_export.bytecode.reading import read_function
from vae_export.split.lambdas.evaluation import Evaluation, UnknownNameError
from vae_export.split.stand_in import StandIn

__all__ = ["ReadLambda"]

# For a name whose value is not in the file, until somebody tells it.
_PLACEHOLDER = 1.0


@keras.saving.register_keras_serializable("vae_export")
class ReadLambda(StandIn):
    """A Lambda that computes what its code in the file says, without running that code.

    If part of the code is not understood, it is the inert layer that `StandIn` is, and `problem` says why.

    Args:
        code: the marshalled code, in base64 as Keras stores it.
        defaults: of the last positional arguments, or None.
        closure: values of the variables of an enclosing function, or None.
        arguments: values of further arguments by name.
        names: values of names that the code uses, as the user gave them.
        **options: see `StandIn`.

    Attributes:
        formula: what the code computes; None if it was not read.
        unknown: names whose value is not in the file, and for now is 1.
        sizes: names that are taken for the size of the layer's input along an axis; None for the batch.
        functions: of the user, by the names that the code calls them.
        problem: the part of the code that is not understood; None if all is.
    """

    def __init__(
        self,
        code: str,
        defaults: Any = None,
        closure: Any = None,
        arguments: Mapping[str, Any] | None = None,
        names: Mapping[str, float] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._stored = {"code": code, "defaults": defaults, "closure": closure}
        self.arguments = dict(arguments) if isinstance(arguments, Mapping) else {}
        self.names = dict(names or {})
        self.unknown: tuple[str, ...] = ()
        self.sizes: dict[str, int | None] = {}
        self.problem: str | None = None
        self.formula: Formula | None = None
        self.functions: dict[str, Any] = {}
        self._was_computed, self._fixed_batch = False, None
        try:
            self.formula = read_function(base64.b64decode(code), closure)
            # Known while the model is built alone.
            self.functions = _functions(self.formula)
        except (binascii.Error, ValueError) as error:
            self.problem = f"code that is no base64 ({error})"
        except NotUnderstoodError as error:
            self.problem = str(error)

    @property
    def inert(self) -> bool:
        """Whether the layer computes nothing."""
        return self.problem is not None

    @property
    def reason(self) -> str:
        """Why its code does not tell what it computes."""
        return f"its code in the file is not understood: {self.problem}"

    @property
    def way_out(self) -> str:
        """How to give its code."""
        if self.unknown:
            return f"--custom-objects a file with `{self.unknown[0]} = ` its value"
        return f"--custom-objects a file with a function {self.name!r} that computes it"

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """What the formula returns; as `StandIn` if it cannot be computed."""
        while self.formula is not None and self.problem is None:
            try:
                result = self._computed(self.formula, inputs, mask)
                self._was_computed = True
                return result
            except UnknownNameError as error:
                self.unknown = (*self.unknown, error.name)
            except NotUnderstoodError as error:
                # What was understood when the model was built must not turn inert later.
                if self._was_computed:
                    raise
                # What a placeholder breaks is no fault of the code.
                names = ", ".join(self.unknown)
                self.problem = f"the value of {names}, which is not in the file" if names else str(error)
        return super().call(inputs)

    def _computed(self, formula: Formula, inputs: Any, mask: Any) -> Any:
        first, *others = formula.arguments
        defaults = self._defaults(list(formula.arguments[: formula.positional]))
        values = {"training": False, "mask": mask, **defaults, **self.arguments}
        given = {first: inputs, **{name: values[name] for name in others if name in values}}
        names = {**dict.fromkeys(self.unknown, _PLACEHOLDER), **self.names}
        if not self._was_computed:
            # Of models that were built for one batch size, which their code then names as a number.
            self._fixed_batch = keras.tree.flatten(inputs)[0].shape[0]
        evaluation = Evaluation(formula, given, names, self.functions, self._fixed_batch)
        result = evaluation.result()
        self.sizes = evaluation.sizes
        return result

    def _defaults(self, names: list[str]) -> dict[str, Any]:
        """Values of the last positional arguments."""
        defaults = list(self._stored["defaults"] or ())[-len(names) :] if names else []
        return dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))

    @contextmanager
    def assuming(self, name: str, value: float) -> Iterator[None]:
        """With another value of an unknown name."""
        self.names[name] = value
        try:
            yield
        finally:
            del self.names[name]

    def text(self) -> str:
        """The formula, for people; empty if there is none."""
        return "" if self.formula is None else self.formula.text()

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), **self._stored, "arguments": self.arguments, "names": self.names}


def _functions(formula: Formula) -> dict[str, Any]:
    """Functions of the user that the formula calls by name."""
    paths = (formula.path(step.operands[0]) for step in formula.steps if step.kind == "call")
    found = {path: keras.saving.get_registered_object(path) for path in paths if path}
    # Classes that are registered are no functions that the code may call.
    return {path: value for path, value in found.items() if isinstance(value, FunctionType)}
