/*
 * vae_runtime.mjs: the noise of an exported VAE, for browsers and Node: philox, normal, sample.
 *
 *     import { normal, sample } from "./vae_runtime.mjs";
 *     const z = normal(7, 0, k * n, n);                                   sample k from the prior, seed 7
 *     const z = sample(mu, logvar, { seed: 7, start: k * n });            sample k from the posterior
 *
 * NOISE.md is the specification; the ports in other languages have the same sections, order and names.
 * An ES module without dependencies and without state of its own. Seeds and starts are BigInt, or
 * numbers up to 2^53. JavaScript's numbers are IEEE 754 float64 with every operation rounded, so
 * `normal` gives the same bits as every other port.
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
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) | 0;
}

// ---- The inverse normal distribution function (Wichura 1988, AS 241, PPND16) ----

const CENTRE_NUMERATOR = [
  2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
  13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608];
const CENTRE_DENOMINATOR = [
  5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
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
