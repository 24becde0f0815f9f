// A trained model in the browser: its networks, by ONNX Runtime, and the numbers that go with them.

import * as ort from "../vendor/ort.wasm.bundle.min.mjs";

ort.env.wasm.numThreads = 1; // more need headers that a static host does not send
ort.env.wasm.wasmPaths = new URL("../vendor/", import.meta.url).href;

const FOLDER = new URL("../models/", import.meta.url);
const loaded = new Map();
let running = Promise.resolve(); // ONNX Runtime computes one thing at a time

/** Return a model by its name; it is loaded once. */
export function loadModel(name) {
  if (!loaded.has(name)) {
    const loading = readModel(new URL(`${name}/`, FOLDER));
    loading.catch(() => loaded.delete(name));
    loaded.set(name, loading);
  }
  return loaded.get(name);
}

async function readModel(folder) {
  const [description, numbers, decoder] = await Promise.all([
    fetchFile(new URL("model.json", folder)).then((answer) => answer.json()),
    fetchFile(new URL("numbers.bin", folder)).then((answer) => answer.arrayBuffer()),
    ort.InferenceSession.create(new URL("decoder.onnx", folder).href),
  ]);
  return new Model(folder, description, numbers, decoder);
}

async function fetchFile(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address.pathname} is missing (${answer.status})`);
  return answer;
}

export class Model {
  constructor(folder, description, numbers, decoder) {
    this.folder = folder;
    Object.assign(this, description);
    this.arrays = readArrays(numbers, description.arrays);
    this.sessions = new Map([["decoder.onnx", Promise.resolve(decoder)]]);
  }

  session(file) {
    if (!this.sessions.has(file)) {
      const loading = ort.InferenceSession.create(new URL(file, this.folder).href);
      loading.catch(() => this.sessions.delete(file));
      this.sessions.set(file, loading);
    }
    return this.sessions.get(file);
  }

  /** Load what the first face does not need: the encoder and, where there is one, the diffusion prior. */
  loadRest() {
    const files = ["encoder.onnx", ...(this.prior.kind === "diffusion" ? ["guess.onnx"] : [])];
    return Promise.all(files.map((file) => this.session(file)));
  }

  /** Run a network: arrays of numbers with a row for each of `count` in, arrays of numbers out, in their order. */
  async run(file, count, inputs, shapes) {
    const session = await this.session(file);
    const feeds = {};
    session.inputNames.forEach((name, i) => {
      feeds[name] = new ort.Tensor("float32", inputs[i], [count, ...shapes[i]]);
    });
    const result = running.then(() => session.run(feeds));
    running = result.catch(() => {});
    const outputs = await result;
    return session.outputNames.map((name) => outputs[name].data);
  }

  /** Return the pictures of codes, one code after the other: Float32Array in [0, 1], pixel by pixel, red, green, blue. */
  async decode(codes) {
    const [images] = await this.run("decoder.onnx", codes.length / this.latentDim, [codes], [[this.latentDim]]);
    return images;
  }

  /** Return mean and logarithm of the variance of a picture's code; the picture is bytes or numbers in [0, 1]. */
  async encode(image) {
    const values = image instanceof Float32Array ? image : Float32Array.from(image, (value) => value / 255);
    const size = this.imageSize;
    const [mean, logVariance] = await this.run("encoder.onnx", 1, [values], [[size, size, 3]]);
    return { mean, logVariance };
  }

  direction(attribute) {
    const row = this.attributes.indexOf(attribute);
    return this.arrays.directions.subarray(row * this.latentDim, (row + 1) * this.latentDim);
  }
}

function readArrays(buffer, places) {
  const arrays = {};
  for (const [name, place] of Object.entries(places)) {
    const count = place.shape.reduce((product, side) => product * side, 1);
    arrays[name] =
      place.type === "float16"
        ? Float32Array.from(new Uint16Array(buffer, place.offset, count), halfToNumber)
        : new Float32Array(buffer, place.offset, count);
  }
  return arrays;
}

function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024);
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}
