"""Read a marshalled code object as plain data.

Python's own `marshal.loads` builds live code objects, and is not safe on foreign bytes. This reader builds
dataclasses, strings, bytes, numbers and tuples alone, with limits on size and depth. Source of the format:
CPython's `Python/marshal.c`, versions 3 and 4 of the format (Python 3.4 to 3.13).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vae_export.errors import ModelError

__all__ = ["Code", "Layout", "UnreadableCodeError", "read_code"]

# Versions of Python whose code objects have the same fields.
Layout = Literal["3.6 to 3.7", "3.8 to 3.10", "3.11 to 3.13"]

_LARGEST = 1 << 20
_DEEPEST = 40
_REFERENCE_FLAG = 0x80
# Kinds of a local variable from Python 3.11 on.
_CELL, _FREE = 0x40, 0x80


class UnreadableCodeError(ModelError):
    """The bytes are no marshalled code object of Python 3.6 to 3.13."""


@dataclass(frozen=True, eq=False)
class Code:
    """A code object as data; compared by identity.

    Attributes:
        layout: the versions of Python that write these fields.
        name: of the function.
        arguments: names of the arguments, positional ones first.
        positional: number of positional arguments.
        locals: names of all local variables, in the order in which instructions number them.
        cells: names that `LOAD_DEREF` numbers: from Python 3.11 on the same as `locals`.
        free: names of the variables of the enclosing function.
        flags: as CPython has them.
        stack_size: largest depth of the stack.
        instructions: the bytecode.
        constants, names: that instructions refer to by number.
    """

    layout: Layout
    name: str
    arguments: tuple[str, ...]
    positional: int
    locals: tuple[str, ...]
    cells: tuple[str, ...]
    free: tuple[str, ...]
    flags: int
    stack_size: int
    instructions: bytes
    constants: tuple[Any, ...]
    names: tuple[str, ...]


def read_code(data: bytes) -> Code:
    """The code object in marshalled bytes, by the layout that they fit.

    Raises:
        UnreadableCodeError: they fit none.
    """
    if len(data) > _LARGEST:
        raise UnreadableCodeError(f"its code has {len(data):,} bytes, expected at most {_LARGEST:,}")
    reasons = []
    for layout, fields in _FIELDS.items():
        reader = _Reader(data, layout, fields.split())
        try:
            code = reader.value()
        except UnreadableCodeError as error:
            reasons.append(str(error))
            continue
        if isinstance(code, Code) and reader.position == len(data):
            return code
        reasons.append("other values than a code object")
    raise UnreadableCodeError(f"its code is none of Python 3.6 to 3.13 ({reasons[-1]})")


# Fields in their order; those of `_INTEGERS` have 4 bytes, the others are objects.
_FIELDS: dict[Layout, str] = {
    "3.6 to 3.7": "argcount kwonly nlocals stacksize flags code consts names varnames freevars cellvars "
    "filename name line lines",
    "3.8 to 3.10": "argcount posonly kwonly nlocals stacksize flags code consts names varnames freevars "
    "cellvars filename name line lines",
    "3.11 to 3.13": "argcount posonly kwonly stacksize flags code consts names locals kinds filename name "
    "qualname line lines exceptions",
}
_INTEGERS = {"argcount", "posonly", "kwonly", "nlocals", "stacksize", "flags", "line"}
_NAMES = ("names", "varnames", "freevars", "cellvars", "locals")


class _Reader:
    """One pass over the bytes.

    Attributes:
        position: the next byte.
    """

    def __init__(self, data: bytes, layout: Layout, fields: Sequence[str]) -> None:
        self._data, self._layout, self._fields = data, layout, fields
        self._references: list[Any] = []
        self.position = 0

    def value(self, depth: int = 0) -> Any:
        """The next value.

        Raises:
            UnreadableCodeError: the bytes end early, or have a type that no code object needs.
        """
        if depth > _DEEPEST:
            raise UnreadableCodeError(f"values nested deeper than {_DEEPEST}")
        tag = self._bytes(1)[0]
        kind = chr(tag & ~_REFERENCE_FLAG)
        if kind == "r":
            index = self._integer()
            # A container that is not read to its end yet is None here.
            if not 0 <= index < len(self._references) or self._references[index] is None:
                raise UnreadableCodeError(f"reference {index} to nothing")
            return self._references[index]
        slot = len(self._references)
        flagged = bool(tag & _REFERENCE_FLAG)
        if flagged:
            self._references.append(None)
        read = self._plain(kind) if kind in _PLAIN else self._container(kind, depth)
        if flagged:
            self._references[slot] = read
        return read

    def _plain(self, kind: str) -> Any:
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind == "i":
            return self._integer()
        if kind == "l":
            return self._long()
        if kind == "g":
            return struct.unpack("<d", self._bytes(8))[0]
        if kind == "y":
            return complex(*struct.unpack("<dd", self._bytes(16)))
        if kind in "zZ":
            return self._text(self._bytes(1)[0], "ascii")
        if kind in "aA":
            return self._text(self._size(), "ascii")
        if kind in "ut":
            return self._text(self._size(), "utf-8")
        return self._bytes(self._size())

    def _container(self, kind: str, depth: int) -> Any:
        if kind in "()":
            size = self._bytes(1)[0] if kind == ")" else self._size()
            return tuple(self.value(depth + 1) for _ in range(size))
        if kind in "<>":
            return frozenset(map(_hashable, (self.value(depth + 1) for _ in range(self._size()))))
        if kind == "c":
            return self._code(depth)
        raise UnreadableCodeError(f"a value of type {kind!r}")

    def _code(self, depth: int) -> Code:
        got: dict[str, Any] = {
            name: self._integer() if name in _INTEGERS else self.value(depth + 1) for name in self._fields
        }
        for name, kind in (("code", bytes), ("name", str), ("consts", tuple), *((n, tuple) for n in _NAMES)):
            if name in got and not isinstance(got[name], kind):
                raise UnreadableCodeError(f"a field {name} of type {type(got[name]).__name__}")
        if not all(isinstance(one, str) for name in _NAMES for one in got.get(name, ())):
            raise UnreadableCodeError("names that are no text")
        if "locals" in got:
            kinds = got["kinds"]
            if not isinstance(kinds, bytes) or len(kinds) != len(got["locals"]):
                raise UnreadableCodeError("kinds of variables that do not fit their names")
            variables = cells = got["locals"]
            free = tuple(name for name, kind in zip(variables, kinds, strict=True) if kind & _FREE)
        else:
            variables, free = got["varnames"], got["freevars"]
            cells = (*got["cellvars"], *free)
        count = got["argcount"] + got["kwonly"]
        if not 0 <= got["argcount"] <= count <= len(variables):
            raise UnreadableCodeError("more arguments than variables")
        return Code(
            layout=self._layout,
            name=got["name"],
            arguments=variables[:count],
            positional=got["argcount"],
            locals=variables,
            cells=cells,
            free=free,
            flags=got["flags"],
            stack_size=got["stacksize"],
            instructions=got["code"],
            constants=got["consts"],
            names=got["names"],
        )

    def _bytes(self, size: int) -> bytes:
        found = self._data[self.position : self.position + size]
        if len(found) != size:
            raise UnreadableCodeError("bytes that end early")
        self.position += size
        return found

    def _integer(self) -> int:
        return int.from_bytes(self._bytes(4), "little", signed=True)

    def _size(self) -> int:
        size = self._integer()
        if not 0 <= size <= len(self._data):
            raise UnreadableCodeError(f"a size of {size}")
        return size

    def _long(self) -> int:
        digits = self._integer()
        if abs(digits) > 64:
            raise UnreadableCodeError("an integer of more than 960 bits")
        total = sum(
            int.from_bytes(self._bytes(2), "little") << (15 * position) for position in range(abs(digits))
        )
        return -total if digits < 0 else total

    def _text(self, size: int, encoding: str) -> str:
        try:
            return self._bytes(size).decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")
        except UnicodeDecodeError as error:
            raise UnreadableCodeError(f"text that is not {encoding}") from error


_CONSTANTS = {"N": None, "T": True, "F": False, ".": Ellipsis}
_PLAIN = {*_CONSTANTS, *"ilgyzZaAuts"}


def _hashable(value: Any) -> Any:
    # Names in `x in {...}`: nothing that a sampler needs.
    if not isinstance(value, (str, int, float, bool, type(None))):
        raise UnreadableCodeError(f"a set of values of type {type(value).__name__}")
    return value
