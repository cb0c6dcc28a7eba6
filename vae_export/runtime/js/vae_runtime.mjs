/*
 * vae_runtime.mjs: run an exported VAE in browsers and Node: draw noise, encode, sample, decode, generate.
 *
 *     import * as ort from "onnxruntime-web";                             or onnxruntime-node
 *     import { load, normal, sample } from "./vae_runtime.mjs";
 *     const vae = await load("my-bundle", ort);                           URL, or path in Node
 *     const images = await vae.generate(16, { seed: 7 });                 Float32Array, 16 images in a row
 *     const { mu, logvar } = await vae.encode(x);                         x: Float32Array, n rows
 *     const same = await vae.decode(vae.sample(mu, logvar, { seed: 7 }));
 *     await vae.release();
 *
 * And without a bundle, n being the number of values in one z:
 *
 *     const z = normal(7, 0, k * n, n);                                   sample k from the prior, seed 7
 *     const z = sample(mu, logvar, { seed: 7, start: k * n });            sample k from the posterior
 *
 * NOISE.md is the specification; the ports in other languages have the same sections, order and names.
 * An ES module without dependencies; `philox`, `normal` and `sample` have no state. Seeds and starts are
 * BigInt, or numbers up to 2^53. JavaScript's numbers are IEEE 754 float64 with every operation rounded,
 * so `normal` gives the same bits as every other port.
 */

export const FORMAT_VERSION = 1;
export const NOISE_VERSION = 1;

/** An argument, a bundle or a file is wrong: one line saying got, expected, next step. */
export class VaeRuntimeError extends Error {}

// ---- Philox4x32-10 (Salmon et al. 2011) ----

/**
 * The four words of one block, as numbers in [0, 2^32).
 * Key: (seed low, seed high); counter: (block low, block high, stream, 0).
 */
export function philox(seed, stream, block, words = new Uint32Array(4)) {
  seed = toInteger("seed", seed, 1n << 64n);
  block = toInteger("block", block, 1n << 64n);
  stream = Number(toInteger("stream", stream, 1n << 32n));
  return philoxHalves(...halves(seed), stream, ...halves(block), words);
}

function philoxHalves(key0, key1, stream, blockLow, blockHigh, words) {
  let c0 = blockLow, c1 = blockHigh, c2 = stream, c3 = 0;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0), low0 = Math.imul(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2), low1 = Math.imul(0xcd9e8d57, c2);
    c0 = high1 ^ c1 ^ key0;
    c1 = low1;
    c2 = high0 ^ c3 ^ key1;
    c3 = low0;
    key0 = (key0 + 0x9e3779b9) | 0;
    key1 = (key1 + 0xbb67ae85) | 0;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
  return words;
}

/** The upper half of the product of two unsigned 32-bit integers, in 16-bit pieces. */
function multiplyHigh(a, b) {
  const aLow = a & 0xffff, aHigh = a >>> 16, bLow = b & 0xffff, bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (carry >>> 16)) | 0;
}

// ---- The inverse normal distribution function (Wichura 1988, AS 241, PPND16) ----

const CENTRE_NUMERATOR = [
  2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
  13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608];
const CENTRE_DENOMINATOR = [
  5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
  5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0];
const TAIL_NUMERATOR = [
  7.7454501427834140764e-4, .0227238449892691845833, .24178072517745061177, 1.27045825245236838258,
  3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734];
const TAIL_DENOMINATOR = [
  1.05075007164441684324e-9, 5.475938084995344946e-4, .0151986665636164571966, .14810397642748007459,
  .68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0];
const LOG_TERMS = [1 / 23, 1 / 21, 1 / 19, 1 / 17, 1 / 15, 1 / 13, 1 / 11, 1 / 9, 1 / 7, 1 / 5, 1 / 3, 1];

/** Horner's rule, highest power first. */
function polynomial(coefficients, x) {
  let value = coefficients[0];
  for (let i = 1; i < coefficients.length; i++) value = value * x + coefficients[i];
  return value;
}

