"""Models by module and attribute: ``package.module:attribute``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from vae_export.sources.keras_needed import keras_needed
from vae_export.sources.protocol import Recognised, Request

__all__ = ["Attribute"]

_ATTRIBUTE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


class Attribute:
    """A model, or a function that returns one, in an importable module."""

    name = "attribute of a module"
    expected = "package.module:attribute"
    takes_weights = True

    def recognise(self, request: Request) -> Recognised | None:
        """By its form; a file of that name is a file."""
        path = request.path
        if path is None or path.is_file() or not _ATTRIBUTE.fullmatch(request.text):
            return None
        return Recognised(0.8, "a module and an attribute")

    def model_name(self, request: Request) -> str:
        """The name of the attribute."""
        return request.text.split(":")[1].split(".")[-1]

    def sample_folder(self, request: Request) -> Path | None:
        """None: no samples are kept beside a module."""
        return None

    def check(self, request: Request) -> None:
        """Check nothing: the user asks to run this code."""

    def load(self, request: Request) -> Any:
        """Import the module, and call the attribute if it is a function."""
        with keras_needed():
            from vae_export.sources.code import known_classes, model_of_attribute
        known_classes(request.custom_objects)
        return model_of_attribute(request.text, request.weights)
