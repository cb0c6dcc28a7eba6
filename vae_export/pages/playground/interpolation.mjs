/* On a straight line from one z to another. */

import { Latest } from "latest.mjs";
import { fillStrip, markCurrent } from "view.mjs";

const SHOWN = 9;
const SECONDS = 3;
const byId = (id) => document.getElementById(id);

export class Interpolation {
  constructor(app) {
    this._app = app;
    this._playing = null;
    this._refresh = new Latest(() => this._draw());
    for (const end of ["a", "b"]) {
      byId(`keep-${end}`).addEventListener("click", () => {
        this[end] = app.latent.z.slice();
        app.attempt(() => this.refresh());
      });
    }
    byId("between").addEventListener("input", ({ target }) => {
      this._stop();
      app.attempt(() => this._select(target.valueAsNumber));
    });
    byId("play").addEventListener("click", () => (this._playing ? this._stop() : app.attempt(() => this._play())));
  }

  /** Start between the first two samples. */
  begin() {
    const { model, samples } = this._app, z = model.draw(...samples.read(), 2);
    this.a = z.slice(0, model.size);
    this.b = z.slice(model.size);
    return this.refresh();
  }

  /** Draw the strip again. */
  refresh() {
    return this._refresh.ask();
  }

  /** The point that is shown is not between A and B any more. */
  leave() {
    this._stop();
    markCurrent(byId("between-strip"), -1);
  }

  _at(part) {
    return this.a.map((value, i) => value + part * (this.b[i] - value));
  }

  _select(part) {
    byId("between").value = part;
    return this._app.show(this._at(part), this);
  }

  async _draw() {
    const { model, settings } = this._app, z = new Float32Array(SHOWN * model.size), part = (i) => i / (SHOWN - 1);
    for (let i = 0; i < SHOWN; i++) z.set(this._at(part(i)), i * model.size);
    const values = await model.decodeMany(z, () => this._refresh.wanted);
    if (!values) return;
    const name = (i) => (i === 0 ? "A" : i === SHOWN - 1 ? "B" : `${i} of ${SHOWN - 1} from A to B`);
    fillStrip(byId("between-strip"), values, settings.outputs[0], name, (i) => {
      this._stop();
      this._app.attempt(() => this._select(part(i)));
    });
  }

  /** There and back, until it is stopped. */
  async _play() {
    const playing = (this._playing = {}), start = performance.now();
    byId("play").setAttribute("aria-pressed", "true");
    byId("play").textContent = "Stop";
    try {
      while (this._playing === playing) {
        const turns = ((await frame()) - start) / 1000 / SECONDS;
        if (this._playing === playing) await this._select((1 - Math.cos(Math.PI * turns)) / 2);
      }
    } finally {
      if (this._playing === playing) this._stop();
    }
  }

  _stop() {
    this._playing = null;
    byId("play").setAttribute("aria-pressed", "false");
    byId("play").textContent = "Play";
  }
}

function frame() {
  return new Promise((done) => requestAnimationFrame(done));
}
