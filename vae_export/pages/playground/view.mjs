/* Values on canvases, and in small on buttons: pictures or signals. */

import { product } from "model.mjs";
import { drawPicture } from "picture.mjs";
import { drawSignal } from "signal.mjs";

/** Draw values; view: { kind, shape, range }; small: without numbers. */
export function draw(canvas, values, { kind, shape, range }, small = false) {
  if (kind === "picture") drawPicture(canvas, values, shape, range);
  else drawSignal(canvas, values, shape, range, { labels: !small });
}

/**
 * Fill a strip with a button for each row.
 * rows: values, one after the other. name: i => what the button is called. onClick: called with i.
 */
export function fillStrip(strip, rows, view, name, onClick) {
  const width = product(view.shape), count = rows.length / width;
  while (strip.children.length > count) strip.lastChild.remove();
  while (strip.children.length < count) {
    const button = document.createElement("button"), canvas = document.createElement("canvas");
    button.type = "button";
    canvas.className = view.kind;
    button.append(canvas);
    strip.append(button);
  }
  [...strip.children].forEach((button, i) => {
    button.setAttribute("aria-label", name(i));
    button.title = name(i);
    button.onclick = () => onClick(i);
    draw(button.firstChild, rows.subarray(i * width, (i + 1) * width), view, true);
  });
}

/** Mark one button of a strip as the one that is shown. */
export function markCurrent(strip, index) {
  [...strip.children].forEach((button, i) => button.setAttribute("aria-current", String(i === index)));
}
