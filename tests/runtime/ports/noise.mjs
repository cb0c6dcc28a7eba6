// Reads lines "normal|sample seed stream start count" and writes the values as raw float32.
import { readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { normal, sample } = await import(pathToFileURL(process.argv[2]));

for (const line of readFileSync(0, "utf8").trim().split("\n")) {
  const [what, ...numbers] = line.split(" ");
  const [seed, stream, start, count] = numbers.map(BigInt);
  const values =
    what === "sample"
      ? sample(normal(1, 0, start, count), normal(2, 0, start, count), { seed, stream, start, epsilonScale: 0.5 })
      : normal(seed, stream, start, count);
  const bytes = new Uint8Array(values.buffer);
  for (let done = 0; done < bytes.length; ) done += writeSync(1, bytes, done);
}
