"""The protocol of sources of models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Recognised", "Request", "Source"]


@dataclass(frozen=True)
class Request:
    """The model that a user asks for.

    Attributes:
        model: a path, a reference or an object; None where encoder and decoder are given.
        encoder, decoder: a pair instead, each a path or an object.
        weights: a file to load into the model, where the source takes one.
        custom_objects: classes by name, or the file or module that defines them.
    """

    model: Any = None
    encoder: Any = None
    decoder: Any = None
    weights: Path | None = None
    custom_objects: str | Mapping[str, Any] | None = None

    @property
    def path(self) -> Path | None:
        """The model as a path; None if it is no text."""
        return Path(self.model) if isinstance(self.model, (str, Path)) else None

    @property
    def text(self) -> str:
        """The model as text, for messages."""
        return str(self.model)


@dataclass(frozen=True)
class Recognised:
    """The answer of a source that takes a request.

    Attributes:
        confidence: 1 for certain, below 0.5 for a guess by a name; the highest decides.
        words: what was seen.
    """

    confidence: float
    words: str


class Source(Protocol):
    """One kind of model that users have.

    Attributes:
        name: of the kind, for people.
        expected: the argument to give, for messages: "a .keras or .h5 file"; empty if messages omit the kind.
        takes_weights: whether `--weights` may be given with it.
    """

    name: str
    takes_weights: bool

    @property
    def expected(self) -> str:
        """See the class."""

    def recognise(self, request: Request) -> Recognised | None:
        """The answer to a request, by its content; None if it is of another kind. Imports no framework."""

    def model_name(self, request: Request) -> str:
        """Name of the bundle, unless the user gives one."""

    def sample_folder(self, request: Request) -> Path | None:
        """The folder where samples of the model may lie; None if there is none."""

    def check(self, request: Request) -> None:
        """Refuse a broken or unsafe model before anything is loaded.

        Raises:
            ModelError: says what was found and expected.
        """

    def load(self, request: Request) -> Any:
        """The model, as `split` takes it.

        Raises:
            ModelError: it cannot be loaded.
            InputError: the custom objects cannot be imported.
        """
