// Finds faces and their five points: MTCNN (Zhang et al. 2016, arXiv 1604.02878), with the networks of the Python
// package `mtcnn`, which are loaded only when a photograph is chosen. Three networks in a row: one proposes boxes on
// smaller and smaller copies of the picture, the second refuses most of them, the third gives points.

import { FOLDER, openNetwork, runNetwork } from "./networks.js";
import { reduce } from "./pixels.js";

const LARGEST_SIDE = 512; // of the picture that is searched
const SMALLEST_FACE = 32; // pixels in it
const BORDER = 0.2; // around the picture, of its longer side: a face that fills it is missed without
const SHRINK = 0.709; // from copy to copy
const CELL = 12; // pixels a side that the first network looks at, every 2 pixels
const CONFIDENT = 0.9;

let networks = null;

function openNetworks() {
  const open = (name) => openNetwork(new URL(`finder/${name}.onnx`, FOLDER));
  networks ??= Promise.all(["proposals", "refusals", "points"].map(open));
  networks.catch(() => {
    networks = null;
  });
  return networks;
}

/** Return the faces in an ImageData, the largest first: {points: five of [x, y], box, score}. */
export async function findFaces(picture) {
  const [proposals, refusals, points] = await openNetworks();
  const { image, scale, border } = withBorder(picture);
  let boxes = await propose(proposals, image);
  boxes = await refuse(refusals, image, boxes);
  const faces = await locate(points, image, boxes);
  const back = ([x, y]) => [(x - border) / scale, (y - border) / scale];
  return faces
    .filter((face) => face.score >= CONFIDENT)
    .map((face) => ({ ...face, points: face.points.map(back) }))
    .sort((a, b) => area(b) - area(a));
}

/** Return a small copy of a picture with its border repeated around it, its values about −1 to 1. */
function withBorder(picture) {
  const scale = Math.min(1, LARGEST_SIDE / Math.max(picture.width, picture.height));
  const [width, height] = [Math.round(picture.width * scale), Math.round(picture.height * scale)];
  const small = reduce(picture, width, height);
  const border = Math.round(BORDER * Math.max(width, height));
  const image = { width: width + 2 * border, height: height + 2 * border, channels: 3 };
  image.data = new Float32Array(image.width * image.height * 3);
  for (let y = 0, to = 0; y < image.height; y++) {
    const row = Math.max(0, Math.min(height - 1, y - border)) * width;
    for (let x = 0; x < image.width; x++) {
      const from = 4 * (row + Math.max(0, Math.min(width - 1, x - border)));
      for (let i = 0; i < 3; i++) image.data[to++] = (small.data[from + i] - 127.5) / 128;
    }
  }
  return { image, scale, border };
}

async function propose(network, image) {
  const boxes = [];
  const side = Math.min(image.width, image.height);
  for (let scale = CELL / SMALLEST_FACE; side * scale >= CELL; scale *= SHRINK) {
    const copy = reduce(image, Math.round(image.width * scale), Math.round(image.height * scale));
    const input = { data: copy.data, shape: [1, copy.height, copy.width, 3] };
    const [offsets, classes] = await runNetwork(network, [input]);
    boxes.push(...withoutOverlaps(boxesOfCells(offsets, classes, scale), 0.5));
  }
  return withoutOverlaps(boxes, 0.7).map(square);
}

function boxesOfCells(offsets, classes, scale) {
  const boxes = [];
  const width = classes.shape[2];
  for (let cell = 0; 2 * cell < classes.data.length; cell++) {
    const score = classes.data[2 * cell + 1];
    if (score <= 0.6) continue;
    const [left, top] = [2 * (cell % width) + 1, 2 * Math.floor(cell / width) + 1];
    const side = CELL - 1;
    const corners = [left, top, left + side, top + side];
    const [x1, y1, x2, y2] = corners.map((value, i) => (value + side * offsets.data[4 * cell + i]) / scale);
    boxes.push({ x1, y1, x2, y2, score });
  }
  return boxes;
}

