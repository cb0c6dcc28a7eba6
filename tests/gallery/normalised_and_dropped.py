"""BatchNormalization with statistics, Dropout, LeakyReLU, SpatialDropout, PReLU."""

import keras
import numpy as np
from keras import layers

from tests.gallery.parts.sampling import Sampling


def build():
    x = keras.Input((8, 8, 1))
    h = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False)(x)
    h = layers.LeakyReLU(negative_slope=0.2)(layers.BatchNormalization()(h))
    h = layers.SpatialDropout2D(0.3)(h)
    h = layers.Dropout(0.3)(layers.Flatten()(h))
    z = Sampling()([layers.Dense(3)(h), layers.Dense(3)(h)])
    h = layers.BatchNormalization()(layers.Dense(4 * 4 * 6)(z))
    h = layers.Reshape((4, 4, 6))(layers.PReLU()(h))
    h = layers.LeakyReLU()(
        layers.BatchNormalization()(layers.Conv2DTranspose(6, 3, strides=2, padding="same")(h))
    )
    model = keras.Model(x, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(h))
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_mean.assign(rng.normal(0, 0.5, layer.moving_mean.shape))
            layer.moving_variance.assign(rng.uniform(0.3, 2, layer.moving_variance.shape))
    return model
