// A trained model in the browser: its networks, by ONNX Runtime, and the numbers that go with them.

import { FOLDER, fetchFile, openNetwork, runNetwork } from "./networks.js";

const loaded = new Map();

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
    openNetwork(new URL("decoder.onnx", folder)),
  ]);
  return new Model(folder, description, numbers, decoder);
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
      const loading = openNetwork(new URL(file, this.folder));
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

  /** Run a network of the model; rows of numbers in, given with their shapes, and rows of numbers out. */
  async run(file, ...inputs) {
    const outputs = await runNetwork(await this.session(file), inputs);
    return outputs.map(({ data }) => data);
  }

  /** Return the pictures of codes, one code after the other: Float32Array in [0, 1], pixel by pixel, red, green, blue. */
  async decode(codes) {
    const shape = [codes.length / this.latentDim, this.latentDim];
    const [images] = await this.run("decoder.onnx", { data: codes, shape });
    return images;
  }

  /** Return mean and logarithm of the variance of a picture's code; the picture is bytes or numbers in [0, 1]. */
  async encode(image) {
    const data = image instanceof Float32Array ? image : Float32Array.from(image, (value) => value / 255);
    const shape = [1, this.imageSize, this.imageSize, 3];
    const [mean, logVariance] = await this.run("encoder.onnx", { data, shape });
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
