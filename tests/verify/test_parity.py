import math

import numpy as np
import pytest

from vae_export.errors import ParityError
from vae_export.verify.cases import Case
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


def test_what_float64_shows_to_be_rounding_is_granted():
    cases = [Case("ones, batch of 2", {"z": np.ones((2, 2), np.float32)})]
    off = GOOD + np.float32(1e-3)

    def check(exact):
        return check_graph("a.onnx", Constant(out=off), Constant(out=GOOD), cases, 1e-5, exact)[0]

    assert check(lambda inputs: {"out": GOOD + np.float32(2e-4)}).failures == ()
    assert check(lambda inputs: {"out": GOOD + np.float32(2e-4)}).tolerance > 1e-3
    for exact in (None, lambda inputs: None, lambda inputs: {"out": GOOD + np.float32(5e-6)}):
        assert check(exact).failures == (
            f"a.onnx: output 'out', ones, batch of 2: largest error 0.001, tolerance {check(exact).tolerance:.3g}",
        )