/** Natural logarithm of x in (0, 1), with + - * and / only: Math.log differs between engines. */
function log(x) {
  let exponent = 0;
  while (x < 0.5) {
    x = x + x;
    exponent = exponent - 1;
  }
  if (x < 0.70710678118654757) {
    x = x + x;
    exponent = exponent - 1;
  }
  const s = (x - 1) / (x + 1);
  const series = polynomial(LOG_TERMS, s * s);
  return exponent * 0.69314718060195446 + (exponent * -4.2009150726810846e-11 + 2 * s * series);
}

/** The standard normal value of a word, through u = (word + 0.5) / 2^32. */
function inverseNormal(word) {
  const u = (word + 0.5) / 4294967296;
  const q = u - 0.5;
  if (q <= 0.425 && q >= -0.425) {
    const r = 0.180625 - q * q;
    return Math.fround((q * polynomial(CENTRE_NUMERATOR, r)) / polynomial(CENTRE_DENOMINATOR, r));
  }
  // At most 4.79 for 32-bit words, so the third region of AS 241 (above 5) is never entered.
  const r = Math.sqrt(-log(q < 0 ? u : 1 - u)) - 1.6;
  const tail = polynomial(TAIL_NUMERATOR, r) / polynomial(TAIL_DENOMINATOR, r);
  return Math.fround(q < 0 ? -tail : tail);
}

// ---- The noise stream ----

/**
 * Values [start, start + count) of a stream of standard normal noise, as a Float32Array.
 * seed in [0, 2^64), stream in [0, 2^32), start at least 0, start + count at most 2^64.
 */
export function normal(seed, stream, start, count) {
  const [key0, key1] = halves(toInteger("seed", seed, 1n << 64n));
  stream = Number(toInteger("stream", stream, 1n << 32n));
  start = toInteger("start", start, 1n << 64n);
  count = Number(toInteger("count", count, (1n << 64n) - start + 1n));
  const values = new Float32Array(count), words = new Uint32Array(4);
  let [low, high] = halves(start / 4n);
  let at = Number(start % 4n);
  for (let i = 0; i < count; i++, at++) {
    if (at === 4) {
      at = 0;
      low = (low + 1) | 0;
      if (low === 0) high = (high + 1) | 0;
    }
    if (i === 0 || at === 0) philoxHalves(key0, key1, stream, low, high, words);
    values[i] = inverseNormal(words[at]);
  }
  return values;
}

/**
 * Draw z = mu + epsilonScale * exp(0.5 * logvar) * epsilon (Kingma & Welling 2013), as a Float32Array.
 * mu, logvar: Float32Arrays of one length. start: index of the first value of noise, k * size of one z
 * for sample k. Each z is the float64 result rounded once; Math.exp is the engine's, so two engines may
 * differ by one unit in the last place.
 */
export function sample(mu, logvar, { seed, stream = 0, start = 0, epsilonScale = 1 }) {
  if (mu.length !== logvar.length) {
    throw new VaeRuntimeError(`logvar: got ${logvar.length} values, expected ${mu.length} as in mu`);
  }
  const z = normal(seed, stream, start, mu.length);
  for (let i = 0; i < z.length; i++) z[i] = mu[i] + Math.exp(0.5 * logvar[i]) * epsilonScale * z[i];
  return z;
}

function halves(value) {
  return [Number(value & 0xffffffffn) | 0, Number(value >> 32n) | 0];
}

function toInteger(name, value, limit) {
  const usable = typeof value === "bigint" || Number.isSafeInteger(value);
  if (!usable || value < 0 || BigInt(value) >= limit) {
    throw new VaeRuntimeError(`${name}: got ${value}, expected an integer in [0, ${limit}); above 2^53 a BigInt`);
  }
  return BigInt(value);
}

// ---- The bundle ----

