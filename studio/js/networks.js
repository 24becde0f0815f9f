// Networks in ONNX files, computed by ONNX Runtime, one at a time.

import * as ort from "../vendor/ort.wasm.bundle.min.mjs";

ort.env.wasm.numThreads = 1; // more need headers that a static host does not send
ort.env.wasm.wasmPaths = new URL("../vendor/", import.meta.url).href;

export const FOLDER = new URL("../models/", import.meta.url);
let running = Promise.resolve();

/** Return a network of a file; its address is a URL. */
export function openNetwork(address) {
  return ort.InferenceSession.create(address.href);
}

/** Run a network: a list of {data, shape} in, a list of {data, shape} out. */
export async function runNetwork(network, inputs) {
  const feeds = {};
  network.inputNames.forEach((name, i) => {
    feeds[name] = new ort.Tensor("float32", inputs[i].data, inputs[i].shape);
  });
  const result = running.then(() => network.run(feeds));
  running = result.catch(() => {});
  const outputs = await result;
  return network.outputNames.map((name) => ({ data: outputs[name].data, shape: outputs[name].dims }));
}
