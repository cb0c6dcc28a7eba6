/* Samples from the prior, by seed and number: those of every other device. */

import { Latest } from "latest.mjs";
import { fillStrip, markCurrent } from "view.mjs";

const SHOWN = 12;
const LARGEST_SEED = 2n ** 64n;

export class Samples {
  constructor(app) {
    this._app = app;
    this._view = app.settings.outputs[0];
    this._strip = document.getElementById("sample-strip");
    this._fields = { seed: document.getElementById("seed"), number: document.getElementById("number") };
    this._refresh = new Latest(() => app.attempt(() => this._draw()));
    for (const field of Object.values(this._fields)) field.addEventListener("change", () => this._select(0n));
    document.getElementById("next").addEventListener("click", () => this._select(1n));
    document.getElementById("previous").addEventListener("click", () => this._select(-1n));
  }

  begin() {
    return this._select(0n);
  }

  /** Draw the strip again. */
  refresh() {
    return this._refresh.ask();
  }

  /** Seed and number in the fields, as BigInt. */
  read() {
    const largest = LARGEST_SEED / BigInt(this._app.model.size) - BigInt(SHOWN);
    return [this._integer("seed", LARGEST_SEED), this._integer("number", largest)];
  }

  _integer(name, limit) {
    const field = this._fields[name], text = field.value.trim();
    const usable = /^\d+$/.test(text) && BigInt(text) < limit;
    field.setAttribute("aria-invalid", String(!usable));
    if (!usable) throw new Error(`${name}: got ${text || "nothing"}, expected an integer from 0 to ${limit - 1n}`);
    return BigInt(text);
  }

  /** Show the sample that is so many further on. */
  _select(step) {
    return this._app.attempt(async () => {
      const [seed, number] = this.read();
      if (number + step < 0n) throw new Error("number: this is the first sample, 0");
      this._fields.number.value = number + step;
      await this._app.show(this._app.model.draw(seed, number + step, 1));
      await this.refresh();
    });
  }

  async _draw() {
    const [seed, number] = this.read(), { model, settings, conditionText } = this._app;
    const start = number ? ` --start ${number}` : "";
    document.getElementById("command").textContent =
      `vae-export generate ${settings.name}-bundle --seed ${seed}${start}${conditionText}`;
    const outputs = await model.decode(model.draw(seed, number, SHOWN));
    fillStrip(
      this._strip, outputs[this._view.name], this._view,
      (i) => `sample ${number + BigInt(i)}`,
      (i) => this._select(BigInt(i)),
    );
    markCurrent(this._strip, 0);
  }
}
