"""What can go wrong, as one tree.

::

    VaeExportError                 base of all; str(error) is one line for a person
    ├── InputError                 an argument or a file given by the caller is wrong
    │   ├── ModelError             the model file cannot be read, or is no model we can take
    │   │   └── SamplingSiteError  no sampling site, several, or one we do not understand
    │   ├── DataError              images or arrays: missing, wrong shape, dtype, range or values
    │   ├── BundleError            a bundle is missing, incomplete, altered or of an unknown version
    │   └── OutputError            the place to write to exists, or cannot be written
    ├── MissingDependencyError     an optional package is absent; the message has the pip command
    ├── ConversionError            a half could not be converted, or the result holds forbidden operators
    └── ParityError                a converted half does not compute what Keras computes

The command line exits with 1 for `ParityError` and with 2 for all others. A message says where,
what was found, what was expected, and what to do next.
"""

from __future__ import annotations

import re

__all__ = [
    "BundleError",
    "ConversionError",
    "DataError",
    "InputError",
    "MissingDependencyError",
    "ModelError",
    "OutputError",
    "ParityError",
    "SamplingSiteError",
    "VaeExportError",
    "one_line",
]


# Keras prints parts of its messages in bold.
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*m")


def one_line(error: object, limit: int = 300) -> str:
    """The text of another library's error as one line; of a long one the end, where the cause stands."""
    text = " ".join(_TERMINAL_CODES.sub("", str(error)).split())
    return text if len(text) <= limit else f"…{text[-limit:]}"


class VaeExportError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(VaeExportError):
    """An argument or a file given by the caller is wrong."""


class ModelError(InputError):
    """The model cannot be read, or is of a kind that cannot be exported."""


class SamplingSiteError(ModelError):
    """The model has no sampling site, several, or one that is not understood."""


class DataError(InputError):
    """Images or arrays are missing, or have the wrong shape, dtype, range or values."""


class BundleError(InputError):
    """A bundle is missing, incomplete, altered or of an unknown version."""


class OutputError(InputError):
    """The place to write to exists already or cannot be written."""


class MissingDependencyError(VaeExportError):
    """An optional package is not installed; the message has the pip command."""


class ConversionError(VaeExportError):
    """A half of the model could not be converted, or holds operators no device has."""


class ParityError(VaeExportError):
    """A converted half does not compute what Keras computes.

    Attributes:
        failures: one line for each thing that differs, naming artifact and output.
    """

    def __init__(self, message: str, failures: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.failures = failures
