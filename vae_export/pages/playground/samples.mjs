/* Samples from the prior, by seed and number: those of every other device. */

import { Latest } from "latest.mjs";
import { fillStrip, markCurrent } from "view.mjs";

const SHOWN = 12;
const SEEDS = 2n ** 64n;

export class Samples {
  constructor(app) {
    this._app = app;
    this._view = app.settings.outputs[0];
    this._strip = document.getElementById("sample-strip");
    this._fields = { seed: document.getElementById("seed"), number: document.getElementById("number") };
    this._refresh = new Latest(() => this._draw());
    for (const field of Object.values(this._fields)) {
      field.addEventListener("change", () => app.attempt(() => this._select(0n)));
    }
    document.getElementById("next").addEventListener("click", () => app.attempt(() => this._select(1n)));
    document.getElementById("previous").addEventListener("click", () => app.attempt(() => this._select(-1n)));
  }

  /** Show the sample that the fields name. */
  begin() {
    const [seed, number] = this.read();
    return this._app.show(this._app.model.draw(seed, number, 1), this);
  }

  /** Draw the strip again. */
  refresh() {
    return this._refresh.ask();
  }

  /** The point that is shown is no sample any more. */
  leave() {
    markCurrent(this._strip, -1);
  }

  /** Seed and number in the fields, the number `step` further on, as BigInt. */
  read(step = 0n) {
    const numbers = SEEDS / BigInt(this._app.model.size) - BigInt(SHOWN);
    return [this._integer("seed", SEEDS), this._integer("number", numbers, step)];
  }

  _integer(name, limit, step = 0n) {
    const field = this._fields[name], text = field.value.trim(), value = /^\d+$/.test(text) ? BigInt(text) : null;
    const usable = value !== null && value < limit;
    field.setAttribute("aria-invalid", String(!usable));
    const wanted = usable ? value + step : null;
    if (!usable || wanted < 0n || wanted >= limit) {
      throw new Error(`${name}: got ${wanted ?? (text || "nothing")}, expected an integer from 0 to ${limit - 1n}`);
    }
    return wanted;
  }

  /** Show the sample that is so many further on. */
  async _select(step) {
    const [seed, number] = this.read(step), { model, reconstruction } = this._app;
    this._fields.number.value = number;
    await this._app.show(model.draw(seed, number, 1), this);
    await this.refresh();
    await reconstruction?.noiseChanged();
  }

  async _draw() {
    const [seed, number] = this.read(), { model, settings } = this._app, conditions = this._app.conditionText();
    const start = number ? ` --start ${number}` : "", precision = settings.precision_option;
    document.getElementById("command").textContent =
      `vae-export generate BUNDLE --seed ${seed}${start}${precision}${conditions}`;
    const values = await model.decodeMany(model.draw(seed, number, SHOWN), () => this._refresh.wanted);
    if (!values) return;
    fillStrip(
      this._strip, values, this._view,
      (i) => `sample ${number + BigInt(i)}`,
      (i) => this._app.attempt(() => this._select(BigInt(i))),
    );
    markCurrent(this._strip, this._app.source === this ? 0 : -1);
  }
}
