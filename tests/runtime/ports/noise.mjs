// Reads lines "normal|sample seed stream start count" or "golden file count" and writes the values as raw
// float32.
import { readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { normal, readGolden, sample } = await import(pathToFileURL(process.argv[2]));

for (const line of readFileSync(0, "utf8").trim().split("\n")) {
  const values = answer(...line.split(" "));
  const bytes = new Uint8Array(values.buffer);
  for (let done = 0; done < bytes.length; ) done += writeSync(1, bytes, done);
}

function answer(what, ...words) {
  if (what === "golden") return readGolden(readFileSync(words[0]));
  const [seed, stream, start, count] = words.map(BigInt);
  if (what === "normal") return normal(seed, stream, start, count);
  return sample(normal(1, 0, start, count), normal(2, 0, start, count), { seed, stream, start, epsilonScale: 0.5 });
}
