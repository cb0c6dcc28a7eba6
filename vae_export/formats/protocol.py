"""The protocol of formats.

A format is a class that derives from `Format`, and one line of registration in `formats`. Its artifacts are
converted from halves, or derived from artifacts of another format (`base`). Other rooms know no format by
name.
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
    """Makes an artifact of a lower precision of a float32 artifact."""

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
            source: the float32 artifact that `Format.quantisation_source` returns.
            rows: calibration rows ``[n, ...]`` by input.
            integer_io: whether the inputs and outputs of int8 artifacts are int8.
            keep_float: names out of `Format.quantisable`.

        Raises:
            ConversionError: the artifact cannot be quantised.
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
    """Defaults of a format, for options that the user leaves out."""

    precisions: tuple[str, ...]
    batches: tuple[int, ...]


@dataclass(frozen=True)
class DerivationContext:
    """What formats may need to derive artifacts, beside the artifacts of their base.

    Attributes:
        name: name of the model.
        inputs: role -> real inputs by name ``[n, ...]``.
    """

    name: str
    inputs: Mapping[str, Arrays]


@dataclass(frozen=True)
class Derived:
    """The result of a derivation.

    Attributes:
        artifacts: one for each half and precision.
        companions: name -> content of files for the whole bundle, such as the configuration of a build.
    """

    artifacts: tuple[Artifact, ...]
    companions: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table for the terminal.

    Attributes:
        columns: headings.
        rows: cells of each row.
        right: headings of the right-aligned columns.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[str, ...] = ()


class Format(Protocol):
    """A file format; formats derive from it.

    Attributes:
        name: name on the command line and in manifests.
        label: name in messages and reports, such as "ONNX".
        runtime: name of its runtime in messages and reports.
        use: its purpose, for the help of ``--format``.
        suffixes: suffixes of its files, the main file's first.
        pip: the command that installs its runtime.
        tools: distributions whose versions go into the manifest.
        base: the format from whose artifacts it is derived; None if it is converted from halves.
        implied: its own defaults of precisions and batches; None for the general ones.
        integer_io: the precisions with integer inputs and outputs.
        most_rows: the most samples that verification runs; None for all.
        in_browser: whether ONNX Runtime Web runs its files.
        timed: whether its speed on this machine says anything about devices.
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
        """The precisions of the format, in the order of `PRECISIONS`."""
        return tuple(name for name in PRECISIONS if name == FLOAT32 or name in self.recipes)

    def file(self, role: str, precision: str = FLOAT32) -> str:
        """Name of the main file of an artifact, which the runtime loads."""
        return artifact_file(role, precision, self.suffixes[0])

    def check(self, plan: ExportPlan) -> None:
        """Refuse a plan that the format cannot follow, before any work is done.

        Raises:
            InputError: an option does not fit the format.
            MissingDependencyError: a package that the format needs is not installed.
        """
        return

    def convert(self, half: Half, plan: ExportPlan) -> Artifact:
        """Convert a half to a float32 artifact.

        Raises:
            ConversionError: the half cannot be converted, or the result holds forbidden operators.
        """
        raise InputError(f"format: {self.name} is derived from {self.base}, expected artifacts of that")

    def quantisation_source(
        self, artifact: Artifact, precision: str, half: Half, plan: ExportPlan
    ) -> Artifact:
        """The float32 artifact to quantise: `artifact`, or another one, lowered for the precision."""
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
        """Quantise a float32 artifact; see `QuantisationRecipe`.

        Raises:
            ConversionError: the format lacks the precision or integer inputs, or the recipe refuses the
                artifact.
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
        """The names that ``keep_float`` may have, in graph order."""
        return ()

    def derive(self, artifacts: Sequence[Artifact], context: DerivationContext) -> Derived:
        """Derive artifacts from those of the format `base`, of all precisions.

        Raises:
            InputError: none has a precision from which this format can be derived.
            ConversionError: an artifact cannot be derived.
            ParityError: a derived artifact differs from its source.
        """
        raise InputError(f"format: {self.name} is converted from halves, not derived")

    def open(
        self, model: str | bytes, threads: int | None = None, rows: int = vae_runtime.ROWS
    ) -> vae_runtime.Session:
        """Load an artifact in its runtime.

        Args:
            model: path or content of the main file.
            threads: threads of the runtime; None leaves the choice to the runtime.
            rows: the largest batch of a run.

        Raises:
            VaeRuntimeError: the runtime is not installed.
            Exception: whatever the runtime raises when it refuses the file.
        """
        ...

    def trace(self, data: bytes) -> LayerTrace | None:
        """Run a file layer by layer, for `explain`; None if the format cannot.

        Raises:
            ImportError: a package that the trace needs is not installed.
        """
        return None

    def facts(self, details: Mapping[str, object]) -> list[tuple[str, str]]:
        """(heading, text) of an artifact's details, for the report."""
        return [(key.replace("_", " "), _text(value)) for key, value in details.items()]

    def summary(self, artifacts: Sequence[Artifact]) -> Table | None:
        """What programs need to know of the artifacts, for the terminal; None if there is nothing to add."""
        return None


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {_text(inner)}" for key, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_text, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
