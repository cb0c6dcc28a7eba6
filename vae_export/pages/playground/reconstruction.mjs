/* x of the user's or of the bundle, encoded and decoded. */

import { product } from "model.mjs";
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
    this._size = product(this._x.shape);
    this._chosen = this._realSample(0);
    byId("file").addEventListener("change", ({ target }) => {
      if (target.files[0]) this._take(this._file(target.files[0]));
      // So that the same file can be chosen again.
      target.value = "";
    });
    byId("draw").addEventListener("change", () => this._take(this._chosen));
    byId("invert")?.addEventListener("change", () => this._take(this._chosen));
    this._connectDrop(byId("drop"));
  }

  /** Start with the first of the samples; the point that is shown stays. */
  begin() {
    fillStrip(byId("real-strip"), this._real, this._x, (i) => `real sample ${i}`, (i) => this._take(this._realSample(i)));
    return this.refresh();
  }

  /** Again, for other conditions; the point that is shown stays. */
  async refresh() {
    await this._reconstruct();
  }

  /** Another seed or number, which matters where z is drawn. */
  async noiseChanged() {
    if (byId("draw").checked) await this.refresh();
  }

  /** The point that is shown is not that of x any more. */
  leave() {
    markCurrent(byId("real-strip"), -1);
  }

  _connectDrop(drop) {
    const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
    // All over the page: a file that is dropped beside the place would else replace the page.
    document.addEventListener("dragover", (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      drop.classList.add("over");
    });
    document.addEventListener("dragleave", () => drop.classList.remove("over"));
    document.addEventListener("drop", (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      drop.classList.remove("over");
      this._take(this._file(event.dataTransfer.files[0]));
    });
  }

  _file(file) {
    const { kind, shape, range } = this._x;
    const read = () => (kind === "picture" ? readPicture(file, shape, range) : readNumbers(file, shape));
    return { name: file.name, index: -1, read };
  }

  _realSample(index) {
    const values = this._real.subarray(index * this._size, (index + 1) * this._size);
    return { name: `real sample ${index}`, index, read: async () => values };
  }

  /** Reconstruct another x, and show its z. */
  _take(chosen) {
    this._chosen = chosen;
    return this._app.attempt(async () => {
      const z = await this._reconstruct();
      if (!z) return;
      await this._app.show(z, this);
      markCurrent(byId("real-strip"), chosen.index);
    });
  }

  /** Show what is chosen and its reconstruction; resolves to the z between them, null if more was chosen since. */
  async _reconstruct() {
    const turn = (this._turn = {}), chosen = this._chosen, { model, samples, settings } = this._app;
    const drawn = byId("draw").checked, conditions = model.conditions(), [view] = settings.outputs;
    const x = this._inverted(await chosen.read());
    if (turn !== this._turn) return null;
    const { mu, z } = await model.encode(x, ...(drawn ? samples.read() : [0n, 0n]), conditions);
    const between = drawn ? z : mu, outputs = await model.decode(between, conditions);
    if (turn !== this._turn) return null;
    draw(byId("original"), x, this._x);
    draw(byId("reconstruction"), outputs[view.name], view);
    byId("original").setAttribute("aria-label", `x: ${chosen.name}`);
    byId("reconstruction").setAttribute("aria-label", `Reconstruction of ${chosen.name}`);
    byId("distance").textContent = this._distance(x, outputs[view.name], view);
    return between;
  }

  _inverted(values) {
    if (!byId("invert")?.checked) return values;
    const [low, high] = this._x.range;
    return values.map((value) => low + high - value);
  }

  /** Mean squared error, where x and its reconstruction are of one scale. */
  _distance(x, reconstruction, view) {
    const alike = view.kind === "signal" || `${this._x.range}` === `${view.range}`;
    if (!alike || x.length !== reconstruction.length) return "";
    const sum = reconstruction.reduce((total, value, i) => total + (value - x[i]) ** 2, 0);
    return `, mean squared error ${Number((sum / x.length).toPrecision(2))}`;
  }
}
