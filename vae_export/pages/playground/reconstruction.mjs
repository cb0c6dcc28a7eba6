/* x of the user's or of the bundle, encoded and decoded. */

import { readPicture } from "picture.mjs";
import { readNumbers } from "signal.mjs";
import { draw, fillStrip, markCurrent } from "view.mjs";

const byId = (id) => document.getElementById(id);

export class Reconstruction {
  /** real: values of samples, one after the other. */
  constructor(app, real) {
    this._app = app;
    this._x = app.settings.x;
    this._real = real;
    this._size = this._x.shape.reduce((size, n) => size * n, 1);
    this._again = null;
    byId("file").addEventListener("change", ({ target }) => target.files[0] && this._take(target.files[0]));
    byId("draw").addEventListener("change", () => this._again?.());
    byId("invert")?.addEventListener("change", () => this._again?.());
    this._connectDrop(byId("drop"));
  }

  /** Start with the first of the samples; the point that is shown stays. */
  begin() {
    fillStrip(byId("real-strip"), this._real, this._x, (i) => `real sample ${i}`, (i) => this._takeReal(i));
    return this._reconstruct(this._realRow(0), "real sample 0");
  }

  _connectDrop(drop) {
    // All over the page: a file that is dropped beside the place would else replace the page.
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
    document.addEventListener("dragleave", () => drop.classList.remove("over"));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      if (event.dataTransfer.files[0]) this._take(event.dataTransfer.files[0]);
    });
  }

  _take(file) {
    this._again = () =>
      this._app.attempt(async () => {
        const { kind, shape, range } = this._x;
        const options = { invert: byId("invert")?.checked };
        const values = kind === "picture" ? await readPicture(file, shape, range, options) : await readNumbers(file, shape);
        markCurrent(byId("real-strip"), -1);
        await this._app.show(await this._reconstruct(values, file.name));
      });
    return this._again();
  }

  _takeReal(i) {
    this._again = () =>
      this._app.attempt(async () => {
        markCurrent(byId("real-strip"), i);
        await this._app.show(await this._reconstruct(this._realRow(i), `real sample ${i}`));
      });
    return this._again();
  }

  _realRow(i) {
    return this._real.subarray(i * this._size, (i + 1) * this._size);
  }

  /** Show x and its reconstruction; resolves to the z between them. */
  async _reconstruct(values, name) {
    const { model, samples, settings } = this._app, [view] = settings.outputs;
    const { mu, z } = await model.encode(values, ...samples.read());
    const shown = byId("draw").checked ? z : mu, outputs = await model.decode(shown);
    draw(byId("original"), values, this._x);
    draw(byId("reconstruction"), outputs[view.name], view);
    byId("original").setAttribute("aria-label", `x: ${name}`);
    byId("reconstruction").setAttribute("aria-label", `Reconstruction of ${name}`);
    const alike = view.kind === "signal" || `${this._x.range}` === `${view.range}`;
    const comparable = alike && values.length === outputs[view.name].length;
    byId("distance").textContent = comparable ? `, mean squared error ${meanSquare(values, outputs[view.name])}` : "";
    return shown;
  }
}

function meanSquare(x, y) {
  return (y.reduce((sum, value, i) => sum + (value - x[i]) ** 2, 0) / y.length).toPrecision(2);
}
