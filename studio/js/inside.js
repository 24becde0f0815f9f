// The second view: what the model does with the face on the page. The picture goes in, 128 means and deviations come
// out, one code is drawn from them, and it is decoded. After the VAE Explainer of Bertucci and Endert 2024
// (arXiv 2409.09011), which shows this for digits.

import { drawBars, drawPad, variableAt } from "./charts.js";
import { decimals, get, latest, make } from "./page.js";
import { show, toBytes } from "./pixels.js";
import { Generator } from "./random.js";

const SCALES = [0, 1, 2, 4, 8]; // of the noise, in the row of faces
const DRAWS = 12; // that a mean is made of
const MAP_SIDE = 5; // faces a side
const REACH = 4; // of the axes, in units of a latent variable

const PAGE = `
<section class="flow" aria-label="From the picture to the decoded face">
  <figure><canvas id="picture" role="img" aria-label="The picture"></canvas><figcaption>The picture</figcaption></figure>
  <div class="arrow" aria-hidden="true"><span>encoder</span></div>
  <div class="code">
    <canvas id="bars" role="img"></canvas>
    <p class="hint" id="bars-text"></p>
    <div class="row">
      <button type="button" class="main" id="draw-again">Draw z again</button>
      <label class="slider" id="noise-row"><span>Noise ×</span><input type="range" id="noise" min="0" max="8" step="0.1" value="1"><output for="noise">1.00</output></label>
    </div>
  </div>
  <div class="arrow" aria-hidden="true"><span>decoder</span></div>
  <figure><canvas id="decoded" role="img" aria-label="The decoded face"></canvas><figcaption>The decoded face</figcaption></figure>
</section>
<dl class="loss" aria-label="The two terms of the loss">
  <div><dt>Squared error</dt><dd id="squared-error"></dd><dd class="hint">between the two faces, over all values</dd></div>
  <div><dt>KL</dt><dd id="kl"></dd><dd class="hint">nats: what the 128 distributions say beyond N(0, 1)</dd></div>
</dl>
<div class="halves">
  <section aria-labelledby="pad-title">
    <h2 id="pad-title">Two of the 128 latent variables</h2>
    <div class="row pick">
      <label class="field">Across <select id="across"></select></label>
      <label class="field">Up <select id="up"></select></label>
    </div>
    <div class="pad-row">
      <div id="pad"><canvas id="pad-map" role="img" aria-label="A map of faces over the two variables"></canvas><button type="button" id="pad-point" title="Drag it"></button></div>
      <figure><canvas id="moved" role="img" aria-label="The face at the point"></canvas><figcaption id="pad-text"></figcaption></figure>
    </div>
    <p class="hint">Drag the point. The other 126 stay. The dashed circles are N(0, 1), one and two deviations wide.</p>
  </section>
  <section aria-labelledby="noise-title">
    <h2 id="noise-title">More and more noise</h2>
    <table class="noise"><thead><tr><th scope="col"><span class="hidden">Row</span></th></tr></thead><tbody></tbody></table>
    <p class="hint">At ×1 every draw decodes to the same person: the decoder has learned to ignore the noise. With more, draws differ, and their mean blurs.</p>
  </section>
</div>`;

export class Inside {
  /** `source()` returns the model and the picture: {model, picture}. */
  constructor(place, source) {
    place.innerHTML = PAGE;
    this.source = source;
    this.visible = false;
    this.picture = null; // that everything was computed for
    this.generator = new Generator(crypto.getRandomValues(new Uint32Array(1))[0]);
    this.milliseconds = 0;
    this.redraw = latest(() => this.decode());
    this.remap = latest(() => this.decodeMap());
    this.renoise = latest(() => this.decodeNoise());
    this.makeTable();
    this.connect();
  }

