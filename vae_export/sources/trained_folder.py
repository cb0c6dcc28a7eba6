"""Folders that `vae-export train` makes, and the reference models by their names."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import Any

from vae_export.sources.keras_file import KerasFile
from vae_export.sources.protocol import Recognised, Request
from vae_export.sources.reference_models import DEFAULT_MODEL, reference_models

__all__ = ["ReferenceModel", "TrainedFolder"]

MODEL_FILE = "model.keras"


class _InFolder(abc.ABC):
    """Base class: the model is a file in a folder that has its name."""

    takes_weights = False

    @abc.abstractmethod
    def file(self, request: Request) -> Path:
        """The model's file."""

    def model_name(self, request: Request) -> str:
        """The name of the folder."""
        return self.file(request).absolute().parent.name

    def sample_folder(self, request: Request) -> Path | None:
        """The folder itself."""
        return self.file(request).parent

    def check(self, request: Request) -> None:
        """Look at the file."""
        KerasFile().check(self._request(request))

    def load(self, request: Request) -> Any:
        """Load the file."""
        return KerasFile().load(self._request(request))

    def _request(self, request: Request) -> Request:
        return Request(self.file(request), custom_objects=request.custom_objects)


class TrainedFolder(_InFolder):
    """A folder with a model.keras."""

    name = "folder of a training"
    expected = ""

    def recognise(self, request: Request) -> Recognised | None:
        """By the file in it."""
        path = request.path
        if path is None or not (path / MODEL_FILE).is_file():
            return None
        return Recognised(1.0, f"a folder with {MODEL_FILE}")

    def file(self, request: Request) -> Path:
        """The model.keras in the folder."""
        return Path(request.model) / MODEL_FILE


class ReferenceModel(_InFolder):
    """A model that comes with the package; the default."""

    name = "reference model"

    @property
    def expected(self) -> str:
        """Their names."""
        return f"one of {', '.join(sorted(reference_models())) or 'none'}"

    def recognise(self, request: Request) -> Recognised | None:
        """By its name; a file or folder of that name in the current directory is preferred."""
        return Recognised(0.5, "its name") if self._key(request) in reference_models() else None

    def file(self, request: Request) -> Path:
        """The model.keras that comes with the package."""
        return reference_models()[self._key(request)]

    def _key(self, request: Request) -> str:
        return DEFAULT_MODEL if request.model is None else request.text
