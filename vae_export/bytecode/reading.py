"""Read what a function computes from its bytecode, without running it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vae_export.bytecode.formula import Formula, NotUnderstoodError
from vae_export.bytecode.instructions import VERSIONS
from vae_export.bytecode.marshalled import UnreadableCodeError, read_code
from vae_export.bytecode.stack_machine import follow

__all__ = ["read_function"]

_LONGEST_CODE = 1 << 14
# Flags of functions with *args, of generators and of coroutines.
_OTHER_FUNCTIONS = 0x04 | 0x08 | 0x20 | 0x80 | 0x100 | 0x200


def read_function(data: bytes, closure: Sequence[Any] | None = None) -> Formula:
    """The formula of a marshalled function, if all versions that may have written it agree.

    Args:
        data: a marshalled code object.
        closure: values of its free variables; None if they are not known.

    Raises:
        NotUnderstoodError: it is no code of Python 3.6 to 3.13, or has instructions that are not read.
    """
    try:
        code = read_code(data)
    except UnreadableCodeError as error:
        raise NotUnderstoodError(str(error)) from error
    if code.flags & _OTHER_FUNCTIONS:
        raise NotUnderstoodError("a function with *args or **kwargs, a generator or a coroutine")
    if len(code.instructions) > _LONGEST_CODE:
        raise NotUnderstoodError(f"{len(code.instructions):,} bytes of instructions")
    formulas: list[Formula] = []
    failures: list[tuple[int, str]] = []
    for version in VERSIONS[code.layout]:
        try:
            formula = follow(code, version, closure)
        except NotUnderstoodError as error:
            failures.append((error.position, str(error)))
            continue
        if formula not in formulas:
            formulas.append(formula)
    if not formulas:
        # The version that wrote it reads on until what is really not understood.
        raise NotUnderstoodError(max(failures)[1])
    if len(formulas) > 1:
        raise NotUnderstoodError("it means different things in different versions of Python")
    return formulas[0]