/**
 * Load a bundle; its files are checked against the SHA-256 of the manifest.
 *
 * bundle: URL of the directory, in Node also its path; or a function from a file's name to a promise of
 *     its bytes (Uint8Array or ArrayBuffer).
 * ort: the module onnxruntime-web or onnxruntime-node.
 * options: for ort.InferenceSession.create, such as { executionProviders: ["webgpu"] }.
 * precision: "float32", "float16", "dynamic-int8" or "int8"; null for the first that the bundle has.
 *
 * Throws VaeRuntimeError: no bundle there, an unknown version, a missing or altered file.
 */
export async function load(bundle, ort, options = {}, precision = null) {
  if (!ort?.InferenceSession) {
    throw new VaeRuntimeError(`ort: got ${ort}, expected the module onnxruntime-web or onnxruntime-node`);
  }
  const read = typeof bundle === "function" ? bundle : reader(bundle);
  const manifest = await readManifest(read);
  const graphs = [];
  try {
    for (const role of ["encoder", "decoder"]) {
      const artifacts = manifest.artifacts.filter((entry) => entry.role === role && entry.format === "onnx");
      if (!artifacts.length) {
        throw new VaeRuntimeError(`${role}: no ONNX file in the bundle; export it with --format onnx`);
      }
      const artifact = artifacts.find((entry) => precision === null || entry.precision === precision);
      if (!artifact) {
        const held = artifacts.map((entry) => entry.precision).join(", ");
        throw new VaeRuntimeError(`precision: got ${precision}, expected ${held}`);
      }
      const bytes = await checkedFile(read, artifact);
      const session = await inTurn(() => ort.InferenceSession.create(bytes, options));
      graphs.push(new Graph(ort, session, artifact));
    }
  } catch (error) {
    for (const graph of graphs) await graph.release();
    throw error;
  }
  return new Vae(manifest, read, ...graphs);
}

/**
 * A loaded bundle. An array is a typed array of n rows, one after the other, row-major: Float32Array, for
 * integer inputs the array of their type. One array goes in and out bare, several as an object of arrays by
 * tensor name: encode({ x, label }), decode({ z, label }), for two latents decode({ z_a, z_b }).
 *
 * xShape, reconstructionShape: of one row. latents: the manifest's entries of the latents.
 * latentShape, epsilonScale: those of the first latent.
 */
export class Vae {
  constructor(manifest, read, encoder, decoder) {
    this.manifest = manifest;
    this.latents = manifest.latents;
    this.latentShape = this.latents[0].shape;
    this.epsilonScale = this.latents[0].epsilon_scale;
    this.xShape = encoder.inputs.x.shape;
    this.reconstructionShape = Object.values(decoder.outputs)[0].shape;
    this._read = read;
    this._encoder = encoder;
    this._decoder = decoder;
  }

  /** x -> { mu, logvar }; of several latents each an object of arrays by name. */
  async encode(x) {
    const outputs = await this._encoder.run(named("x", x));
    const pick = (key) => bare(Object.fromEntries(this.latents.map((latent) => [latent[key], outputs[latent[key]]])));
    return { mu: pick("mu"), logvar: pick("logvar") };
  }

  /** Draw z; row k is sample number start + k of the seed. */
  sample(mu, logvar, { seed = 0, start = 0 } = {}) {
    return bare(this._sample(named(this.latents[0].mu, mu), named(this.latents[0].logvar, logvar), seed, start));
  }

  /** z -> reconstruction; several outputs as an object of arrays by name. */
  async decode(z) {
    return bare(await this._decoder.run(named("z", z)));
  }

  /** x -> decode(sample(encode(x))). */
  async reconstruct(x, { seed = 0, start = 0 } = {}) {
    const given = named("x", x), conditions = this._conditions(given);
    const mine = Object.entries(given).filter(([name]) => name in this._encoder.inputs || !(name in conditions));
    const outputs = await this._encoder.run(Object.fromEntries(mine));
    return this.decode({ ...this._sample(outputs, outputs, seed, start), ...conditions });
  }

