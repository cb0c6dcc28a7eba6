/* The VAE as the playground uses it: z of all latents in one row, outputs by name, the time it takes. */

import { normal } from "vae_runtime.mjs";

const ARRAYS = {
  float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int16: Int16Array, int32: Int32Array,
  int64: BigInt64Array, bool: Uint8Array,
};
// Medians are of so many times.
const TIMES = 30;

/** vae: of vae_runtime.mjs; settings: of the page; conditions: () => values by name, for one row. */
export class Model {
  constructor(vae, settings, conditions) {
    this.vae = vae;
    this.size = settings.latent_size;
    this.times = { encode: [], decode: [] };
    this._settings = settings;
    this._conditions = conditions;
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
  async decode(z) {
    const rows = z.length / this.size, latents = {};
    let low = 0;
    for (const latent of this.vae.latents) {
      const size = product(latent.shape), part = new Float32Array(rows * size);
      for (let row = 0; row < rows; row++) part.set(z.subarray(row * this.size + low, row * this.size + low + size), row * size);
      latents[latent.z] = part;
      low += size;
    }
    const start = performance.now();
    const outputs = await this.vae.decode({ ...latents, ...this._given("decoder") });
    if (rows === 1) this._note("decode", performance.now() - start);
    return ArrayBuffer.isView(outputs) ? { [this._settings.outputs[0].name]: outputs } : outputs;
  }

  /** One x -> { mu, z }: z drawn as vae.reconstruct draws it. */
  async encode(values, seed, number) {
    const x = convert(values, this._settings.x.dtype), start = performance.now();
    const { mu, logvar } = await this.vae.encode({ x, ...this._given("encoder") });
    this._note("encode", performance.now() - start);
    const z = this.vae.sample(mu, logvar, { seed, start: number });
    const parts = (arrays, key) =>
      ArrayBuffer.isView(arrays) ? [arrays] : this.vae.latents.map((latent) => arrays[latent[key]]);
    return { mu: this._join(parts(mu, "mu"), 1), z: this._join(parts(z, "z"), 1) };
  }

  /** Median of the latest times of calls with one row, in ms; null before the first. */
  time(what) {
    const times = [...this.times[what]].sort((a, b) => a - b);
    return times.length ? times[Math.floor(times.length / 2)] : null;
  }

  _note(what, time) {
    this.times[what] = [...this.times[what], time].slice(-TIMES);
  }

  _given(role) {
    const given = this._conditions(), wanted = this._settings.conditions.filter(({ roles }) => roles.includes(role));
    return Object.fromEntries(wanted.map(({ name, dtype }) => [name, convert(given[name], dtype)]));
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

function product(shape) {
  return shape.reduce((size, n) => size * n, 1);
}
