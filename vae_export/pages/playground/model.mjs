/* The VAE as the playground uses it: z of all latents in one row, outputs by name, the time it takes. */

import { normal } from "vae_runtime.mjs";

const ARRAYS = {
  float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int16: Int16Array, int32: Int32Array,
  int64: BigInt64Array, bool: Uint8Array,
};
// Medians are of so many times.
const TIMES = 30;
// The page does not answer while the model runs: many rows are decoded in parts of about this long.
const PART_MS = 50;

/** vae: of vae_runtime.mjs; settings: of the page; conditions: () => values by name, for one row. */
export class Model {
  constructor(vae, settings, conditions) {
    this.vae = vae;
    this.size = settings.latent_size;
    this.conditions = conditions;
    this._settings = settings;
    this._times = { encode: [], decode: [] };
    this._last = Promise.resolve();
  }

  /** z of samples [first, first + rows) of the prior, the same as those of vae.generate. */
  draw(seed, first, rows) {
    const noise = this.vae.latents.map((latent) => {
      const size = product(latent.shape);
      return normal(seed, latent.stream, BigInt(first) * BigInt(size), rows * size);
    });
    return this._join(noise, rows);
  }

  /** Rows of z -> values by name of the output. */
  async decode(z, conditions = this.conditions()) {
    const inputs = { ...this._latents(z), ...this._given("decoder", conditions) };
    const outputs = await this._timed(z.length === this.size ? "decode" : null, () => this.vae.decode(inputs));
    return ArrayBuffer.isView(outputs) ? { [this._settings.outputs[0].name]: outputs } : outputs;
  }

  /** Many rows of z, a few at a time -> values of the first output; null if outdated() says so before the end. */
  async decodeMany(z, outdated) {
    const rows = z.length / this.size, { name } = this._settings.outputs[0], conditions = this.conditions();
    const step = Math.max(1, Math.floor(PART_MS / this.time("decode")));
    let values = null;
    for (let row = 0; row < rows; row += step) {
      const part = z.subarray(row * this.size, (row + step) * this.size);
      const decoded = (await this.decode(part, conditions))[name];
      values ??= new decoded.constructor((decoded.length / (part.length / this.size)) * rows);
      values.set(decoded, (values.length / rows) * row);
      await new Promise((done) => setTimeout(done));
      if (outdated()) return null;
    }
    return values;
  }

  /** One x -> { mu, z }: z drawn as vae.reconstruct draws it. */
  async encode(values, seed, number, conditions = this.conditions()) {
    const inputs = { x: convert(values, this._settings.x.dtype), ...this._given("encoder", conditions) };
    const { mu, logvar } = await this._timed("encode", () => this.vae.encode(inputs));
    const z = this.vae.sample(mu, logvar, { seed, start: number });
    const parts = (arrays, key) =>
      ArrayBuffer.isView(arrays) ? [arrays] : this.vae.latents.map((latent) => arrays[latent[key]]);
    return { mu: this._join(parts(mu, "mu"), 1), z: this._join(parts(z, "z"), 1) };
  }

  /** Median of the latest times of calls with one row, in ms; null before the first. */
  time(what) {
    const times = [...this._times[what]].sort((a, b) => a - b);
    return times.length ? times[Math.floor(times.length / 2)] : null;
  }

  /** The first runs find their memory and are slower: no time is kept of them. */
  async warmUp() {
    for (let i = 0; i < 2; i++) await this.decode(new Float32Array(this.size));
    this._times.decode = [];
    await this.decode(new Float32Array(this.size));
  }

  /** One after the other, so that the time is not that of waiting. */
  _timed(what, work) {
    const run = this._last.then(async () => {
      const start = performance.now(), result = await work();
      if (what) this._times[what] = [...this._times[what], performance.now() - start].slice(-TIMES);
      return result;
    });
    this._last = run.catch(() => {});
    return run;
  }

  _given(role, conditions) {
    const wanted = this._settings.conditions.filter(({ roles }) => roles.includes(role));
    return Object.fromEntries(wanted.map(({ name, dtype }) => [name, convert(conditions[name], dtype)]));
  }

  /** Rows of z, by latent. */
  _latents(z) {
    const rows = z.length / this.size, latents = {};
    let low = 0;
    for (const latent of this.vae.latents) {
      const size = product(latent.shape), part = new Float32Array(rows * size);
      for (let row = 0; row < rows; row++) {
        part.set(z.subarray(row * this.size + low, row * this.size + low + size), row * size);
      }
      latents[latent.z] = part;
      low += size;
    }
    return latents;
  }

  /** Arrays of rows, side by side. */
  _join(arrays, rows) {
    const z = new Float32Array(rows * this.size);
    let low = 0;
    for (const array of arrays) {
      const size = array.length / rows;
      for (let row = 0; row < rows; row++) z.set(array.subarray(row * size, (row + 1) * size), row * this.size + low);
      low += size;
    }
    return z;
  }
}

function convert(values, dtype) {
  if (dtype === "float32") return Float32Array.from(values);
  const whole = Array.from(values, Math.round);
  return dtype === "int64" ? BigInt64Array.from(whole, BigInt) : ARRAYS[dtype].from(whole);
}

export function product(shape) {
  return shape.reduce((size, n) => size * n, 1);
}
