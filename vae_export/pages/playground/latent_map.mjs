/* The map behind the pad: what is decoded all over it. */

import { padPoints } from "latent.mjs";
import { drawPicture } from "picture.mjs";

// So many pictures a side; fewer where all of them would take longer than this.
const SIDES = [11, 9, 7, 5], LONGEST_MS = 1500;
// Sliders that move are waited for.
const PAUSE_MS = 150;

/** Draws the map when the point has moved away from what it shows. */
export class LatentMap {
  constructor(app) {
    this._app = app;
    this._shown = null;
    this._view = app.settings.outputs[0];
    this._possible = this._view.kind === "picture" && app.latent.axes !== null;
  }

  /** The point, the axes or the conditions have changed. */
  ask() {
    if (!this._possible) return;
    const key = this._key();
    if (key === this._shown) return;
    this._shown = key;
    this._app.latent.background = null;
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._app.attempt(() => this._draw(key)), PAUSE_MS);
  }

  /** All that the map depends on: not where the point is along the axes of the pad. */
  _key() {
    const { latent } = this._app, axes = latent.axes;
    return JSON.stringify([axes, latent.z.map((value, i) => (axes.includes(i) ? 0 : value)), this._app.conditionText]);
  }

  async _draw(key) {
    const { latent, model } = this._app, time = model.time("decode");
    const side = SIDES.find((n) => n * n * time <= LONGEST_MS);
    if (!side) return;
    const [height, width] = this._view.shape, size = this._view.shape.reduce((a, b) => a * b, 1);
    const map = new OffscreenCanvas(side * width, side * height), tile = new OffscreenCanvas(width, height);
    const points = padPoints(latent.z, latent.axes, side), row = side * model.size;
    for (let i = 0; i < side; i++) {
      const outputs = await model.decode(points.subarray(i * row, (i + 1) * row));
      if (key !== this._shown) return;
      const values = outputs[this._view.name];
      for (let j = 0; j < side; j++) {
        drawPicture(tile, values.subarray(j * size, (j + 1) * size), this._view.shape, this._view.range);
        map.getContext("2d").drawImage(tile, j * width, i * height);
      }
    }
    latent.background = map;
  }
}
