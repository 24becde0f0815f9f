// Edits a photograph at its own size, as vae_keras/applications/full_size.py does: the model gives the change of the
// aligned face, the photograph keeps its pixels. Where a face changes much, as under glasses, the decoded face takes
// the place of what the photograph shows. A Python test holds both to the same picture.

import { inverse, map } from "./photo.js";

// The ellipse around a head, in sides of the aligned face, and the share of it over which a change fades.
const [HALF_HEIGHT, HALF_WIDTH, FADE] = [0.5, 0.44, 0.35];
// Of the largest change of a colour around a pixel: up to the first the photograph stays below the change, from the
// second on the decoded face takes its place.
const [KEPT, REDRAWN] = [0.05, 0.25];
const [BLUR, BLUR_RADIUS] = [1.5, 6]; // pixels of the aligned face, around which the change is judged
const [RADIUS, FLAT] = [2, 0.002]; // of the window in which details follow the change; below this variance are none
const LAYERS = 7; // of the aligned face that are enlarged: the change, the face, and how details grow
const SHARPNESS = -0.75; // of OpenCV's cubic

/**
 * Return what is to be added to an aligned face, in [-1, 1].
 *
 * `face` is bytes; `before` and `after` are the decoded face and the edited one, in [0, 1]. `grey`: brightness alone.
 */
export function changeFace(face, before, after, size, grey) {
  const difference = after.map((value, i) => value - before[i]);
  const redrawn = redrawnShare(difference, size);
  const change = difference.map((value, i) => value + redrawn[Math.floor(i / 3)] * (before[i] - face[i] / 255));
  return grey ? change.map((_, i) => meanColour(change, Math.floor(i / 3))) : change;
}

/** Return how much of each pixel of a face is redrawn, 0 to 1. */
function redrawnShare(difference, size) {
  const largest = Float32Array.from({ length: size * size }, (_, i) =>
    Math.max(...difference.subarray(3 * i, 3 * i + 3).map(Math.abs)),
  );
  const blurred = filter(largest, size, gaussian());
  return blurred.map((value) => smoothStep((value - KEPT) / (REDRAWN - KEPT)));
}

function gaussian() {
  const weights = Array.from({ length: 2 * BLUR_RADIUS + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - BLUR_RADIUS) / BLUR) ** 2),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Return a photograph with a change of its aligned face added: ImageData. */
export function pasteChange(picture, matrix, face, change, size) {
  const layers = layersOf(face, change, size);
  const result = new ImageData(Uint8ClampedArray.from(picture.data), picture.width, picture.height);
  const part = region(matrix, size, picture);
  const sums = new Float64Array(LAYERS);
  for (let y = part.top; y < part.bottom; y++) {
    for (let x = part.left; x < part.right; x++) {
      if (!addCubic(sums, layers, size, map(matrix, x, y))) continue;
      const place = 4 * (y * picture.width + x);
      for (let i = 0; i < 3; i++) {
        const detail = picture.data[place + i] - sums[3 + i];
        result.data[place + i] = picture.data[place + i] + sums[i] + sums[6] * detail;
      }
    }
  }
  return result;
}

/** Return the layers, pixel by pixel: the change and the face in red, green, blue, and how details grow. */
function layersOf(face, change, size) {
  const mask = headMask(size);
  const faded = change.map((value, i) => 255 * value * mask[Math.floor(i / 3)]);
  const gain = detailGain(faded, face, size);
  const layers = new Float32Array(LAYERS * size * size);
  for (let i = 0; i < size * size; i++) {
    layers.set(faded.subarray(3 * i, 3 * i + 3), LAYERS * i);
    layers.set(face.subarray(3 * i, 3 * i + 3), LAYERS * i + 3);
    layers[LAYERS * i + 6] = gain[i] * mask[i];
  }
  return layers;
}

