"""The tree of errors.

::

    VaeExportError                 base of all; str(error) is one line for a person
    ├── InputError                 an argument or a file given by the caller is wrong
    │   ├── ModelError             the model file cannot be read, or its model cannot be exported
    │   │   └── SamplingSiteError  no sampling site, or one that is not recognised
    │   │       └── QuestionError  what the user has to tell of it; has the candidates
    │   ├── DataError              images or arrays: missing, wrong shape, dtype, range or values
    │   ├── BundleError            a bundle is missing, incomplete, altered or of an unknown version
    │   └── OutputError            the output path exists, or cannot be written
    ├── MissingDependencyError     an optional package is absent; the message has the pip command
    ├── ConversionError            a half could not be converted, or the result holds forbidden operators
    └── ParityError                an artifact does not compute what its half computes

The command line exits with 1 for `ParityError` and with 2 for all others. A message says where,
what was found, what was expected, and what to do next.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = [
    "BundleError",
    "ConversionError",
    "DataError",
    "InputError",
    "MissingDependencyError",
    "ModelError",
    "OutputError",
    "ParityError",
    "QuestionError",
    "SamplingSiteError",
    "VaeExportError",
    "innermost",
    "one_line",
]


# Keras prints parts of its messages in bold.
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*m")


def one_line(error: object, limit: int = 300) -> str:
    """The text of another library's error as one line; a long one is cut to its end, which has the cause."""
    text = " ".join(_TERMINAL_CODES.sub("", str(error)).split())
    return text if len(text) <= limit else f"…{text[-limit:]}"


def innermost(error: BaseException) -> BaseException:
    """The error that caused another library's error, at the end of the chain that Python keeps."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return error if cause is None else innermost(cause)


class VaeExportError(Exception):
    """Base of all errors that this package raises on purpose."""


class InputError(VaeExportError):
    """An argument or a file given by the caller is wrong."""


class ModelError(InputError):
    """The model cannot be read, or is of a kind that cannot be exported."""


class SamplingSiteError(ModelError):
    """The model has no sampling site, or one that is not recognised."""


class QuestionError(SamplingSiteError):
    """Something about a sampling site can neither be measured nor read, and has to be told.

    Attributes:
        question: a `core.question.Question`: the candidates, and what speaks for each.
        site: what is known of the site, for those who look for more evidence; or None.
    """

    def __init__(self, question: Any, site: Any = None) -> None:
        super().__init__(question.line())
        self.question = question
        self.site = site


class DataError(InputError):
    """Images or arrays are missing, or have the wrong shape, dtype, range or values."""


class BundleError(InputError):
    """A bundle is missing, incomplete, altered or of an unknown version."""


class OutputError(InputError):
    """The output path exists already, or cannot be written."""


class MissingDependencyError(VaeExportError):
    """An optional package is not installed; the message has the pip command."""


class ConversionError(VaeExportError):
    """A half of the model cannot be converted, or the result holds forbidden operators."""


class ParityError(VaeExportError):
    """An artifact does not compute what its half computes.

    Attributes:
        failures: one line for each difference, with artifact and output.
    """

    def __init__(self, message: str, failures: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.failures = failures
