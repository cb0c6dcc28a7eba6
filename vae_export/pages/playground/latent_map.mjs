/* The map behind the pad: what is decoded all over it. */

import { padPoints } from "latent.mjs";
import { product } from "model.mjs";
import { drawPicture } from "picture.mjs";

// So many pictures a side; fewer where all of them would take longer than this.
const SIDES = [11, 9, 7, 5], LONGEST_MS = 1500;
// Sliders that move are waited for.
const PAUSE_MS = 150;

/** Draws the map when the point has moved away from what it shows. */
export class LatentMap {
  constructor(app) {
    this._app = app;
    this._drawn = null;
    this._view = app.settings.outputs[0];
  }

  /** The point, the axes or the conditions have changed. */
  ask() {
    if (this._view.kind !== "picture" || !this._app.latent.axes) return;
    const key = this._key();
    if (key === this._drawn) return;
    this._drawn = key;
    this._app.latent.background = null;
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._app.report(() => this._draw(key)), PAUSE_MS);
  }

  /** All that the map depends on: not where the point is along the axes of the pad. */
  _key() {
    const { latent, model } = this._app, axes = latent.axes;
    return JSON.stringify([axes, latent.z.map((value, i) => (axes.includes(i) ? 0 : value)), model.conditions()]);
  }

  async _draw(key) {
    const { latent, model } = this._app, time = model.time("decode");
    const side = SIDES.find((n) => n * n * time <= LONGEST_MS);
    if (!side) return;
    const points = padPoints(latent.z, latent.axes, side);
    const values = await model.decodeMany(points, () => key !== this._drawn);
    if (values) latent.background = this._mosaic(values, side, document.getElementById("pad").width);
  }

  /** Pictures on a square canvas, each in the middle of its place. */
  _mosaic(values, side, pixels) {
    const { shape, range } = this._view, [height, width] = shape, size = product(shape);
    const map = new OffscreenCanvas(pixels, pixels), tile = new OffscreenCanvas(width, height), context = map.getContext("2d");
    const place = pixels / side, scale = place / Math.max(width, height);
    context.imageSmoothingEnabled = scale < 1;
    for (let i = 0; i < side * side; i++) {
      drawPicture(tile, values.subarray(i * size, (i + 1) * size), shape, range);
      const left = (i % side) * place + (place - width * scale) / 2;
      const top = Math.floor(i / side) * place + (place - height * scale) / 2;
      context.drawImage(tile, left, top, width * scale, height * scale);
    }
    return map;
  }
}
