import keras
from keras import layers

from tests.tiny_models import X_SHAPE, decoder_tensors, encoder_tensors
from vae_export.split.inspection import inspect_model
from vae_export.split.sampling_layer import SamplingLayer


def test_every_layer_is_told_where_it_goes():
    x = keras.Input(X_SHAPE, name="photo")
    mu, logvar = encoder_tensors(x)
    z = SamplingLayer(name="draw")([mu, logvar])
    extra = layers.Dense(2, name="extra")(layers.Flatten(name="other_flat")(x))
    model = keras.Model(x, [decoder_tensors(z), extra])
    inspection = inspect_model(model, "m")
    assert {row.name: row.part for row in inspection.layers} == {
        "features": "encoder",
        "flat": "encoder",
        "mu": "encoder",
        "logvar": "encoder",
        "draw": "sampling",
        "widen": "decoder",
        "square": "decoder",
        "pixels": "decoder",
        "image": "decoder",
        "other_flat": "left out",
        "extra": "left out",
    }
    rows = {row.name: row for row in inspection.layers}
    assert (rows["mu"].layer_class, rows["mu"].output_shape, rows["mu"].parameters) == (
        "Dense",
        (None, 3),
        111,
    )
    # A random generator's state is no parameter.
    assert rows["draw"].parameters == 0
    assert inspection.inputs == {"photo": (None, 6, 6, 1)}
    assert inspection.problem is None
    assert inspection.to_json()["sites"][0]["layer"] == "draw"


def test_a_model_without_a_site_is_shown_all_the_same():
    x = keras.Input(X_SHAPE)
    inspection = inspect_model(keras.Model(x, decoder_tensors(encoder_tensors(x)[0])), "m")
    assert inspection.problem.startswith("m: no sampling site; found only ")
    assert {row.part for row in inspection.layers} == {"left out"}
    assert inspection.to_json()["sites"] == ()
