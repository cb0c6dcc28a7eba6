/* On a straight line from one z to another. */

import { Latest } from "latest.mjs";
import { fillStrip, markCurrent } from "view.mjs";

const SHOWN = 9;
const SECONDS = 3;
const byId = (id) => document.getElementById(id);

export class Interpolation {
  constructor(app) {
    this._app = app;
    this._view = app.settings.outputs[0];
    this._refresh = new Latest(() => app.attempt(() => this._draw()));
    for (const end of ["a", "b"]) {
      byId(`keep-${end}`).addEventListener("click", () => {
        this[end] = app.latent.z.slice();
        this._refresh.ask();
      });
    }
    byId("between").addEventListener("input", ({ target }) => this._select(target.valueAsNumber));
    byId("play").addEventListener("click", () => this._play());
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

  _at(part) {
    return this.a.map((value, i) => value + part * (this.b[i] - value));
  }

  _select(part) {
    byId("between").value = part;
    return this._app.show(this._at(part));
  }

  async _draw() {
    const { model } = this._app, z = new Float32Array(SHOWN * model.size);
    for (let i = 0; i < SHOWN; i++) z.set(this._at(i / (SHOWN - 1)), i * model.size);
    const outputs = await model.decode(z);
    const name = (i) => (i === 0 ? "A" : i === SHOWN - 1 ? "B" : `${i} of ${SHOWN - 1} from A to B`);
    fillStrip(byId("between-strip"), outputs[this._view.name], this._view, name, (i) => this._select(i / (SHOWN - 1)));
    markCurrent(byId("between-strip"), -1);
  }

  /** There and back, until it is pressed again. */
  async _play() {
    const turn = this._turn ? null : {}, button = byId("play"), start = performance.now();
    this._turn = turn;
    button.setAttribute("aria-pressed", String(turn !== null));
    button.textContent = turn ? "Stop" : "Play";
    while (turn && this._turn === turn) {
      const turns = ((await frame()) - start) / 1000 / SECONDS;
      if (this._turn === turn) await this._select((1 - Math.cos(Math.PI * turns)) / 2);
    }
  }
}

function frame() {
  return new Promise((done) => requestAnimationFrame(done));
}
