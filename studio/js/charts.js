// The charts of the view Inside, on canvases.

import { toImageData } from "./pixels.js";

const HIGHEST = 4; // of the bars' axis

/** Make a canvas fit its place on the page, and return its context in the page's pixels. */
function prepare(canvas) {
  const box = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(box.width * ratio));
  canvas.height = Math.max(1, Math.round(box.height * ratio));
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { context, width: box.width, height: box.height };
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);
}

const MARGIN = 26; // for the numbers of the axis

/** Return the number of the latent variable under the pointer, null beside the bars. */
export function variableAt(canvas, event, count) {
  const box = canvas.getBoundingClientRect();
  const place = Math.floor(((event.clientX - box.left - MARGIN) / (box.width - MARGIN)) * count);
  return place >= 0 && place < count ? place : null;
}

/** Draw mean and mean ± deviation of every latent variable, the draw, and the band of N(0, 1). */
export function drawBars(canvas, { mean, deviation, code, pair }) {
  const { context, width, height } = prepare(canvas);
  const step = (width - MARGIN) / mean.length;
  const y = (value) => height * (0.5 - (0.47 * Math.max(-HIGHEST, Math.min(HIGHEST, value))) / HIGHEST);
  context.fillStyle = colour("soft");
  context.fillRect(MARGIN, y(1), width - MARGIN, y(-1) - y(1));
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of [-4, -2, 0, 2, 4]) {
    context.fillStyle = colour("muted");
    context.fillText(String(value).replace("-", "−"), MARGIN - 8, Math.max(7, Math.min(height - 7, y(value))));
    context.fillStyle = colour("line");
    context.fillRect(MARGIN, y(value) - 0.5, width - MARGIN, 1);
  }
  mean.forEach((value, i) => {
    const left = MARGIN + i * step;
    const [top, bottom] = [y(value + deviation[i]), y(value - deviation[i])];
    const chosen = pair.includes(i);
    const wide = Math.max(1, step - 1);
    context.fillStyle = chosen ? colour("text") : colour("accent");
    context.globalAlpha = 0.3;
    context.fillRect(left + 0.5, Math.min(y(0), y(value)), wide, Math.abs(y(value) - y(0)));
    context.globalAlpha = 1;
    context.fillRect(left + 0.5, top, wide, Math.max(2, bottom - top));
    context.fillStyle = colour("mark");
    context.beginPath();
    context.arc(left + step / 2, y(code[i]), 1.6, 0, 7);
    context.fill();
  });
}

/** Draw the map of faces over two variables, with axes, N(0, 1) and the encoder's mean ± two deviations. */
export function drawPad(canvas, { faces, side, size, reach, mean, deviation, names }) {
  const { context, width, height } = prepare(canvas);
  const x = (value) => width * (0.5 + value / reach / 2);
  const y = (value) => height * (0.5 - value / reach / 2);
  context.fillStyle = colour("soft");
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  (faces ?? []).forEach((face, i) => {
    const place = new OffscreenCanvas(size, size);
    place.getContext("2d").putImageData(toImageData(face, size, size), 0, 0);
    const [column, row] = [i % side, Math.floor(i / side)];
    context.drawImage(place, (column * width) / side, (row * height) / side, width / side, height / side);
  });
  const line = (draw) => {
    for (const [style, thick] of [["rgb(0 0 0 / 55%)", 3], ["#fff", 1.2]]) {
      context.strokeStyle = style;
      context.lineWidth = thick;
      context.beginPath();
      draw();
      context.stroke();
    }
  };
  context.setLineDash([5, 5]);
  for (const radius of [1, 2]) {
    line(() => context.ellipse(x(0), y(0), x(radius) - x(0), y(0) - y(radius), 0, 0, 7));
  }
  context.setLineDash([]);
  line(() => {
    context.moveTo(0, y(0));
    context.lineTo(width, y(0));
    context.moveTo(x(0), 0);
    context.lineTo(x(0), height);
  });
  line(() => {
    const radii = deviation.map((value) => Math.max(3, (value * width) / reach));
    context.ellipse(x(mean[0]), y(mean[1]), radii[0], radii[1], 0, 0, 7);
  });
  label(context, names[0], width - 8, y(0) - 12, "right");
  label(context, names[1], x(0) + 8, 14, "left");
}

function label(context, text, x, y, align) {
  context.font = "600 13px system-ui, sans-serif";
  context.textAlign = align;
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = "rgb(0 0 0 / 70%)";
  context.strokeText(text, x, y);
  context.fillStyle = "#fff";
  context.fillText(text, x, y);
}