/** Return by which share details grow that the aligned face is too small to show, as in a guided filter: [-1, 1]. */
function detailGain(change, face, size) {
  const window = new Array(2 * RADIUS + 1).fill(1 / (2 * RADIUS + 1));
  const mean = (values) => filter(values, size, window);
  const pixels = Array.from({ length: size * size }, (_, i) => i);
  const changes = Float32Array.from(pixels, (i) => meanColour(change, i) / 255);
  const brightness = Float32Array.from(pixels, (i) => meanColour(face, i) / 255);
  const [meanChange, meanBrightness] = [mean(changes), mean(brightness)];
  const products = mean(changes.map((value, i) => value * brightness[i]));
  const squares = mean(brightness.map((value) => value * value));
  const slopes = products.map((product, i) => {
    const covariance = product - meanChange[i] * meanBrightness[i];
    return covariance / (squares[i] - meanBrightness[i] ** 2 + FLAT);
  });
  return mean(slopes).map((slope) => Math.max(-1, Math.min(1, slope)));
}

function meanColour(values, pixel) {
  return (values[3 * pixel] + values[3 * pixel + 1] + values[3 * pixel + 2]) / 3;
}

/** Return weights that are 1 on the head and fall smoothly to 0 around it. */
function headMask(size) {
  const place = (i) => (i + 0.5) / size - 0.5;
  return Float32Array.from({ length: size * size }, (_, i) => {
    const [x, y] = [place(i % size), place(Math.floor(i / size))];
    return smoothStep((1 - Math.hypot(y / HALF_HEIGHT, x / HALF_WIDTH)) / FADE);
  });
}

function smoothStep(value) {
  const share = Math.max(0, Math.min(1, value));
  return share * share * (3 - 2 * share);
}

/** Filter a square of numbers across and down by the same weights; beyond the border stands its mirror image. */
function filter(values, size, weights) {
  return alongColumns(alongColumns(values, size, weights), size, weights);
}

/** Filter down, and return the result with rows and columns exchanged. */
function alongColumns(values, size, weights) {
  const radius = (weights.length - 1) / 2;
  const mirrored = (i) => size - 1 - Math.abs(size - 1 - Math.abs(i));
  const result = new Float32Array(size * size);
  for (let y = 0; y < size; y++) {
    weights.forEach((weight, k) => {
      const row = mirrored(y + k - radius) * size;
      for (let x = 0; x < size; x++) result[x * size + y] += weight * values[row + x];
    });
  }
  return result;
}

/** Return the part of a picture that an aligned face was cut from, in whole pixels. */
export function region(matrix, size, picture) {
  const back = inverse(matrix);
  const corners = [[0, 0], [size, 0], [0, size], [size, size]].map(([x, y]) => map(back, x, y));
  const [xs, ys] = [corners.map((corner) => corner[0]), corners.map((corner) => corner[1])];
  return {
    left: Math.max(0, Math.floor(Math.min(...xs))),
    top: Math.max(0, Math.floor(Math.min(...ys))),
    right: Math.min(picture.width, Math.ceil(Math.max(...xs))),
    bottom: Math.min(picture.height, Math.ceil(Math.max(...ys))),
  };
}

// OpenCV's cubic; outside of the face all layers are 0.

function cubicWeights(t) {
  const far = (s) => ((SHARPNESS * s - 5 * SHARPNESS) * s + 8 * SHARPNESS) * s - 4 * SHARPNESS;
  const near = (s) => ((SHARPNESS + 2) * s - (SHARPNESS + 3)) * s * s + 1;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}

/** Sum up the layers around a place; false where there are none. */
function addCubic(sums, layers, size, [x, y]) {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  if (left < -2 || top < -2 || left > size || top > size) return false;
  sums.fill(0);
  const [across, down] = [cubicWeights(x - left), cubicWeights(y - top)];
  for (let j = 0; j < 4; j++) {
    const row = top + j - 1;
    if (row < 0 || row >= size) continue;
    for (let i = 0; i < 4; i++) {
      const column = left + i - 1;
      if (column < 0 || column >= size) continue;
      const weight = down[j] * across[i];
      const place = LAYERS * (row * size + column);
      for (let layer = 0; layer < LAYERS; layer++) sums[layer] += weight * layers[place + layer];
    }
  }
  return true;
}
