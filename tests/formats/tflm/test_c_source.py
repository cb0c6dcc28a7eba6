"""The C++ source compiles, and its array is the file."""

from __future__ import annotations

import shutil
import subprocess
import zlib

import pytest

from tests.runtime.toolchain import compile_program, need
from vae_export.core.artifact import Artifact, Quantisation, TensorSpec
from vae_export.formats.tflm.c_source import c_name, to_header

STRICT = ["-std=c++11", "-Wall", "-Wextra", "-pedantic", "-Werror"]

# Both headers, each twice: guards and names have to keep them apart.
PROGRAM = """
#include "encoder.int8.h"
#include "decoder.int8.h"
#include "encoder.int8.h"
#include "decoder.int8.h"
#include <stdint.h>
#include <stdio.h>

static uint32_t crc(const unsigned char* data, size_t size) {
  uint32_t value = 0xffffffffu;
  for (size_t i = 0; i < size; ++i) {
    value ^= data[i];
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0xedb88320u : 0);
  }
  return ~value;
}

int main() {
  static_assert(sizeof(vae_decoder_int8) == vae_decoder_int8_bytes, "the array is as long as told");
  for (const unsigned char* data : {vae_encoder_int8, vae_decoder_int8}) {
    bool first = data == vae_encoder_int8;
    size_t size = first ? vae_encoder_int8_bytes : vae_decoder_int8_bytes;
    printf("%u %u %u %u %u\\n", (unsigned)size, (unsigned)((uintptr_t)data % 16), (unsigned)crc(data, size),
           (unsigned)(first ? vae_encoder_int8_arena_bytes : vae_decoder_int8_arena_bytes),
           first ? vae_encoder_int8_operators : vae_decoder_int8_operators);
  }
}
"""


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_what_a_program_finds(mcu_result, halves, tmp_path, compiler):
    (tmp_path / "main.cc").write_text(
        PROGRAM.replace("#include <stdio.h>", "#include <stdio.h>\n#include <initializer_list>")
    )
    sources = [str(mcu_result.path / f"{role}.int8.cc") for role in halves]
    program = str(tmp_path / "program")
    compile_program(
        [
            need(compiler),
            *STRICT,
            "-O1",
            f"-I{mcu_result.path}",
            "-o",
            program,
            str(tmp_path / "main.cc"),
            *sources,
        ]
    )
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    for line, (artifact, source) in zip(printed, halves.values(), strict=True):
        data = (mcu_result.path / artifact["file"]).read_bytes()
        expected = [
            len(data),
            0,
            zlib.crc32(data),
            source["details"]["arena_bytes"],
            len(source["details"]["resolver"]),
        ]
        assert [int(word) for word in line.split()] == expected


def test_it_compiles_for_a_cortex_m4(mcu_result, halves, tmp_path):
    compiler = shutil.which("arm-none-eabi-g++")
    if compiler is None:
        pytest.skip("arm-none-eabi-g++ is not installed")
    for role in halves:
        source = str(mcu_result.path / f"{role}.int8.cc")
        compile_program([compiler, "-mcpu=cortex-m4", *STRICT, "-c", source, "-o", str(tmp_path / "a.o")])


def test_what_the_header_says(mcu_result, halves):
    for role, (artifact, source) in halves.items():
        text = (mcu_result.path / f"{role}.int8.h").read_text()
        for number, tensor in enumerate(source["outputs"]):
            assert f'//   {number}: "{tensor["name"]}", float32 [1, ' in text
        for method in source["details"]["resolver"]:
            assert f"//   resolver.{method}();\n" in text
        assert f"run in {source['oldest_runtime']}." in text
        assert f"arena_bytes = {source['details']['arena_bytes']};" in text
        assert artifact["quantiser"] in text


def test_names_and_integers():
    artifact = Artifact(
        role="encoder",
        format="tflite",
        precision="int8",
        files={"decoder.int8.tflite": b"abc"},
        inputs=(TensorSpec("größe\\", (1, 3), "int8", Quantisation(0.5, -128)),),
        outputs=(TensorSpec("mu", (1, 2), "float32"),),
        batches=(1,),
        preferred_batch=1,
        operators=("ADD",),
        oldest_runtime="",
        quantiser="q",
    )
    text = to_header(
        artifact,
        "two\nlines",
        inputs=("größe\\",),
        outputs=("mu",),
        methods=("AddAdd",),
        smallest_arena=90,
        arena_bytes=96,
        interpreter="t",
    )
    assert c_name(artifact) == "vae_encoder_int8"
    assert text.isascii()
    assert 'the encoder of the VAE "two\\nlines".\n' in text
    assert '//   0: "gr\\u00f6\\u00dfe\\\\", int8 [1, 3]\n' in text
    assert "//      scale 0.5, zero point -128: value = scale * (integer - zero point)\n" in text
    assert "it ran in 90 bytes" in text