  /**
   * Decode n draws from the prior N(0, I); image k is sample number start + k.
   * conditions: the decoder's inputs beside z, by name; n rows, or one for all.
   */
  async generate(n, { seed = 0, start = 0, conditions = {} } = {}) {
    n = Number(toInteger("n", n, 2n ** 32n));
    if (n < 1) throw new VaeRuntimeError(`n: got ${n}, expected at least 1`);
    const drawn = this.latents.map((latent) => [latent.z, this._epsilon(latent, n, seed, start)]);
    return this.decode({ ...Object.fromEntries(drawn), ...conditions });
  }

  /** Free the memory of the sessions; the object cannot be used any more. */
  async release() {
    await this._encoder.release();
    await this._decoder.release();
  }

  /**
   * Compare with the golden arrays of the bundle. Returns the largest absolute error of each quantity;
   * throws VaeRuntimeError naming every one above its tolerance.
   */
  async selfTest() {
    const { arrays, seed, start } = this.manifest.golden;
    const golden = {};
    for (const name of Object.keys(arrays)) golden[name] = readGolden(await checkedFile(this._read, arrays[name]));
    const given = (graph) =>
      Object.fromEntries(
        Object.entries(graph.inputs).map(([name, { dtype }]) => [name, convert(golden[name], dtype)]),
      );
    const inputs = given(this._decoder), rows = golden[this.latents[0].mu].length / product(this.latentShape);
    const prior = Object.fromEntries(this.latents.map((latent) => [latent.z, this._epsilon(latent, rows, seed, start)]));
    const generated = await this._decoder.run({ ...inputs, ...prior });
    const outputs = Object.keys(generated), tolerances = { ...this._encoder.tolerances, ...this._decoder.tolerances };
    const checks = [
      ...this.latents.map((latent) => [latent.epsilon, prior[latent.z], 0]),
      ...entriesWith(tolerances, await this._encoder.run(given(this._encoder))),
      ...Object.entries(this._sample(golden, golden, seed, start)).map(([name, z]) => [name, z, lastPlace(golden[name])]),
      ...entriesWith(tolerances, await this._decoder.run(inputs)),
      ...outputs.map((name) => [outputs.length === 1 ? "generated" : `generated_${name}`, generated[name], tolerances[name]]),
    ];
    const errors = {}, bad = [];
    for (const [name, got, tolerance] of checks) {
      errors[name] = maxError(got, golden[name]);
      if (!(errors[name] <= tolerance)) bad.push(`${name}: largest error ${errors[name]}, tolerance ${tolerance}`);
    }
    if (bad.length) throw new VaeRuntimeError(`self test failed: ${bad.join("; ")}`);
    return errors;
  }

  _conditions(given) {
    const z = this.latents.map((latent) => latent.z);
    const names = Object.keys(this._decoder.inputs).filter((name) => !z.includes(name) && name in given);
    return Object.fromEntries(names.map((name) => [name, given[name]]));
  }

  _sample(mu, logvar, seed, start) {
    const z = {};
    for (const latent of this.latents) {
      const size = product(latent.shape), inputs = [mu[latent.mu], logvar[latent.logvar]];
      const rows = inputs.map((values, i) => countRows([latent.mu, latent.logvar][i], values, latent, "float32"));
      if (rows[0] !== rows[1]) {
        throw new VaeRuntimeError(`${latent.logvar}: got ${rows[1]} rows, expected ${rows[0]} as in mu`);
      }
      const options = { seed, stream: latent.stream, epsilonScale: latent.epsilon_scale };
      z[latent.z] = sample(...inputs, { ...options, start: firstValue(start, rows[0], size) });
    }
    return z;
  }

  _epsilon(latent, rows, seed, start) {
    const size = product(latent.shape);
    return normal(seed, latent.stream, firstValue(start, rows, size), rows * size);
  }
}

const ARRAYS = {
  float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int16: Int16Array, int32: Int32Array,
  int64: globalThis.BigInt64Array, bool: Uint8Array,
};

