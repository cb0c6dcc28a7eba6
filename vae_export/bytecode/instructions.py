"""The instructions of a code object, for each version of Python that may have written it."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from vae_export.bytecode.formula import NotUnderstoodError
from vae_export.bytecode.marshalled import Code, Layout

__all__ = ["VERSIONS", "Instruction", "Version", "instructions_of"]

Version = tuple[int, int]

# A marshalled code object does not say which version wrote it.
VERSIONS: dict[Layout, tuple[Version, ...]] = {
    "3.6 to 3.7": ((3, 6), (3, 7)),
    "3.8 to 3.10": ((3, 8), (3, 9), (3, 10)),
    "3.11 to 3.13": ((3, 11), (3, 12), (3, 13)),
}


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        name: as the version's `dis.opname` has it.
        argument: 0 if it takes none.
    """

    name: str
    argument: int


@functools.cache
def _tables() -> Mapping[str, Mapping[str, Mapping[str, int | str]]]:
    """Names of opcodes and numbers of cache entries, by version; written by `tools/bytecode`."""
    text = resources.files("vae_export.bytecode").joinpath("opcodes.json").read_text()
    tables: Mapping[str, Mapping[str, Mapping[str, int | str]]] = json.loads(text)
    return tables


def instructions_of(code: Code, version: Version) -> Sequence[Instruction]:
    """Decode a code object as one version does.

    Raises:
        NotUnderstoodError: it has an opcode that the version lacks, or cache entries that are not empty.
    """
    table = _tables()[f"{version[0]}.{version[1]}"]
    names, caches = table["names"], table["caches"]
    data = code.instructions
    found: list[Instruction] = []
    position, extended = 0, 0
    while position + 1 < len(data):
        name = str(names.get(str(data[position]), ""))
        argument = extended << 8 | data[position + 1]
        if not name or name == "CACHE":
            raise NotUnderstoodError(f"opcode {data[position]}")
        position += 2
        extended = argument if name == "EXTENDED_ARG" else 0
        if extended > 0xFFFF:
            raise NotUnderstoodError("an instruction with a number above 16 bits")
        if name == "EXTENDED_ARG":
            continue
        size = 2 * int(caches.get(name, 0))
        if any(data[position : position + size]):
            raise NotUnderstoodError(f"cache entries of {name}")
        position += size
        found.append(Instruction(name, argument))
    return found
