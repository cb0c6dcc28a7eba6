// Prints nanoseconds per value: what, ours, own (Box-Muller on Math.random); medians of interleaved rounds.
import { pathToFileURL } from "node:url";

const { normal } = await import(pathToFileURL(process.argv[2]));
const ROUNDS = 31, BULK = 100_000, TWICE = 20_000;

function boxMuller(count) {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - Math.random())), angle = 2 * Math.PI * Math.random();
    values[i] = radius * Math.cos(angle);
    values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}

function seconds(work) {
  const begin = performance.now();
  work();
  return (performance.now() - begin) / 1e3;
}

function measure(what, ours, own, count) {
  const times = [[], []];
  for (let i = 0; i < ROUNDS; i++) {
    times[0].push(seconds(ours));
    times[1].push(seconds(own));
  }
  const [a, b] = times.map((row) => (1e9 * row.sort((x, y) => x - y)[ROUNDS >> 1]) / count);
  console.log(`${what} ${a.toFixed(2)} ${b.toFixed(2)}`);
}

let sum = 0;
measure("bulk", () => (sum += normal(7, 0, 0, BULK)[0]), () => (sum += boxMuller(BULK)[0]), BULK);
measure(
  "two",
  () => { for (let k = 0; k < TWICE; k++) sum += normal(7, 0, 2 * k, 2)[0]; },
  () => { for (let k = 0; k < TWICE; k++) sum += boxMuller(2)[0]; },
  2 * TWICE,
);
if (Number.isNaN(sum)) process.exit(1);
