import math

import numpy as np
import pytest

from vae_export.core.rounding import DRAWS, MULTIPLE, flat_rows
from vae_export.errors import ParityError
from vae_export.verify.cases import Case
from vae_export.verify.judgement import channel_scales
from vae_export.verify.parity import ParityReport, check_case, check_graph

GOOD = np.float32([[0.1, 0.9], [0.5, 0.4]])


class Constant:
    """A runner that gives what it was made with."""

    def __init__(self, **outputs):
        self.outputs = outputs

    def run(self, inputs):
        rows = len(inputs["z"])
        return {name: array[:rows] for name, array in self.outputs.items()}


class FailsAbove:
    """A runner that refuses larger batches."""

    def __init__(self, rows):
        self.rows = rows

    def run(self, inputs):
        if len(inputs["z"]) > self.rows:
            raise RuntimeError("Input shape:{2,4},\n requested shape:{1,4}")
        return {"out": GOOD[: len(inputs["z"])]}


def compare(expected, actual, tolerance=1e-5):
    return check_case("a.onnx", "golden", expected, actual, tolerance)


def with_value(value, dtype=np.float32):
    array = GOOD.astype(dtype)
    array[1, 1] = value
    return array


def test_equal_outputs_match():
    (row,) = compare({"out": GOOD}, {"out": GOOD.copy()})
    assert row.ok
    assert (row.max_absolute_error, row.sqnr_db, row.tolerance) == (0.0, None, 1e-5)


@pytest.mark.parametrize(
    ("actual", "message"),
    [
        ({}, "a.onnx: output 'out', golden: missing; the artifact has "),
        ({"out": GOOD[:1]}, "a.onnx: output 'out', golden: got shape (1, 2), expected (2, 2)"),
        (
            {"out": GOOD.astype(np.float64)},
            "a.onnx: output 'out', golden: got dtype float64, expected float32",
        ),
        (
            {"out": with_value(np.nan)},
            "a.onnx: output 'out', golden: the artifact gives 1 of 4 values that are not finite",
        ),
        (
            {"out": with_value(np.inf)},
            "a.onnx: output 'out', golden: the artifact gives 1 of 4 values that are not finite",
        ),
        ({"out": with_value(0.41)}, "a.onnx: output 'out', golden: largest error 0.01, tolerance 1e-05"),
        ({"out": GOOD, "more": GOOD}, "a.onnx: output 'more', golden: not expected"),
    ],
)
def test_each_difference_is_named(actual, message):
    (row,) = compare({"out": GOOD}, actual)
    assert row.failures == (message,)


def test_nan_in_the_reference_fails_too():
    (row,) = compare({"out": with_value(np.nan)}, {"out": with_value(np.nan)})
    assert row.failures == (
        "a.onnx: output 'out', golden: Keras gives 1 of 4 values that are not finite",
        "a.onnx: output 'out', golden: the artifact gives 1 of 4 values that are not finite",
    )
    assert row.max_absolute_error == math.inf


def test_no_failure_hides_another():
    rows = compare({"mu": GOOD, "logvar": GOOD}, {"mu": with_value(9), "logvar": GOOD[:1].astype(np.float64)})
    messages = [message for row in rows for message in row.failures]
    assert messages == [
        "a.onnx: output 'logvar', golden: got shape (1, 2), expected (2, 2)",
        "a.onnx: output 'logvar', golden: got dtype float64, expected float32",
        "a.onnx: output 'mu', golden: largest error 8.6, tolerance 1e-05",
    ]


@pytest.mark.parametrize(("error", "ok"), [(0.9e-5, True), (1.1e-5, False)])
def test_tolerance_on_unit_outputs(error, ok):
    expected = np.float64([[0.25, 0.75]])
    (row,) = compare({"out": expected}, {"out": expected + error})
    assert row.ok is ok


@pytest.mark.parametrize(("error", "ok"), [(3e-5, True), (5e-5, False)])
def test_tolerance_is_scaled_by_the_range(error, ok):
    expected = np.float64([[-2.0, 2.0]])
    (row,) = compare({"out": expected}, {"out": expected + error})
    assert row.ok is ok
    assert row.tolerance == pytest.approx(4e-5)
    assert row.max_relative_error == pytest.approx(error / 4)


