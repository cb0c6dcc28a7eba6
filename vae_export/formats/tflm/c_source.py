"""A .tflite file as C++11 source: an array, and a header with operators, arena and quantisation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from vae_export._version import __version__
from vae_export.core.artifact import Artifact, TensorSpec, artifact_file

__all__ = ["c_name", "header_file", "source_file", "to_header", "to_source"]

_BYTES_IN_A_LINE = 16


def header_file(artifact: Artifact) -> str:
    """Name of the header in the bundle."""
    return artifact_file(artifact.role, artifact.precision, ".h")


def source_file(artifact: Artifact) -> str:
    """Name of the source in the bundle."""
    return artifact_file(artifact.role, artifact.precision, ".cc")


def c_name(artifact: Artifact) -> str:
    """The name of the array, and the prefix of all other names."""
    return f"vae_{artifact.role}_{artifact.precision}".replace("-", "_")


def to_source(artifact: Artifact) -> str:
    """The definition of the array."""
    data = artifact.data
    lines = (data[start : start + _BYTES_IN_A_LINE] for start in range(0, len(data), _BYTES_IN_A_LINE))
    body = "\n".join(f"    {' '.join(f'0x{byte:02x},' for byte in line)}" for line in lines)
    return (
        f'#include "{header_file(artifact)}"\n\n'
        f"alignas(16) const unsigned char {c_name(artifact)}[{c_name(artifact)}_bytes] = {{\n{body}\n}};\n"
    )


def to_header(
    artifact: Artifact,
    model: str,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    methods: Sequence[str],
    smallest_arena: int,
    arena_bytes: int,
    interpreter: str,
) -> str:
    """The declarations, with comments on their use.

    Args:
        artifact: the .tflite file.
        model: name of the VAE.
        inputs, outputs: names in the order of the interpreter.
        methods: methods of the operator resolver.
        smallest_arena: bytes of the smallest arena in which the file ran.
        arena_bytes: bytes of the recommended arena.
        interpreter: the interpreter in which it ran, with its version.
    """
    name = c_name(artifact)
    guard = f"{name.upper()}_H_"
    comment = [
        f"{artifact.file} for TensorFlow Lite Micro: the {artifact.role} of the VAE {_quoted(model)}.",
        f"Made by vae-export {__version__}, run in {interpreter}.",
        f"Quantised by {artifact.quantiser}.",
        "",
        "Inputs, by their numbers for MicroInterpreter::input:",
        *_tensors(inputs, artifact.inputs),
        "Outputs, by their numbers for MicroInterpreter::output:",
        *_tensors(outputs, artifact.outputs),
        "",
        "Use:",
        f"  tflite::MicroMutableOpResolver<{name}_operators> resolver;",
        *(f"  resolver.{method}();" for method in methods),
        f"  alignas(16) static uint8_t arena[{name}_arena_bytes];",
        f"  tflite::MicroInterpreter interpreter(tflite::GetModel({name}), resolver, arena, sizeof(arena));",
    ]
    arena = [
        f"Size of the arena: it ran in {smallest_arena} bytes, in no less; the rest is a margin.",
        "Measured on a computer with pointers of 8 bytes, so that devices with pointers of 4 need a little",
        "less, and with the reference kernels: those for some devices ask for memory of their own besides.",
    ]
    return "\n".join(
        (
            *_comment(comment),
            "",
            f"#ifndef {guard}",
            f"#define {guard}",
            "",
            "#include <stddef.h>",
            "",
            f"constexpr size_t {name}_bytes = {len(artifact.data)};",
            f"alignas(16) extern const unsigned char {name}[{name}_bytes];",
            "",
            "// Kinds of operators in it.",
            f"constexpr unsigned int {name}_operators = {len(methods)};",
            "",
            *_comment(arena),
            f"constexpr size_t {name}_arena_bytes = {arena_bytes};",
            "",
            f"#endif  // {guard}",
            "",
        )
    )


def _tensors(names: Sequence[str], specs: Sequence[TensorSpec]) -> Iterator[str]:
    by_name = {spec.name: spec for spec in specs}
    for number, name in enumerate(names):
        spec = by_name[name]
        yield f"  {number}: {_quoted(name)}, {spec.dtype} {list(spec.shape)}"
        if spec.quantisation is not None:
            scale, zero_point = spec.quantisation.scale, spec.quantisation.zero_point
            yield f"     scale {scale!r}, zero point {zero_point}: value = scale * (integer - zero point)"


def _comment(lines: Sequence[str]) -> list[str]:
    return [f"// {line}".rstrip() for line in lines]


def _quoted(name: str) -> str:
    """A name as one line of ASCII."""
    return json.dumps(name)
