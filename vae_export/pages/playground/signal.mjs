/* Signals: rows of values as lines on canvases, and files of numbers as rows of values. */

// Okabe & Ito's palette (2008), which stays apart in any colour vision.
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8a00", "#777777"];
const MARGIN = 6;

/**
 * Draw the lines of a signal, shape [length, channels].
 * range: of the values, or null to take that of the signal itself.
 */
export function drawSignal(canvas, values, [length, channels], range, { size = [512, 256], labels = true } = {}) {
  [canvas.width, canvas.height] = size;
  const context = canvas.getContext("2d"), style = getComputedStyle(canvas);
  const [low, high] = limits(values, range), room = labels ? 40 : 0;
  const x = (i) => MARGIN + room + (i / Math.max(1, length - 1)) * (size[0] - room - 2 * MARGIN);
  const y = (value) => size[1] - MARGIN - ((value - low) / (high - low)) * (size[1] - 2 * MARGIN);
  context.clearRect(0, 0, ...size);
  if (labels) {
    context.fillStyle = context.strokeStyle = style.color;
    context.font = "12px system-ui, sans-serif";
    for (const value of [low, (low + high) / 2, high]) {
      context.fillText(value.toPrecision(2), 2, Math.min(size[1] - 4, Math.max(12, y(value) + 4)));
      context.globalAlpha = 0.2;
      context.fillRect(x(0), y(value), x(length - 1) - x(0), 1);
      context.globalAlpha = 1;
    }
  }
  context.lineWidth = 2;
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
  let [low, high] = range ?? [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return high > low ? [low, high] : [low - 1, high + 1];
}
