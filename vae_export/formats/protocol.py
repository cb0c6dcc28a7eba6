"""What a format of files is to the rest of the program.

A format is one class that derives from `Format`, and one line of registration in `formats`. It is converted
from halves, or derived from the artifacts of another format (`base`); nothing outside knows it by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from vae_export.core.artifact import Artifact, artifact_file
from vae_export.core.half import Half
from vae_export.core.plan import ExportPlan
from vae_export.core.precision import FLOAT32, PRECISIONS
from vae_export.core.trace import LayerTrace
from vae_export.errors import ConversionError, InputError
from vae_export.io.quiet import quiet
from vae_export.runtime.python import vae_runtime

__all__ = ["DerivationContext", "Derived", "Format", "Implied", "LazyRecipe", "QuantisationRecipe", "Table"]

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]


class QuantisationRecipe(Protocol):
    """Makes an artifact of a lower precision from a float32 one."""

    def __call__(
        self,
        source: Artifact,
        rows: Arrays,
        *,
        integer_io: bool = False,
        keep_float: Collection[str] = (),
    ) -> Artifact:
        """Quantise.

        Args:
            source: what `Format.quantisation_source` gives.
            rows: calibration rows ``[n, ...]`` by input.
            integer_io: whether int8 artifacts take and give int8.
            keep_float: names out of `Format.quantisable`.

        Raises:
            ConversionError: it cannot be quantised.
            DataError: the rows do not fit the inputs.
        """


@dataclass(frozen=True)
class LazyRecipe:
    """A recipe in a module of its own, imported at the first use: quantisers are slow to import.

    Attributes:
        module: name of a module with a `QuantisationRecipe` named ``recipe``.
    """

    module: str

    def __call__(
        self, source: Artifact, rows: Arrays, *, integer_io: bool = False, keep_float: Collection[str] = ()
    ) -> Artifact:
        """Quantise; see `QuantisationRecipe`."""
        with quiet():
            recipe: QuantisationRecipe = importlib.import_module(self.module).recipe
            return recipe(source, rows, integer_io=integer_io, keep_float=keep_float)


@dataclass(frozen=True)
class Implied:
    """What a format implies where the user says nothing."""

    precisions: tuple[str, ...]
    batches: tuple[int, ...]


@dataclass(frozen=True)
class DerivationContext:
    """What a derived format may look at.

    Attributes:
        name: of the model.
        inputs: role -> real inputs by name ``[n, ...]``.
    """

    name: str
    inputs: Mapping[str, Arrays]


@dataclass(frozen=True)
class Derived:
    """What a format was derived into.

    Attributes:
        artifacts: one for each half and precision.
        companions: files of the whole bundle, such as the configuration of a build: name -> content.
    """

    artifacts: tuple[Artifact, ...]
    companions: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table for the screen.

    Attributes:
        columns: headings.
        rows: cells.
        right: the columns whose cells stand at the right.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[str, ...] = ()


class Format(Protocol):
    """A format of files; derive from it.

    Attributes:
        name: as on the command line and in manifests.
        label: for people, as in "ONNX".
        runtime: what runs it, for people.
        use: what it is for, as the help of ``--format`` says.
        suffixes: of its files; the first is that of the file a runtime is given.
        pip: how its runtime is installed.
        tools: distributions that take part, whose versions manifests name.
        base: the format whose artifacts it is derived from; None if halves are converted to it.
        implied: precisions and batches where the user says nothing; None for the defaults.
        integer_io: the precisions in which inputs and outputs may be integers.
        most_rows: how many samples it is verified on at most; None for all.
        in_browser: whether ONNX Runtime Web runs it.
        timed: whether its speed on this machine means anything.
        recipes: lower precision -> recipe; `formats.register_recipe` adds to it.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    runtime: ClassVar[str]
    use: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    pip: ClassVar[str]
    tools: ClassVar[tuple[str, ...]] = ()
    base: ClassVar[str | None] = None
    implied: ClassVar[Implied | None] = None
    integer_io: ClassVar[tuple[str, ...]] = ()
    most_rows: ClassVar[int | None] = None
    in_browser: ClassVar[bool] = False
    timed: ClassVar[bool] = True
    recipes: ClassVar[dict[str, QuantisationRecipe]] = {}

    @property
    def precisions(self) -> tuple[str, ...]:
        """The precisions that it has, in the order of `PRECISIONS`."""
        return tuple(name for name in PRECISIONS if name == FLOAT32 or name in self.recipes)

    def file(self, role: str, precision: str = FLOAT32) -> str:
        """Name of the file that a runtime is given."""
        return artifact_file(role, precision, self.suffixes[0])

    def check(self, plan: ExportPlan) -> None:
        """Refuse a plan that this format cannot follow, before any work is done.

        Raises:
            InputError: says which option.
            MissingDependencyError: what it needs is not installed.
        """
        return

    def convert(self, half: Half, plan: ExportPlan) -> Artifact:
        """Convert a half, in float32.

        Raises:
            ConversionError: it cannot be converted, or the files hold operators that they must not.
        """
        raise InputError(f"format: {self.name} is derived from {self.base}, expected artifacts of that")

    def quantisation_source(
        self, artifact: Artifact, precision: str, half: Half, plan: ExportPlan
    ) -> Artifact:
        """The float32 artifact that a precision is made of: `artifact`, or one lowered to suit it."""
        return artifact

    def quantise(
        self,
        source: Artifact,
        precision: str,
        rows: Arrays,
        *,
        integer_io: bool = False,
        keep_float: Collection[str] = (),
    ) -> Artifact:
        """An artifact of a lower precision; see `QuantisationRecipe`.

        Raises:
            ConversionError: the format does not have the precision, or the recipe refuses.
        """
        if precision not in self.recipes:
            raise ConversionError(
                f"{source.role}{self.suffixes[0]}: {self.label} has no lower precision {precision}, expected "
                f"{', '.join(self.precisions[1:]) or 'float32 alone'}"
            )
        if integer_io and precision not in self.integer_io:
            able = f"of precision {', '.join(self.integer_io)}" if self.integer_io else "of none"
            raise ConversionError(
                f"{self.file(source.role, precision)}: {self.label} has integer inputs and outputs in files "
                f"{able}; leave them float32"
            )
        return self.recipes[precision](source, rows, integer_io=integer_io, keep_float=keep_float)

    def quantisable(self, source: Artifact) -> tuple[str, ...]:
        """The tensors that may be kept in float, in the order of the graph."""
        return ()

    def derive(self, artifacts: Sequence[Artifact], context: DerivationContext) -> Derived:
        """Derive artifacts from those of the format `base`, of all precisions.

        Raises:
            InputError: none of them is in a precision that this format can be derived from.
            ConversionError: one cannot be derived.
            ParityError: it computes something else than the artifact it is derived from.
        """
        raise InputError(f"format: {self.name} is converted from halves, not derived")

    def open(
        self, model: str | bytes, threads: int | None = None, rows: int = vae_runtime.ROWS
    ) -> vae_runtime.Session:
        """Load an artifact in its runtime.

        Args:
            model: path or content of the file that a runtime is given.
            threads: of the runtime; None leaves the choice to it.
            rows: how many it is given at a time.

        Raises:
            VaeRuntimeError: the runtime is not installed.
            Exception: whatever the runtime raises when it refuses the file.
        """
        ...

    def trace(self, data: bytes) -> LayerTrace | None:
        """Look into a file: all that it computes. None where this format has no such view.

        Raises:
            ImportError: a package that it needs is not installed.
        """
        return None

    def facts(self, details: Mapping[str, object]) -> list[tuple[str, str]]:
        """What is special of an artifact, for the report: headings and texts."""
        return [(key.replace("_", " "), _text(value)) for key, value in details.items()]

    def summary(self, artifacts: Sequence[Artifact]) -> Table | None:
        """What programs that use the artifacts have to know, for the screen; None for nothing more."""
        return None


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {_text(inner)}" for key, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_text, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
