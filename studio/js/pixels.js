// Pictures as arrays of numbers, row by row: enlarging, reducing, and to the screen.

/** Return bytes of numbers in [0, 1], as Python rounds them. */
export function toBytes(image) {
  return Uint8ClampedArray.from(image, (value) => value * 255);
}

/** Return ImageData of red, green, blue values, 0 to 255. */
export function toImageData(values, width, height) {
  const data = new ImageData(width, height);
  for (let from = 0, to = 0; from < values.length; from += 3, to += 4) {
    data.data[to] = values[from];
    data.data[to + 1] = values[from + 1];
    data.data[to + 2] = values[from + 2];
    data.data[to + 3] = 255;
  }
  return data;
}

/** Return a square picture of red, green, blue enlarged by a whole factor, by Catmull and Rom's cubic. */
export function enlarge(values, size, factor) {
  const across = enlargeRows(values, size, factor);
  return enlargeColumns(across, size, factor);
}

function cubicTable(size, factor) {
  return Array.from({ length: size * factor }, (_, i) => {
    const place = (i + 0.5) / factor - 0.5;
    const first = Math.floor(place);
    const t = place - first;
    const weights = [
      -0.5 * t + t * t - 0.5 * t ** 3,
      1 - 2.5 * t * t + 1.5 * t ** 3,
      0.5 * t + 2 * t * t - 1.5 * t ** 3,
      -0.5 * t * t + 0.5 * t ** 3,
    ];
    const places = [-1, 0, 1, 2].map((offset) => Math.max(0, Math.min(size - 1, first + offset)));
    return { weights, places };
  });
}

function enlargeRows(values, size, factor) {
  const wide = size * factor;
  const result = new Float32Array(size * wide * 3);
  cubicTable(size, factor).forEach(({ weights, places }, x) => {
    for (let y = 0; y < size; y++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let k = 0; k < 4; k++) sum += weights[k] * values[(y * size + places[k]) * 3 + channel];
        result[(y * wide + x) * 3 + channel] = sum;
      }
    }
  });
  return result;
}

function enlargeColumns(values, size, factor) {
  const wide = size * factor;
  const result = new Float32Array(wide * wide * 3);
  cubicTable(size, factor).forEach(({ weights, places }, y) => {
    const rows = places.map((place) => place * wide * 3);
    const target = y * wide * 3;
    for (let i = 0; i < wide * 3; i++) {
      result[target + i] =
        weights[0] * values[rows[0] + i] + weights[1] * values[rows[1] + i] +
        weights[2] * values[rows[2] + i] + weights[3] * values[rows[3] + i];
    }
  });
  return result;
}

/** Return a picture (width, height, channels) reduced by averages over areas, as OpenCV's INTER_AREA. */
export function reduce(picture, width, height) {
  const { channels = 4 } = picture;
  const across = reduceAxis(picture.data, picture.height, picture.width, width, channels);
  // Rows become the inner axis: each is a run of width · channels values.
  const data = reduceAxis(across, 1, picture.height, height, width * channels);
  return { data, width, height, channels };
}

function reduceAxis(values, outer, before, after, inner) {
  const result = new Float32Array(outer * after * inner);
  const ratio = before / after;
  for (let to = 0; to < after; to++) {
    const [start, end] = [to * ratio, Math.min(before, (to + 1) * ratio)];
    for (let from = Math.floor(start); from < end; from++) {
      const share = (Math.min(end, from + 1) - Math.max(start, from)) / ratio;
      if (share < 1e-9) continue;
      for (let o = 0; o < outer; o++) {
        const source = (o * before + from) * inner;
        const target = (o * after + to) * inner;
        for (let i = 0; i < inner; i++) result[target + i] += share * values[source + i];
      }
    }
  }
  return result;
}

/** Draw a small square picture of red, green, blue bytes on a canvas, smoothly enlarged. */
export function show(canvas, values, size, factor = 8) {
  const wide = size * factor;
  if (canvas.width !== wide) canvas.width = canvas.height = wide;
  const enlarged = enlarge(values, size, factor);
  canvas.getContext("2d").putImageData(toImageData(enlarged, wide, wide), 0, 0);
}
