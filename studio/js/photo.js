// A photograph of one's own: read, and its face aligned by four points, as vae_keras/data/alignment.py does.

import { reduce } from "./pixels.js";

export const POINTS = ["left eye", "right eye", "left corner of the mouth", "right corner of the mouth"];
export const IN_TEMPLATE = [0, 1, 3, 4]; // of eyes, nose, corners of the mouth
const OVERSAMPLING = 4; // the aligned face is cut out so many times larger, then averaged
const MOST_PIXELS = 24e6;
const PREVIEW_SIDE = 1024;

/** Read a file or take a picture of a video: {full, preview, scale, grey}, both pictures as ImageData. */
export async function readPhoto(source) {
  const bitmap = await createImageBitmap(source, { imageOrientation: "from-image" });
  const shrink = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
  const full = drawn(bitmap, Math.round(bitmap.width * shrink), Math.round(bitmap.height * shrink));
  const scale = Math.min(1, PREVIEW_SIDE / Math.max(full.width, full.height));
  const grey = isGrey(full);
  if (scale === 1) return { full, preview: full, scale, grey };
  const [width, height] = [Math.round(full.width * scale), Math.round(full.height * scale)];
  const { data } = reduce(full, width, height);
  return { full, preview: new ImageData(Uint8ClampedArray.from(data), width, height), scale, grey };
}

function drawn(bitmap, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // behind what is transparent
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

function isGrey({ data }) {
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) return false;
  }
  return true;
}

/** Propose points: those of a face in the middle of the picture. */
export function proposePoints(model, picture) {
  const side = 0.75 * Math.min(picture.width, picture.height);
  const left = (picture.width - side) / 2;
  const top = 0.42 * picture.height - side / 2;
  return IN_TEMPLATE.map((i) => [left + side * model.template[i][0], top + side * model.template[i][1]]);
}

/** Return the matrix [a, -b, right, b, a, down] that maps the points of a photograph to the aligned face. */
export function alignment(model, points) {
  const targets = IN_TEMPLATE.map((i) => model.template[i].map((value) => model.imageSize * value - 0.5));
  return similarity(points, targets);
}

/** Return the turn, scale and shift that brings points nearest to targets in least squares. */
export function similarity(points, targets) {
  const mean = (values, axis) => values.reduce((sum, point) => sum + point[axis], 0) / values.length;
  const [px, py, tx, ty] = [mean(points, 0), mean(points, 1), mean(targets, 0), mean(targets, 1)];
  let [along, across, spread] = [0, 0, 0];
  points.forEach(([x, y], i) => {
    const [dx, dy, ex, ey] = [x - px, y - py, targets[i][0] - tx, targets[i][1] - ty];
    along += dx * ex + dy * ey;
    across += dx * ey - dy * ex;
    spread += dx * dx + dy * dy;
  });
  const [a, b] = [along / spread, across / spread];
  return [a, -b, tx - a * px + b * py, b, a, ty - b * px - a * py];
}

/** Return the matrix for a model without a template: the middle square of the picture. */
export function centreSquare(model, picture) {
  const { width, height } = picture;
  const side = Math.min(width, height, Math.round((model.crop ?? 1) * width));
  const scale = model.imageSize / side;
  const [left, top] = [Math.floor((width - side) / 2), Math.floor((height - side) / 2)];
  const shift = 0.5 * scale - 0.5;
  return [scale, 0, shift - scale * left, 0, scale, shift - scale * top];
}

/** Cut the aligned face out of a picture: bytes, red, green, blue. */
export function cutFace(picture, matrix, size) {
  const scale = Math.hypot(matrix[0], matrix[3]) * OVERSAMPLING;
  let source = { data: picture.data, width: picture.width, height: picture.height };
  let toFace = matrix;
  if (scale < 1) {
    // Reduced first, or the cut would skip pixels.
    const width = Math.max(1, Math.round(picture.width * scale));
    const height = Math.max(1, Math.round(picture.height * scale));
    source = reduce(picture, width, height);
    toFace = afterReduction(matrix, picture.width / width, picture.height / height);
  }
  const toSource = inverse(toFace);
  const face = new Uint8ClampedArray(size * size * 3);
  const steps = Array.from({ length: OVERSAMPLING }, (_, i) => (i + 0.5) / OVERSAMPLING - 0.5);
  const sums = new Float64Array(3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      sums.fill(0);
      for (const dy of steps) for (const dx of steps) addSample(sums, source, map(toSource, x + dx, y + dy));
      for (let i = 0; i < 3; i++) face[(y * size + x) * 3 + i] = sums[i] / OVERSAMPLING ** 2;
    }
  }
  return face;
}

function afterReduction([a, b, right, c, d, down], rx, ry) {
  const shift = [0.5 * rx - 0.5, 0.5 * ry - 0.5];
  return [
    a * rx, b * ry, right + a * shift[0] + b * shift[1],
    c * rx, d * ry, down + c * shift[0] + d * shift[1],
  ];
}

function addSample(sums, { data, width, height }, [x, y]) {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [u, v] = [x - left, y - top];
  const column = (value) => Math.max(0, Math.min(width - 1, value));
  const row = (value) => Math.max(0, Math.min(height - 1, value)) * width;
  const [x0, x1, y0, y1] = [column(left), column(left + 1), row(top), row(top + 1)];
  for (let i = 0; i < 3; i++) {
    const upper = (1 - u) * data[4 * (y0 + x0) + i] + u * data[4 * (y0 + x1) + i];
    const lower = (1 - u) * data[4 * (y1 + x0) + i] + u * data[4 * (y1 + x1) + i];
    sums[i] += (1 - v) * upper + v * lower;
  }
}

/** Return where a matrix maps a point. */
export function map([a, b, right, c, d, down], x, y) {
  return [a * x + b * y + right, c * x + d * y + down];
}

/** Return the matrix of the way back. */
export function inverse([a, b, right, c, d, down]) {
  const determinant = a * d - b * c;
  const [ia, ib, ic, id] = [d / determinant, -b / determinant, -c / determinant, a / determinant];
  return [ia, ib, -ia * right - ib * down, ic, id, -ic * right - id * down];
}

/** Return the matrix for a picture that is `scale` times as large; centres of pixels stay centres. */
export function rescaled(matrix, scale) {
  return afterReduction(matrix, 1 / scale, 1 / scale);
}
