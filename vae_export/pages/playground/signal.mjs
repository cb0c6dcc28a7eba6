/* Signals: rows of values as lines on canvases, and files of numbers as rows of values. */

// Okabe & Ito's palette (2008), which stays apart in any colour vision.
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8a00", "#777777"];
const MARGIN = 6;
// Of canvases that are not in the page yet, in CSS pixels.
const DEFAULT_WIDTH = 112;

/**
 * Draw the lines of a signal, shape [length, channels], on a canvas as large as it is shown.
 * range: of the values; values beyond it make it wider. labels: whether to write what its lines stand for.
 */
export function drawSignal(canvas, values, [length, channels], range, { labels = true } = {}) {
  const width = canvas.clientWidth || DEFAULT_WIDTH, height = width / 2, density = globalThis.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [width * density, height * density];
  const context = canvas.getContext("2d"), [low, high] = limits(values, range), room = labels ? 46 : 0;
  const x = (i) => MARGIN + room + (i / Math.max(1, length - 1)) * (width - room - 2 * MARGIN);
  const y = (value) => height - MARGIN - ((value - low) / (high - low)) * (height - 2 * MARGIN);
  context.scale(density, density);
  if (labels) {
    context.fillStyle = getComputedStyle(canvas).color;
    context.font = "12px system-ui, sans-serif";
    for (const value of [low, (low + high) / 2, high]) {
      context.fillText(String(Number(value.toPrecision(2))), 4, Math.min(height - 4, Math.max(12, y(value) + 4)));
      context.globalAlpha = 0.25;
      context.fillRect(x(0), y(value), x(length - 1) - x(0), 1);
      context.globalAlpha = 1;
    }
  }
  context.lineWidth = 1.5;
  for (let channel = 0; channel < channels; channel++) {
    context.strokeStyle = COLOURS[channel % COLOURS.length];
    context.beginPath();
    for (let i = 0; i < length; i++) context.lineTo(x(i), y(values[i * channels + channel]));
    context.stroke();
  }
}

/** Numbers of a text file, with blanks, commas or line ends between, or of a JSON file. */
export async function readNumbers(file, [length, channels]) {
  const words = (await file.text()).replaceAll(/[[\](),;]/g, " ").split(/\s+/).filter(Boolean);
  const values = Float64Array.from(words, Number), expected = length * channels;
  const wrong = words.find((_, i) => !Number.isFinite(values[i]));
  if (wrong !== undefined) throw new Error(`${file.name}: got ${wrong.slice(0, 40)}, expected numbers`);
  if (values.length !== expected) {
    throw new Error(`${file.name}: got ${values.length} numbers, expected ${expected} (${length} x ${channels})`);
  }
  return values;
}

function limits(values, range) {
  let [low, high] = range;
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return high > low ? [low, high] : [low - 1, high + 1];
}