def test_unscaled_tolerance():
    expected = np.float64([[-2.0, 2.0]])
    (row,) = check_case("a", "c", {"out": expected}, {"out": expected + 3e-5}, 1e-5, scaled=False)
    assert row.failures == ("a: output 'out', c: largest error 3e-05, tolerance 1e-05",)


def test_a_batch_the_runtime_refuses_is_a_failure_of_each_output():
    cases = [Case(f"zeros, batch of {n}", {"z": np.zeros((n, 2))}) for n in (1, 2)]
    (row,) = check_graph("a.onnx", FailsAbove(1), Constant(out=GOOD), cases, 1e-5)
    assert row.failures == (
        "a.onnx: output 'out', zeros, batch of 2: the runtime failed: "
        "Input shape:{2,4}, requested shape:{1,4}",
    )
    assert row.max_absolute_error == 0


def test_what_keras_itself_cannot_answer_is_skipped_if_it_is_made_up():
    bad, z = with_value(np.nan), {"z": np.zeros((2, 2))}

    def check(made_up):
        cases = [Case("zeros, batch of 2", z, made_up), Case("sample, batch of 2", {"z": np.ones((2, 2))})]
        answers = iter([bad, GOOD])
        reference = Constant(out=GOOD)
        reference.run = lambda inputs: {"out": next(answers)}
        return check_graph("a.onnx", Constant(out=GOOD), reference, cases, 1e-5)[0]

    row = check(made_up=True)
    assert (row.failures, row.skipped) == ((), ("zeros, batch of 2",))
    assert check(made_up=False).failures == (
        "a.onnx: output 'out', zeros, batch of 2: Keras gives 1 of 4 values that are not finite",
    )


def test_the_report_raises_with_all_failures():
    report = ParityReport(tuple(compare({"a": GOOD, "b": GOOD}, {"a": with_value(9), "b": with_value(8)})))
    assert not report.ok
    with pytest.raises(ParityError, match=r"^2 parity checks failed$") as caught:
        report.require()
    assert len(caught.value.failures) == 2


def test_a_good_report_does_not_raise():
    report = ParityReport(tuple(compare({"a": GOOD}, {"a": GOOD})))
    report.require()
    assert report.of("a.onnx")["a"].ok
    assert report.of("b.onnx") == {}


ROUNDING = [Case("random, batch of 2", {"z": np.float32([[0.1, 0.7], [0.4, 0.2]])})]


def moved_by(*moves):
    """A run_moved whose outputs lie that far from GOOD."""
    return lambda inputs, seed: {"out": GOOD + np.float32(moves)}


def check_moved(run_moved, off=1e-3, cases=ROUNDING, good=GOOD):
    actual = Constant(out=good + np.float32(off))
    return check_graph("a.onnx", actual, Constant(out=good), cases, 1e-5, run_moved)[0]


def test_what_moves_show_to_be_rounding_is_granted():
    row = check_moved(moved_by(5e-4))
    assert row.failures == ()
    assert row.tolerance == pytest.approx(MULTIPLE * 5e-4, rel=1e-3)
    for run_moved in (None, moved_by(0), moved_by(1e-4)):
        row = check_moved(run_moved)
        assert row.failures == (
            f"a.onnx: output 'out', random, batch of 2: largest error 0.001, tolerance {row.tolerance:.3g}",
        )


def test_a_half_is_moved_only_where_the_plain_tolerance_is_exceeded():
    def refuses(inputs, seed):
        raise AssertionError

    assert check_moved(refuses, off=0.9e-5).ok
    seeds = []

    def counts(inputs, seed):
        seeds.append(seed)
        return {"out": GOOD}

    exceeded = [*ROUNDING, Case("posterior, batch of 1", {"z": np.float32([[0.5, 0.25]])})]
    off = np.float32([[0.9e-5, 0], [2e-5, 0]])
    assert not check_moved(counts, off, exceeded).ok
    # One case of two: its second row alone is beyond.
    assert seeds == list(range(DRAWS))


