// Networks in ONNX files, computed by ONNX Runtime, one at a time.

import * as ort from "../vendor/ort.wasm.bundle.min.mjs";

ort.env.wasm.numThreads = 1; // more need headers that a static host does not send
ort.env.wasm.wasmPaths = { wasm: new URL("../vendor/ort-wasm-simd-threaded.wasm", import.meta.url).href };

export const FOLDER = new URL("../models/", import.meta.url);
let running = Promise.resolve();

/** Return the answer for a file; its address is a URL. */
export async function fetchFile(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address.pathname} is missing (${answer.status})`);
  return answer;
}

/** Return a network of a file. */
export async function openNetwork(address) {
  const answer = await fetchFile(address);
  return ort.InferenceSession.create(new Uint8Array(await answer.arrayBuffer()));
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
