/* Pictures: rows of values on canvases, and files of pictures as rows of values. */

/** Draw values of a picture, shape [height, width, 1 or 3]; range: the values shown as black and as white. */
export function drawPicture(canvas, values, [height, width, channels], [low, high]) {
  canvas.width = width;
  canvas.height = height;
  // Its elements round to the nearest even integer and clip, as pictures made by vae-export do.
  const pixels = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let colour = 0; colour < 3; colour++) {
      const value = values[pixel * channels + (channels === 3 ? colour : 0)];
      pixels[4 * pixel + colour] = ((value - low) / (high - low)) * 255;
    }
  }
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
}

/**
 * A file of a picture as values in the range: its middle, scaled to the size.
 * Transparent parts are black; gray is what ITU-R BT.601 weighs red, green and blue to.
 */
export async function readPicture(file, [height, width, channels], [low, high]) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch (error) {
    throw new Error(`${file.name ?? "file"}: cannot be read as a picture (${error.message})`, { cause: error });
  }
  const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.fillRect(0, 0, width, height);
  const scale = Math.max(width / bitmap.width, height / bitmap.height);
  const shown = [bitmap.width * scale, bitmap.height * scale];
  context.drawImage(bitmap, (width - shown[0]) / 2, (height - shown[1]) / 2, ...shown);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height), values = new Float64Array(height * width * channels);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const [red, green, blue] = data.subarray(4 * pixel, 4 * pixel + 3);
    const colours = channels === 3 ? [red, green, blue] : [0.299 * red + 0.587 * green + 0.114 * blue];
    colours.forEach((colour, i) => {
      values[pixel * channels + i] = low + (colour / 255) * (high - low);
    });
  }
  return values;
}
