import keras
import numpy as np
import pytest

from vae_export.split.sampling_layer import SamplingLayer


def constants(mu, logvar, shape=(20_000, 2)):
    return [np.full(shape, mu, np.float32), np.full(shape, logvar, np.float32)]


def test_it_draws_from_the_posterior():
    z = keras.ops.convert_to_numpy(SamplingLayer(seed=1)(constants(0.5, 2.0)))
    assert abs(z.mean() - 0.5) < 0.06
    assert abs(z.std() - np.exp(1)) < 0.04


def test_each_call_draws_anew_and_a_seed_repeats():
    first, second = SamplingLayer(seed=1), SamplingLayer(seed=1)
    once = np.asarray(first(constants(0, 0)))
    np.testing.assert_array_equal(once, np.asarray(second(constants(0, 0))))
    assert not np.array_equal(once, np.asarray(first(constants(0, 0))))


def test_it_survives_saving(tmp_path):
    mu, logvar = keras.Input((2,)), keras.Input((2,))
    model = keras.Model([mu, logvar], SamplingLayer(seed=5, name="draw")([mu, logvar]))
    model.save(tmp_path / "m.keras")
    # Registered: no custom_objects.
    layer = keras.models.load_model(tmp_path / "m.keras").get_layer("draw")
    assert type(layer) is SamplingLayer
    assert layer.seed == 5


def test_shapes_are_inferred():
    mu = keras.Input((3, 4))
    z = SamplingLayer()([mu, mu])
    assert z.shape == (None, 3, 4)
    assert SamplingLayer().compute_output_shape([(None, 2), (None, 2)]) == (None, 2)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "float64"])
def test_any_precision(policy):
    layer = SamplingLayer(seed=1, dtype=keras.DTypePolicy(policy))
    # exp(11.5) is beyond float16 only if the exponential is taken in it: 98,715 > 65,504.
    z = np.asarray(keras.ops.cast(layer(constants(1.0, -40.0, (4, 2))), "float32"))
    np.testing.assert_allclose(z, 1.0, rtol=0, atol=1e-6)
    assert layer(constants(0, 0, (4, 2))).dtype == layer.compute_dtype


def test_exponential_of_half_precision_stays_finite():
    layer = SamplingLayer(seed=1, dtype="float16")
    z = np.asarray(layer(constants(0.0, 19.0, (1000, 2)))).astype(np.float64)
    assert np.isfinite(z).all()
    assert abs(z.std() / np.exp(9.5) - 1) < 0.1


def test_unequal_shapes_are_refused():
    mu, logvar = keras.Input((2,)), keras.Input((3,))
    with pytest.raises(
        ValueError, match=r"SamplingLayer 'draw': got input shapes .*expected a pair \[mu, logvar\]"
    ):
        SamplingLayer(name="draw")([mu, logvar])