async function refuse(network, image, boxes) {
  if (!boxes.length) return [];
  const [offsets, classes] = await runNetwork(network, [patches(image, boxes, 24)]);
  const kept = boxes
    .map((box, i) => ({ ...moved(box, offsets.data, i), score: classes.data[2 * i + 1] }))
    .filter((box) => box.score > 0.7);
  return withoutOverlaps(kept, 0.7).map(square);
}

async function locate(network, image, boxes) {
  if (!boxes.length) return [];
  const [offsets, places, classes] = await runNetwork(network, [patches(image, boxes, 48)]);
  const found = boxes.map((box, i) => {
    const [width, height] = [box.x2 - box.x1 + 1, box.y2 - box.y1 + 1];
    const points = [0, 1, 2, 3, 4].map((k) => [
      width * places.data[10 * i + k] + box.x1 - 1,
      height * places.data[10 * i + 5 + k] + box.y1 - 1,
    ]);
    return { ...moved(box, offsets.data, i), points, score: classes.data[2 * i + 1] };
  });
  return withoutOverlaps(found.filter((face) => face.score > 0.8), 0.7, true);
}

/** Cut boxes out of an image, each brought to a size. */
function patches(image, boxes, size) {
  const data = new Float32Array(boxes.length * size * size * 3);
  let to = 0;
  for (const box of boxes) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const across = (box.x1 + ((box.x2 - box.x1) * x) / (size - 1)) * (1 - 1 / image.width);
        const down = (box.y1 + ((box.y2 - box.y1) * y) / (size - 1)) * (1 - 1 / image.height);
        for (let i = 0; i < 3; i++) data[to++] = sample(image, across, down, i);
      }
    }
  }
  return { data, shape: [boxes.length, size, size, 3] };
}

function sample({ data, width, height }, x, y, channel) {
  if (x < 0 || y < 0 || x > width - 1 || y > height - 1) return 0;
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [u, v] = [x - left, y - top];
  const [right, bottom] = [Math.min(left + 1, width - 1), Math.min(top + 1, height - 1)];
  const value = (column, row) => data[(row * width + column) * 3 + channel];
  const upper = (1 - u) * value(left, top) + u * value(right, top);
  const lower = (1 - u) * value(left, bottom) + u * value(right, bottom);
  return (1 - v) * upper + v * lower;
}

// Boxes.

const area = (box) => (box.x2 - box.x1) * (box.y2 - box.y1);

function moved(box, offsets, i) {
  const [width, height] = [box.x2 - box.x1 + 1, box.y2 - box.y1 + 1];
  return {
    x1: box.x1 + width * offsets[4 * i],
    y1: box.y1 + height * offsets[4 * i + 1],
    x2: box.x2 + width * offsets[4 * i + 2],
    y2: box.y2 + height * offsets[4 * i + 3],
  };
}

function square(box) {
  const side = Math.max(box.x2 - box.x1, box.y2 - box.y1);
  const [x, y] = [(box.x1 + box.x2 - side) / 2, (box.y1 + box.y2 - side) / 2];
  return { ...box, x1: x, y1: y, x2: x + side, y2: y + side };
}

/** Leave out each box that overlaps a better one; `ofSmaller`: the share is of the smaller box, not of both together. */
function withoutOverlaps(boxes, most, ofSmaller = false) {
  const kept = [];
  for (const box of [...boxes].sort((a, b) => b.score - a.score)) {
    const overlaps = kept.some((better) => {
      const width = Math.max(0, Math.min(box.x2, better.x2) - Math.max(box.x1, better.x1));
      const height = Math.max(0, Math.min(box.y2, better.y2) - Math.max(box.y1, better.y1));
      const common = width * height;
      const whole = ofSmaller ? Math.min(area(box), area(better)) : area(box) + area(better) - common;
      return common / whole > most;
    });
    if (!overlaps) kept.push(box);
  }
  return kept;
}