// ONNX Runtime Web has one thread of execution for all sessions, and not every backend queues for it.
let last = Promise.resolve();
function inTurn(work) {
  const done = last.then(work);
  last = done.catch(() => {});
  return done;
}

/** One half in ONNX Runtime, for any number of rows over a graph of any or of one batch size. */
class Graph {
  constructor(ort, session, artifact) {
    const specs = (tensors) =>
      Object.fromEntries(tensors.map(({ name, shape, dtype }) => [name, { shape: shape.slice(1), dtype }]));
    this.inputs = specs(artifact.inputs);
    this.outputs = specs(artifact.outputs);
    this.tolerances = Object.fromEntries(Object.entries(artifact.parity).map(([name, row]) => [name, row.tolerance]));
    this._ort = ort;
    this._session = session;
    this._batch = artifact.inputs[0].shape[0];
    this._rows = artifact.preferred_batch;
  }

  /** Typed arrays by name, in and out. The inputs are copied at once: the caller may change them. */
  async run(inputs) {
    const batches = this._batches(inputs);
    return inTurn(() => this._runBatches(batches));
  }

  release() {
    return inTurn(() => this._session.release());
  }

  async _runBatches(batches) {
    const rows = batches.reduce((sum, { count }) => sum + count, 0), outputs = {};
    let low = 0;
    for (const { feeds, count } of batches) {
      const results = await this._session.run(feeds);
      for (const [name, { shape }] of Object.entries(this.outputs)) {
        const width = product(shape), { data } = results[name];
        outputs[name] ??= new data.constructor(rows * width);
        outputs[name].set(data.subarray(0, count * width), low * width);
      }
      low += count;
    }
    return outputs;
  }

  _batches(inputs) {
    const names = Object.keys(this.inputs), given = Object.keys(inputs), counts = {};
    if (given.length !== names.length || !names.every((name) => name in inputs)) {
      throw new VaeRuntimeError(`got the inputs ${given.join(", ") || "none"}, expected ${names.join(", ")}`);
    }
    for (const name of names) counts[name] = countRows(name, inputs[name], this.inputs[name], this.inputs[name].dtype);
    const rows = Math.max(...Object.values(counts)), batches = [];
    const wrong = names.find((name) => counts[name] !== 1 && counts[name] !== rows);
    if (wrong) throw new VaeRuntimeError(`${wrong}: got ${counts[wrong]} rows, expected ${rows} as in the others`);
    const step = this._batch ?? Math.min(rows, this._rows);
    for (let low = 0; low < rows; low += step) {
      const count = Math.min(step, rows - low), size = this._batch ?? count, feeds = {};
      for (const [name, { shape, dtype }] of Object.entries(this.inputs)) {
        const from = counts[name] === rows ? low : 0, have = counts[name] === rows ? count : 1;
        const values = rowsOf(inputs[name], from, have, size, product(shape));
        feeds[name] = new this._ort.Tensor(dtype, values, [size, ...shape]);
      }
      batches.push({ feeds, count });
    }
    return batches;
  }
}

function named(name, values) {
  return ArrayBuffer.isView(values) || typeof values !== "object" || values === null ? { [name]: values } : values;
}

function bare(arrays) {
  const values = Object.values(arrays);
  return values.length === 1 ? values[0] : arrays;
}

function entriesWith(tolerances, arrays) {
  return Object.entries(arrays).map(([name, values]) => [name, values, tolerances[name]]);
}

/** Index of the first value of noise of sample number `start`, of `rows` samples of `size` values. */
function firstValue(start, rows, size) {
  return toInteger("start", start, 2n ** 64n / BigInt(size) - BigInt(rows) + 1n) * BigInt(size);
}