def test_no_movement_excuses_an_error_above_the_ceiling():
    swapped = check_moved(moved_by(0.5), off=0.06)
    assert swapped.failures == (
        "a.onnx: output 'out', random, batch of 2: largest error 0.06, tolerance 0.05",
    )
    assert check_moved(moved_by(np.nan), off=0.06).failures == swapped.failures
    # A made-up case that float32 does not determine is not judged, and said to be skipped.
    made_up = [Case("zeros, batch of 2", ROUNDING[0].inputs, made_up=True)]
    for movement in (np.nan, 0.5):
        row = check_moved(moved_by(movement), 0.06, made_up)
        assert (row.failures, row.skipped) == ((), ("zeros, batch of 2",))
    assert check_moved(moved_by(0.5), 0.04, made_up).skipped == ()
    assert not check_moved(moved_by(0.0005), 0.06, made_up).ok


def test_flat_inputs_have_a_larger_multiple_than_others():
    flat = [Case("ones, batch of 2", {"z": np.ones((2, 2), np.float32)})]
    assert check_moved(moved_by(2e-5), cases=flat).ok
    one_flat = [Case("sample, batch of 2", {"z": np.float32([[0, 0], [0.4, 0.2]])})]
    assert check_moved(moved_by(2e-5), np.float32([[1e-3], [0]]), one_flat).ok
    assert not check_moved(moved_by(2e-5), np.float32([[0], [1e-3]]), one_flat).ok


@pytest.mark.parametrize(
    ("inputs", "flat"),
    [
        ({"x": np.ones((1, 4, 4, 3))}, True),
        # Channels that differ make no picture.
        ({"x": np.ones((1, 4, 4, 3)) * [1, 2, 3]}, True),
        ({"x": np.arange(48.0).reshape(1, 4, 4, 3)}, False),
        ({"x": np.zeros((1, 7))}, True),
        ({"z": np.ones((1, 1))}, False),
        ({"z": np.ones(1)}, False),
        ({"z": np.float32([[4, -4, 4, 4, -4, -4]])}, False),
        ({"x": np.arange(48.0).reshape(1, 48), "label": np.zeros((1, 4))}, False),
    ],
)
def test_flat_rows(inputs, flat):
    assert flat_rows(inputs).tolist() == [flat]


def test_a_quiet_channel_is_judged_by_its_own_values():
    good = np.float32([[-3, 2e-5], [4, -1e-5]])
    off = np.float32([[0, 1e-8], [0, 0]])
    assert compare({"out": good}, {"out": good + off})[0].ok
    row = check_moved(lambda inputs, seed: {"out": good}, off, good=good)
    assert row.failures == (
        "a.onnx: output 'out', random, batch of 2: channel 1, largest error 1e-08, tolerance 3e-10",
    )
    # What the loud channel moves does not excuse it.
    loud = lambda inputs, seed: {"out": good + np.float32([1e-4, 0])}  # noqa: E731
    assert check_moved(loud, off, good=good).failures == row.failures
    assert check_moved(loud, np.float32([5e-4, 0]), good=good).ok


@pytest.mark.parametrize(
    ("output", "scales"),
    [
        ([[0.0, 0.5], [0.25, 1.0]], [1, 1]),
        ([[0.0, 5e-5], [0.25, 1.0]], [1, 1]),
        ([[0.0, 0.5], [0.25e-5, 1.0]], [0.05, 1]),
        ([[-1.0, 5.0], [1.0, 7.0]], [2, 7]),
        ([[-1.0, 0.0], [1.0, 0.0]], [2, 2 * np.finfo(np.float32).eps]),
    ],
)
def test_scales_of_channels(output, scales):
    np.testing.assert_allclose(channel_scales(np.float32(output)), scales, rtol=1e-6)


def test_later_checks_are_allowed_what_rounding_was():
    good = np.float32([[-3, 2], [4, -1]])
    row = check_moved(lambda inputs, seed: {"out": good}, off=np.float32([6e-5, 0]), good=good)
    # 1e-5 of the range of the output, as later checks see no channels, and twice the error.
    assert row.tolerance == pytest.approx(12e-5, rel=0.02)
