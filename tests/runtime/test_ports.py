"""The ports in C, C++, JavaScript and Java give the bits of the Python helper."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess

import numpy as np
import pytest

from tests.runtime.test_noise import rows
from vae_export.runtime import vae_runtime

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
PORTS = [*C_BUILDS, "node", "java"]

MANY = [(seed, seed % 3, 1 + seed % 5, 250_000) for seed in (0, 7, 2**32 + 5, 2**64 - 1)]


def need(tool):
    """The path of a tool; without it the test is skipped, but in CI it fails."""
    found = shutil.which(tool)
    if found is None:
        assert os.environ.get("CI") != "true", f"{tool} is not installed; .ci/run must install it"
        pytest.skip(f"{tool} is not installed")
    return found


@pytest.fixture(scope="module", params=PORTS)
def port(request, root, tmp_path_factory):
    """The command of a port's test program."""
    helpers, programs = root / "vae_export" / "runtime", root / "tests" / "runtime" / "ports"
    folder = tmp_path_factory.mktemp("port")
    if request.param == "node":
        return [need("node"), str(programs / "noise.mjs"), str(helpers / "vae_runtime.mjs")]
    if request.param == "java":
        sources = [str(helpers / "VaeRuntime.java"), str(programs / "Noise.java")]
        build = [
            need("javac"),
            "--release",
            "11",
            "-Xlint:all,-options",
            "-Werror",
            "-d",
            str(folder),
            *sources,
        ]
        subprocess.run(build, check=True, capture_output=True)
        return [need("java"), "-cp", str(folder), "Noise"]
    compiler, *flags = C_BUILDS[request.param]
    program = str(folder / "noise")
    build = [need(compiler), *flags, f"-I{helpers}", str(programs / "noise.c"), "-o", program, "-lm"]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [program]


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


def test_samples_are_within_one_unit_in_the_last_place(port):
    values = ask(port, "sample", [(7, 2, 5, 20_000)])
    mu, logvar = vae_runtime.normal(1, 0, 5, 20_000), vae_runtime.normal(2, 0, 5, 20_000)
    epsilon = vae_runtime.normal(7, 2, 5, 20_000).astype(np.float64)
    exact = mu + np.exp(0.5 * logvar.astype(np.float64)) * 0.5 * epsilon
    assert (np.abs(values - exact) <= np.spacing(np.abs(exact).astype(np.float32))).all()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-ffast-math"], "-ffast-math changes the noise"),
        (["-DFLT_EVAL_METHOD=2"], "FLT_EVAL_METHOD must be 0 or 1"),
    ],
)
def test_compilers_that_would_change_the_noise_are_refused(root, tmp_path, flags, message):
    source = tmp_path / "a.c"
    source.write_text('#include <float.h>\n#include "vae_runtime.h"\n')
    if flags[0].startswith("-D"):
        # As on a target that has it: float.h defines it, so it is defined again after.
        source.write_text(
            '#include <float.h>\n#undef FLT_EVAL_METHOD\n#define FLT_EVAL_METHOD 2\n#include "vae_runtime.h"\n'
        )
        flags = []
    done = subprocess.run(
        [
            need("gcc"),
            *flags,
            f"-I{root / 'vae_export' / 'runtime'}",
            "-c",
            str(source),
            "-o",
            str(tmp_path / "a.o"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert message in done.stderr


@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads x86 instructions")
@pytest.mark.parametrize("compiler", [["gcc", "-std=gnu17"], ["clang"], ["g++", "-x", "c++"]])
def test_multiply_add_is_never_fused(root, tmp_path, compiler):
    """Few values show it, the rounding to float32 hides it: so the instructions are read."""
    header = (root / "vae_export" / "runtime" / "vae_runtime.h").read_text()
    guards = [line for line in header.splitlines() if "fp contract(off)" in line or "fp-contract=off" in line]
    assert len(guards) == 2
    unguarded = header.replace('#pragma GCC optimize("fp-contract=off")', "").replace(
        '_Pragma("clang fp contract(off)")', ""
    )

    def instructions(text, name):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "vae_runtime.h").write_text(text)
        command = [
            need(compiler[0]),
            *compiler[1:],
            "-O3",
            "-march=x86-64-v3",
            f"-I{folder}",
            "-S",
            "-o",
            "-",
        ]
        done = subprocess.run(
            [*command, str(root / "tests" / "runtime" / "ports" / "noise.c")],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    assert "fmadd" not in instructions(header, "guarded")
    assert "fmadd" in instructions(unguarded, "unguarded")
