/* The point z that is shown: a slider for each axis, and a pad for two of them. */

const PAD_RANGE = 3;
const STEP = 0.05, LARGE_STEP = 0.5;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/**
 * z, a Float32Array of all latents one after the other, and the controls that change it.
 * onChange is called when the user has changed it here; `set` does not call it.
 */
export class Latent {
  constructor(size, onChange) {
    this.z = new Float32Array(size);
    this._onChange = onChange;
    this._sliders = [...document.querySelectorAll("#sliders .slider")].map((row, axis) => {
      const [slider, shown] = [row.querySelector("input"), row.querySelector(".value")];
      slider.addEventListener("input", () => this._move({ [axis]: slider.valueAsNumber }));
      return { slider, shown };
    });
    document.getElementById("zero").addEventListener("click", () => {
      this.set(new Float32Array(size));
      this._onChange();
    });
    this._pad = document.getElementById("pad");
    if (this._pad) this._connectPad();
    this.set(this.z);
  }

  /** Axes of the pad: across, up; null without one. */
  get axes() {
    return this._pad && ["pad-x", "pad-y"].map((id) => Number(document.getElementById(id).value));
  }

  /** Show another point. */
  set(z) {
    this.z = Float32Array.from(z);
    for (const [axis, { slider, shown }] of this._sliders.entries()) {
      slider.value = this.z[axis];
      shown.textContent = rounded(this.z[axis]);
    }
    this.redraw();
  }

  /** The picture behind the pad's point, which covers all of it; null for none. */
  set background(canvas) {
    this._background = canvas;
    this.redraw();
  }

  _move(values) {
    const z = this.z.slice();
    for (const [axis, value] of Object.entries(values)) z[axis] = value;
    this.set(z);
    this._onChange();
  }

  _connectPad() {
    const pad = this._pad;
    const follow = (event) => {
      const box = pad.getBoundingClientRect(), [across, up] = this.axes;
      const part = (value) => Math.max(-1, Math.min(1, 2 * value - 1)) * PAD_RANGE;
      this._move({
        [across]: part((event.clientX - box.left) / box.width),
        [up]: -part((event.clientY - box.top) / box.height),
      });
    };
    pad.addEventListener("pointerdown", (event) => {
      pad.setPointerCapture(event.pointerId);
      follow(event);
    });
    pad.addEventListener("pointermove", (event) => {
      if (pad.hasPointerCapture(event.pointerId)) follow(event);
    });
    pad.addEventListener("keydown", (event) => {
      const direction = KEYS[event.key];
      if (!direction || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      const step = event.shiftKey ? LARGE_STEP : STEP;
      this.axes.forEach((axis, i) => direction[i] && this._move({ [axis]: this.z[axis] + direction[i] * step }));
    });
    for (const id of ["pad-x", "pad-y"]) {
      document.getElementById(id).addEventListener("change", () => {
        this.redraw();
        this._onChange();
      });
    }
  }

  /** Draw the pad, in the colours of the page. */
  redraw() {
    if (!this._pad) return;
    const pad = this._pad, context = pad.getContext("2d"), { width, height } = pad;
    const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(name);
    context.fillStyle = colour("--paper");
    context.fillRect(0, 0, width, height);
    if (this._background) context.drawImage(this._background, 0, 0);
    const place = (value) => (value / PAD_RANGE / 2 + 0.5) * width;
    context.lineWidth = 1;
    context.strokeStyle = colour("--faint");
    for (const radius of [1, 2, 3]) {
      context.beginPath();
      context.arc(width / 2, height / 2, (radius / PAD_RANGE / 2) * width, 0, 2 * Math.PI);
      context.stroke();
    }
    const [x, y] = this.axes.map((axis) => Math.max(-PAD_RANGE, Math.min(PAD_RANGE, this.z[axis])));
    // Two rings, so that it is seen on any picture.
    for (const [line, name] of [[6, "--on-accent"], [3, "--accent"]]) {
      context.beginPath();
      context.arc(place(x), height - place(y), 8, 0, 2 * Math.PI);
      context.lineWidth = line;
      context.strokeStyle = colour(name);
      context.stroke();
    }
    const [across, up] = this.axes.map((axis, i) => {
      const name = document.getElementById(["pad-x", "pad-y"][i]).selectedOptions[0].textContent;
      return `${name} ${rounded(this.z[axis])}`;
    });
    pad.setAttribute("aria-label", `across ${across}, up ${up}`);
  }
}

function rounded(value) {
  return value.toFixed(2).replace(/^-(0\.00)$/, "$1");
}

/** Points of a grid of n x n over the pad, row by row from the top, around z. */
export function padPoints(z, [across, up], n) {
  const points = new Float32Array(n * n * z.length), value = (i) => ((2 * i + 1) / n - 1) * PAD_RANGE;
  for (let i = 0; i < n * n; i++) {
    points.set(z, i * z.length);
    points[i * z.length + across] = value(i % n);
    points[i * z.length + up] = -value(Math.floor(i / n));
  }
  return points;
}
