"""A playground in a browser: what is seen in it, and files dropped onto it."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from vae_export.io.pictures import to_pixels

READY = "main[data-filled]"
PICTURE = "canvas => canvas.toDataURL().split(',')[1]"
IMAGE = "#views canvas"


class PlaygroundTab:
    """A playground, open; what is seen in it."""

    def __init__(self, page):
        self.page, self.tab = page, page.tab

    def wait(self):
        self.tab.wait_for_selector(READY)
        self.page.check()
        return self

    def text(self, selector):
        return self.tab.inner_text(selector)

    def pixels(self, selector=IMAGE, index=0):
        """uint8 [height, width, 3] of a canvas."""
        picture = self.tab.locator(selector).nth(index).evaluate(PICTURE)
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB"))

    def sees(self, image, value_range=(0, 1), selector=IMAGE, index=0):
        """Whether a canvas comes to show an image, to a step of 8 bits."""
        expected = to_pixels(image, value_range).astype(int)
        for _ in range(50):
            off = np.abs(self.pixels(selector, index).astype(int) - expected).max()
            if off <= 1:
                self.page.check()
                return True
            self.tab.wait_for_timeout(100)
        return False

    def sees_decoded(self, vae, z, **conditions):
        return self.sees(vae.decode({"z": np.float32([z]), **conditions})[0])

    @property
    def z(self):
        return [slider.input_value() for slider in self.tab.locator("#sliders input").all()]

    def slide(self, axis, value):
        self.tab.locator("#sliders input").nth(axis).fill(str(value))


def drop(playground, name, data, kind):
    """Drop a file onto the page."""
    transfer = playground.tab.evaluate_handle(
        """([name, data, type]) => {
          const transfer = new DataTransfer();
          const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
          transfer.items.add(new File([bytes], name, { type }));
          return transfer;
        }""",
        [name, base64.b64encode(data).decode(), kind],
    )
    playground.tab.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