  connect() {
    get("draw-again").addEventListener("click", () => this.drawAgain());
    get("noise").addEventListener("input", () => {
      get("noise").nextElementSibling.textContent = Number(get("noise").value).toFixed(2);
      this.point = null;
      this.redraw();
    });
    for (const id of ["across", "up"]) {
      get(id).addEventListener("change", () => {
        this.point = null;
        this.redraw();
        this.remap();
      });
    }
    get("bars").addEventListener("pointermove", (event) => this.tell(variableAt(get("bars"), event, this.count)));
    get("bars").addEventListener("pointerleave", () => this.tell(null));
    this.connectPoint(get("pad-point"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.visible && this.redraw());
    addEventListener("resize", () => this.visible && this.redraw());
  }

  connectPoint(handle) {
    const move = (event) => {
      const box = get("pad").getBoundingClientRect();
      this.movePoint(
        (2 * (event.clientX - box.left)) / box.width - 1,
        1 - (2 * (event.clientY - box.top)) / box.height,
      );
    };
    get("pad").addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      move(event);
    });
    handle.addEventListener("pointermove", (event) => handle.hasPointerCapture(event.pointerId) && move(event));
    handle.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!steps) return;
      event.preventDefault();
      const [x, y] = this.pair.map((variable) => this.code()[variable] / REACH);
      this.movePoint(x + steps[0] / 40, y + steps[1] / 40);
    });
  }

  movePoint(x, y) {
    this.point = [x, y].map((value) => REACH * Math.max(-1, Math.min(1, value)));
    this.redraw();
  }

  /** Take over the face on the page, where it is another one than before. */
  async update() {
    const { model, picture } = this.source();
    if (!this.visible || !picture) return;
    if (picture === this.picture) {
      this.redraw();
      return;
    }
    this.picture = picture;
    this.model = model;
    this.count = model.latentDim;
    const { mean, logVariance } = await model.encode(picture);
    this.mean = mean;
    this.deviation = logVariance.map((value) => Math.exp(0.5 * value));
    this.kl = mean.map((value, i) => 0.5 * (value ** 2 + Math.exp(logVariance[i]) - logVariance[i] - 1));
    this.noise = this.generator.normals(this.count);
    this.point = null;
    this.fillSelects();
    show(get("picture"), picture, model.imageSize, 4);
    await this.redraw();
    await this.remap();
    await this.renoise();
  }

  drawAgain() {
    this.noise = this.generator.normals(this.count);
    this.point = null;
    this.redraw();
    this.renoise();
  }

  get pair() {
    return [Number(get("across").value), Number(get("up").value)];
  }

  /** The code that is decoded: a draw around the mean, with the two variables where the point was dragged to. */
  code() {
    const scale = Number(get("noise").value);
    const code = this.mean.map((mean, i) => mean + scale * this.deviation[i] * this.noise[i]);
    if (this.point) this.pair.forEach((variable, k) => (code[variable] = this.point[k]));
    return code;
  }

  async decode() {
    if (!this.mean) return;
    const start = performance.now();
    const code = this.code();
    const image = await this.model.decode(code);
    const bytes = toBytes(image);
    show(get("decoded"), bytes, this.model.imageSize, 4);
    show(get("moved"), bytes, this.model.imageSize, 3);
    get("squared-error").textContent = this.squaredError(image).toFixed(1);
    get("kl").textContent = this.kl.reduce((sum, value) => sum + value, 0).toFixed(0);
    this.drawn = code;
    drawBars(get("bars"), { mean: this.mean, deviation: this.deviation, code, pair: this.pair });
    this.showPoint(code);
    this.tell(null);
    this.milliseconds = performance.now() - start;
  }

  squaredError(image) {
    return image.reduce((sum, value, i) => sum + (value - this.picture[i] / 255) ** 2, 0);
  }

  showPoint(code) {
    const [x, y] = this.pair.map((variable) => code[variable]);
    const place = (value) => Math.max(0, Math.min(100, 50 + (50 * value) / REACH));
    get("pad-point").style.left = `${place(x)}%`;
    get("pad-point").style.top = `${100 - place(y)}%`;
    const text = `z${this.pair[0]}\u00a0=\u00a0${decimals(x)}, z${this.pair[1]}\u00a0=\u00a0${decimals(y)}`;
    get("pad-text").textContent = text;
    get("pad-point").setAttribute("aria-label", `${text}: move it by the arrow keys`);
    this.paintPad();
  }

  /** Say what one latent variable is, or what the bars are. */
  tell(variable) {
    const { mean, deviation, kl, drawn } = this;
    get("bars").setAttribute("aria-label", `${this.count} latent variables: mean and deviation of each, and the draw`);
    get("bars-text").textContent =
      variable === null
        ? `${this.count} latent variables: bars reach to μ, their dark ends are μ ± σ, dots the draw z. The band is N(0,\u00a01).`
        : `z${variable}: μ ${decimals(mean[variable])}, σ ${decimals(deviation[variable])}, ` +
          `drawn ${decimals(drawn[variable])}, KL ${kl[variable].toFixed(1)} nats`;
  }

  fillSelects() {
    const order = Array.from(this.kl.keys()).sort((a, b) => this.kl[b] - this.kl[a]);
    ["across", "up"].forEach((id, k) => {
      const before = get(id).value;
      const options = order.map((i) => make("option", { value: i }, `z${i}  (${this.kl[i].toFixed(1)} nats)`));
      get(id).replaceChildren(...options);
      get(id).value = before === "" ? order[k] : before;
    });
  }

  // The map under the point.

  async decodeMap() {
    const [across, up] = this.pair;
    const size = this.model.imageSize;
    const faces = [];
    for (let row = 0; row < MAP_SIDE; row++) {
      const codes = new Float32Array(MAP_SIDE * this.count);
      for (let column = 0; column < MAP_SIDE; column++) {
        const code = codes.subarray(column * this.count, (column + 1) * this.count);
        code.set(this.mean);
        code[across] = REACH * ((2 * column + 1) / MAP_SIDE - 1);
        code[up] = REACH * (1 - (2 * row + 1) / MAP_SIDE);
      }
      const bytes = toBytes(await this.model.decode(codes));
      const length = size * size * 3;
      for (let k = 0; k < MAP_SIDE; k++) faces.push(bytes.subarray(k * length, (k + 1) * length));
      await new Promise(requestAnimationFrame);
    }
    this.map = faces;
    this.paintPad();
  }

  paintPad() {
    const [across, up] = this.pair;
    drawPad(get("pad-map"), {
      faces: this.map,
      side: MAP_SIDE,
      size: this.model.imageSize,
      reach: REACH,
      mean: [this.mean[across], this.mean[up]],
      deviation: [this.deviation[across], this.deviation[up]],
      names: [`z${across}`, `z${up}`],
    });
  }

  // Faces under more and more noise: one draw, and the mean of some.

  makeTable() {
    const table = document.querySelector("table.noise");
    for (const scale of SCALES) table.tHead.rows[0].append(make("th", { scope: "col" }, `×${scale}`));
    for (const [name, words] of [["one", "One draw"], ["mean", `Mean of ${DRAWS}`]]) {
      const cells = SCALES.map((scale) => {
        const canvas = make("canvas", { id: `noise-${name}-${scale}` });
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `${words}, noise times ${scale}`);
        return make("td", {}, canvas);
      });
      table.tBodies[0].append(make("tr", {}, make("th", { scope: "row" }, words), ...cells));
    }
  }

  async decodeNoise() {
    const size = this.model.imageSize;
    for (const scale of SCALES) {
      const codes = new Float32Array(DRAWS * this.count);
      for (let k = 0; k < DRAWS; k++) {
        const noise = k === 0 ? this.noise : this.generator.normals(this.count);
        for (let i = 0; i < this.count; i++) {
          codes[k * this.count + i] = this.mean[i] + scale * this.deviation[i] * noise[i];
        }
      }
      const images = await this.model.decode(codes);
      const length = size * size * 3;
      const mean = new Float32Array(length);
      images.forEach((value, i) => {
        mean[i % length] += value / DRAWS;
      });
      show(get(`noise-one-${scale}`), toBytes(images.subarray(0, length)), size, 2);
      show(get(`noise-mean-${scale}`), toBytes(mean), size, 2);
      await new Promise(requestAnimationFrame);
    }
  }
}