function countRows(name, values, { shape }, dtype) {
  const expected = ARRAYS[dtype], width = product(shape);
  if (!(values instanceof expected)) {
    throw new VaeRuntimeError(`${name}: got ${values?.constructor?.name ?? values}, expected a ${expected.name}`);
  }
  const rows = values.length / width;
  if (!Number.isInteger(rows) || rows < 1) {
    throw new VaeRuntimeError(`${name}: got ${values.length} values, expected rows of ${width} (${shape.join(" x ")})`);
  }
  return rows;
}

/** A copy of `count` rows from `low`, the last repeated until there are `size`. */
function rowsOf(values, low, count, size, width) {
  const rows = new values.constructor(size * width);
  rows.set(values.subarray(low * width, (low + count) * width));
  for (let row = count; row < size; row++) rows.copyWithin(row * width, (count - 1) * width, count * width);
  return rows;
}

function convert(values, dtype) {
  return dtype === "int64" ? BigInt64Array.from(values, (value) => BigInt(value)) : ARRAYS[dtype].from(values);
}

/** A function that reads a file of the bundle at a URL or, in Node, at a path. */
function reader(bundle) {
  const inNode = typeof process === "object" && Boolean(process.versions?.node);
  if (inNode && !/^(https?|file|blob|data):/i.test(`${bundle}`)) {
    return async (name) => (await nodeFiles()).readFile(`${bundle || "."}/${name}`);
  }
  let base;
  try {
    base = new URL(`${bundle}`, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch (error) {
    throw new VaeRuntimeError(`bundle: got ${bundle}, expected a URL`, { cause: error });
  }
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  return async (name) => {
    const url = new URL(name, base);
    url.search = base.search;
    if (inNode && url.protocol === "file:") return (await nodeFiles()).readFile(url);
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url}: HTTP status ${response.status}`);
    return response.arrayBuffer();
  };
}

function nodeFiles() {
  // Not a literal in the call: bundlers for browsers would look for it.
  const name = "node:fs/promises";
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name);
}

async function readManifest(read) {
  const text = new TextDecoder().decode(await readFile(read, "manifest.json"));
  let manifest;
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    throw new VaeRuntimeError(`manifest.json: not JSON (${error.message})`, { cause: error });
  }
  for (const [what, got, expected] of [
    ["format_version", manifest?.format_version, FORMAT_VERSION],
    ["noise version", manifest?.noise?.version, NOISE_VERSION],
  ]) {
    if (got !== expected) {
      throw new VaeRuntimeError(`manifest.json: ${what} ${got}, expected ${expected}; use newer helpers`);
    }
  }
  return manifest;
}

async function readFile(read, name) {
  try {
    const bytes = await read(name);
    return bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  } catch (error) {
    throw new VaeRuntimeError(`${name}: cannot be read (${error.message}); is this a whole bundle?`, { cause: error });
  }
}

async function checkedFile(read, { file, sha256 }) {
  if (/^\/|[\\:]/.test(file) || file.split("/").some((part) => ["", ".", ".."].includes(part))) {
    throw new VaeRuntimeError(`manifest.json: names ${file}, expected a relative path inside the bundle`);
  }
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle) {
    throw new VaeRuntimeError("WebCrypto is missing: serve the page over https or from localhost; use Node 20 or newer");
  }
  const bytes = await readFile(read, file);
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex !== sha256) {
    throw new VaeRuntimeError(`${file}: altered (its SHA-256 is not the manifest's); export the bundle again`);
  }
  return bytes;
}

/** The values of a golden array, a Float32Array: bytes is a Uint8Array, raw little-endian float32. */
export function readGolden(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

function maxError(got, expected) {
  if (got.length !== expected.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < got.length; i++) {
    const error = Math.abs(got[i] - expected[i]);
    if (!(error <= largest)) largest = error;
    if (Number.isNaN(largest)) break;
  }
  return largest;
}

/** One unit in the last place of the largest value, as float32. */
function lastPlace(values) {
  const next = new Float32Array([values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)]);
  const largest = next[0];
  new Uint32Array(next.buffer)[0] += 1;
  return next[0] - largest;
}

function product(shape) {
  return shape.reduce((size, n) => size * n, 1);
}
