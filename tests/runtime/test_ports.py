"""The ports in C, C++, JavaScript and Java give the bits of the Python helper, on other processors too."""

from __future__ import annotations

import platform
import subprocess

import numpy as np
import pytest

from tests.runtime.test_noise import rows
from tests.runtime.toolchain import compile_program, need
from vae_export.runtime.python import vae_runtime

STRICT = ["-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"]
C_BUILDS = {
    f"{compiler} {level}": [compiler, *STRICT, "-std=c99", *level.split()]
    for compiler in ("gcc", "clang")
    for level in ("-O0", "-O2", "-O3 -march=native")
}
# GNU's dialect fuses multiply-add by default, where the header must forbid it.
C_BUILDS["gcc gnu17"] = ["gcc", *STRICT, "-std=gnu17", "-O3", "-march=native"]
C_BUILDS["gcc sanitizers"] = [
    *("gcc", *STRICT, "-std=c99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
]
C_BUILDS["g++"] = ["g++", *STRICT, "-std=c++11", "-O3", "-march=native", "-x", "c++"]
C_BUILDS["clang++"] = ["clang++", *STRICT, "-std=c++11", "-O3", "-march=native", "-x", "c++"]
C_BUILDS["aarch64"] = ["aarch64-linux-gnu-gcc", *STRICT, "-std=gnu17", "-O3", "-static"]
C_BUILDS["armhf"] = ["arm-linux-gnueabihf-gcc", *STRICT, "-std=gnu17", "-O3", "-static", "-mfpu=neon-vfpv4"]
C_BUILDS["Cortex-M4"] = [
    *("arm-none-eabi-gcc", *STRICT, "-std=gnu17", "-O2", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard"),
    *("-mfpu=fpv4-sp-d16", "--specs=rdimon.specs", "-nostartfiles", "-T", "cortex_m4.ld", "cortex_m4.c"),
]
# What runs a program that is not for this machine.
EMULATORS = {
    "aarch64": ["qemu-aarch64"],
    "armhf": ["qemu-arm"],
    "Cortex-M4": [
        *("qemu-system-arm", "-machine", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none"),
        *("-semihosting-config", "enable=on,target=native", "-kernel"),
    ],
}
PORTS = [
    *(pytest.param(name, marks=pytest.mark.slow) if name in EMULATORS else name for name in C_BUILDS),
    "node",
    "java",
]

MANY = [(seed, seed % 3, 1 + seed % 5, 250_000) for seed in (0, 7, 2**32 + 5, 2**64 - 1)]


@pytest.fixture(scope="module", params=PORTS)
def port(request, root, tmp_path_factory):
    """The command of a port's test program."""
    helpers, programs = root / "vae_export" / "runtime", root / "tests" / "runtime" / "ports"
    folder = tmp_path_factory.mktemp("port")
    if request.param == "node":
        return [need("node"), str(programs / "noise.mjs"), str(helpers / "js" / "vae_runtime.mjs")]
    if request.param == "java":
        sources = [str(helpers / "java" / "VaeRuntime.java"), str(programs / "Noise.java")]
        lint = ["-Xlint:all,-options", "-Werror"]
        compile_program([need("javac"), "--release", "11", *lint, "-d", str(folder), *sources])
        return [need("java"), "-cp", str(folder), "Noise"]
    compiler, *flags = C_BUILDS[request.param]
    emulator = EMULATORS.get(request.param, [])
    command = [need(tool) for tool in emulator[:1]] + emulator[1:] + [str(folder / "noise")]
    build = [need(compiler), *flags, "noise.c", f"-I{helpers / 'c'}", "-o", command[-1], "-lm"]
    compile_program(build, cwd=programs)
    return command


def ask(port, what, requests):
    lines = "".join(f"{what} {' '.join(map(str, request))}\n" for request in requests)
    done = subprocess.run(port, input=lines.encode(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4")


def test_a_million_values_are_the_same_bits(port):
    values = ask(port, "normal", MANY)
    assert len(values) == 1_000_000
    expected = np.concatenate([vae_runtime.normal(*request) for request in MANY])
    assert values.tobytes() == expected.tobytes()
    assert abs(values.mean()) < 0.01


def test_known_answers(port, root):
    vectors = rows(root, "normal.txt")
    values = ask(port, "normal", [(*row[:3], len(row) - 3) for row in vectors])
    assert [f"{bits:08x}" for bits in values.view(np.uint32)] == [bits for row in vectors for bits in row[3:]]


def test_a_sample_alone_is_the_same_as_in_a_batch(port):
    batch = ask(port, "normal", [(7, 0, 0, 30)])
    alone = ask(port, "normal", [(7, 0, 3 * k, 3) for k in range(10)])
    assert batch.tobytes() == alone.tobytes()


def test_a_draw_from_the_posterior_alone_is_the_same_as_in_a_batch(port):
    batch = ask(port, "sample", [(7, 2, 0, 30)])
    alone = ask(port, "sample", [(7, 2, 3 * k, 3) for k in range(10)])
    assert batch.tobytes() == alone.tobytes()


@pytest.mark.parametrize("port", ["node", "java"], indirect=True)
def test_beyond_the_end_of_a_stream_is_refused(port):
    done = subprocess.run(
        port, input=f"normal 7 0 {2**64 - 1} 2\n".encode(), capture_output=True, check=False
    )
    assert done.returncode != 0
    assert b"got 2, expected" in done.stderr or b"expected at most 2^64 - 2" in done.stderr


def test_golden_arrays_are_read(port, tmp_path):
    values = np.array([0.0, -0.0, 1.5, -3.25e-42, np.inf, np.nan, 3.4e38], "<f4")
    values.tofile(tmp_path / "golden.f32")
    assert ask(port, "golden", [(tmp_path / "golden.f32", len(values))]).tobytes() == values.tobytes()


def test_samples_are_within_one_unit_in_the_last_place(port):
    values = ask(port, "sample", [(7, 2, 5, 20_000)])
    mu, logvar = vae_runtime.normal(1, 0, 5, 20_000), vae_runtime.normal(2, 0, 5, 20_000)
    epsilon = vae_runtime.normal(7, 2, 5, 20_000).astype(np.float64)
    exact = mu + np.exp(0.5 * logvar.astype(np.float64)) * 0.5 * epsilon
    assert (np.abs(values - exact) <= np.spacing(np.abs(exact).astype(np.float32))).all()


@pytest.mark.parametrize(
    ("flags", "before", "message"),
    [
        (["-ffast-math"], "", "-ffast-math changes the noise"),
        # As on a target that has it.
        ([], "#undef FLT_EVAL_METHOD\n#define FLT_EVAL_METHOD 2\n", "FLT_EVAL_METHOD must be 0 or 1"),
    ],
    ids=["-ffast-math", "FLT_EVAL_METHOD"],
)
def test_compilers_that_would_change_the_noise_are_refused(root, tmp_path, flags, before, message):
    source = tmp_path / "a.c"
    source.write_text(f'#include <float.h>\n{before}#include "vae_runtime.h"\n')
    build = [need("gcc"), *flags, f"-I{root / 'vae_export' / 'runtime' / 'c'}", "-c", "a.c"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert message in done.stderr


on_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="this compiler is not for x86")


@pytest.mark.parametrize(
    ("compiler", "fused"),
    [
        pytest.param(["gcc", "-std=gnu17", "-march=x86-64-v3"], "fmadd", marks=on_x86),
        pytest.param(["clang", "-march=x86-64-v3"], "fmadd", marks=on_x86),
        pytest.param(["g++", "-x", "c++", "-march=x86-64-v3"], "fmadd", marks=on_x86),
        (["aarch64-linux-gnu-gcc"], "fmadd"),
        (["arm-linux-gnueabihf-gcc", "-mfpu=neon-vfpv4"], "vfma"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value,
)
def test_multiply_add_is_never_fused(root, tmp_path, compiler, fused):
    """Few values show it, the rounding to float32 hides it: so the instructions are read."""
    header = (root / "vae_export" / "runtime" / "c" / "vae_runtime.h").read_text()
    unguarded = header
    for guard in ('#pragma GCC optimize("fp-contract=off")', '_Pragma("clang fp contract(off)")'):
        assert guard in header
        unguarded = unguarded.replace(guard, "")
    program = root / "tests" / "runtime" / "ports" / "noise.c"
    command = [need(compiler[0]), *compiler[1:], "-O3", f"-I{tmp_path}", "-S", "-o", "-", str(program)]

    def instructions(text):
        (tmp_path / "vae_runtime.h").write_text(text)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert fused not in instructions(header)
    assert fused in instructions(unguarded)
