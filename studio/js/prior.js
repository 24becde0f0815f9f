// New codes, drawn as `Pretrained.sample` of the module draws them: the same code for the same seed.

import { Generator } from "./random.js";

let last = { model: null, seed: null, drawn: null }; // another temperature needs no other draw

/** Return the code of a new face, a Float32Array. */
export async function draw(model, seed, temperature) {
  if (last.model !== model || last.seed !== seed) {
    const drawn = await (model.prior.kind === "diffusion" ? diffuse(model, seed) : drawFromMixture(model, seed));
    last = { model, seed, drawn };
  }
  const { mean, deviation } = last.drawn;
  return mean.map((value, i) => value + temperature * deviation[i]);
}

function drawFromMixture(model, seed) {
  const { weights, means, factors } = model.arrays;
  const size = model.latentDim;
  const component = choose(weights, new Generator(seed, 0).random());
  const noise = new Generator(seed, 1).normals(size);
  const deviation = new Float64Array(size);
  const triangle = (size * (size + 1)) / 2; // lower triangles, row by row
  let place = factors.length === triangle ? 0 : component * triangle; // a single one is that of all components
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) deviation[row] += factors[place++] * noise[column];
  }
  return { mean: means.slice(component * size, (component + 1) * size), deviation };
}

function choose(weights, uniform) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let edge = 0;
  for (let i = 0; i < weights.length; i++) {
    edge += weights[i] / total;
    if (uniform < edge) return i;
  }
  return weights.length - 1;
}

// Heun's method along falling levels of noise, as `DiffusionPrior.path`.
async function diffuse(model, seed) {
  const { levels } = model.prior;
  const size = model.latentDim;
  const guess = async (noisy, level) => {
    const noise = { data: Float32Array.of(level), shape: [1, 1] };
    const [answer] = await model.run("guess.onnx", { data: Float32Array.from(noisy), shape: [1, size] }, noise);
    return answer;
  };
  const start = Math.sqrt(1 + levels[0] ** 2);
  let noisy = new Generator(seed).normals(size).map((value) => start * value);
  for (let step = 0; step < levels.length - 1; step++) {
    const [level, lower] = [levels[step], levels[step + 1]];
    const first = await guess(noisy, level);
    const slope = noisy.map((value, i) => (value - first[i]) / level);
    const ahead = noisy.map((value, i) => value + (lower - level) * slope[i]);
    const second = await guess(ahead, lower);
    noisy = noisy.map((value, i) => {
      const slopeAhead = (ahead[i] - second[i]) / lower;
      return value + ((lower - level) * (slope[i] + slopeAhead)) / 2;
    });
  }
  return unwhiten(model, await guess(noisy, levels.at(-1)));
}

function unwhiten(model, whitened) {
  const { center, unwhiten: matrix } = model.arrays;
  const size = model.latentDim;
  const deviation = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) deviation[column] += whitened[row] * matrix[row * size + column];
  }
  return { mean: center, deviation };
}
