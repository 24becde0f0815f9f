// The page: one state, a history of states, and controls that change it.

import { between, fromHash, fromText, toHash } from "./codes.js";
import { Inside } from "./inside.js";
import { loadModel } from "./model.js";
import { OwnPhoto } from "./own.js";
import { decimals, get, latest, make, say, slider, words } from "./page.js";
import { show, toBytes } from "./pixels.js";
import { draw } from "./prior.js";
import { Stage, pictureOf } from "./stage.js";

const MODELS = ["celeba", "anime", "cartoon"];
const STRONGEST = 1.5;
const MOST_UNDO = 100;
const LEFT_OUT = ["Attractive", "Blurry"]; // one rates people, one only smears

const stage = new Stage(get("face"));
const past = [];
let model = null;
let state = null; // model, base (a code), strengths, seed, temperature, two (codes and share) or null, photo or null
let before = false;
let moving = null; // the slider that is being moved: one step of undo

// State.

/** Change the state by a few values, and show it. `once`: a step of undo of its own. */
function change(values, once = true) {
  if (once) remember();
  before = false;
  state = { ...state, ...values };
  refresh();
}

function remember() {
  past.push(state);
  if (past.length > MOST_UNDO) past.shift();
}

/** For controls that report while they move: remember the state before the first report. */
function whileMoving(input, task) {
  input.addEventListener("input", () => {
    if (moving !== input) remember();
    moving = input;
    task();
  });
  input.addEventListener("change", () => {
    moving = null;
  });
}

async function undo() {
  if (!past.length) return;
  const earlier = past.pop();
  own.stop();
  before = false;
  if (earlier.model !== state.model) await useModel(earlier.model);
  state = earlier;
  refresh();
}

async function useModel(name) {
  const loading = setTimeout(() => get("frame").classList.add("waiting"), 150);
  try {
    model = await loadModel(name);
  } finally {
    clearTimeout(loading);
    get("frame").classList.remove("waiting");
  }
  get("models").querySelector(`[value=${name}]`).checked = true;
  get("terms").textContent = `This model: ${model.terms}`;
  makeSliders();
  model.loadRest().catch(() => {}); // asked for again when it is wanted
}

function firstFace(name) {
  const { seed, temperature } = model.first;
  return { model: name, base: model.arrays.first.slice(), strengths: {}, seed, temperature, two: null, photo: null };
}

// Showing.

const redraw = latest(async () => {
  try {
    if (own.choosing) stage.showPhoto(own.draft);
    else await stage.draw(model, state, before);
    describe();
    inside.update();
  } catch (error) {
    say(`The face could not be computed: ${error.message}`, true);
  }
});

function refresh() {
  showControls();
  writeAddress();
  return redraw();
}

function describe() {
  const changes = Object.entries(state.strengths).filter(([, strength]) => strength);
  const edits = changes.map(([attribute, strength]) => `${words(attribute)} ${strength}`).join(", ");
  const what = state.photo || own.choosing ? "Your photograph" : `A face by the model of ${model.title}`;
  get("face").setAttribute("aria-label", before || !edits ? what : `${what}, changed: ${edits}`);
  document.body.dataset.drawn = Number(document.body.dataset.drawn ?? 0) + 1;
}

function showControls() {
  const mode = own.choosing ? "points" : state.photo ? "photo" : "face";
  for (const id of ["new", "two"]) get(id).hidden = mode !== "face";
  for (const id of ["change", "tools"]) get(id).hidden = mode === "points";
  get("share").hidden = mode === "photo";
  get("undo").disabled = !past.length;
  get("before").setAttribute("aria-pressed", before);
  get("reset").disabled = !Object.values(state.strengths).some(Boolean);
  get("seed").value = state.seed ?? "";
  setSlider(get("temperature"), state.temperature);
  for (const input of get("sliders").querySelectorAll("input")) {
    setSlider(input, state.strengths[input.dataset.attribute] ?? 0);
  }
  own.show(mode);
  showTwo();
}

function setSlider(input, value) {
  if (input === moving) return;
  input.value = value;
  input.closest("label").querySelector("output").textContent = decimals(value);
}

let writing = 0;

function writeAddress() {
  clearTimeout(writing);
  writing = setTimeout(() => history.replaceState(null, "", addressOf(state)), 150);
}

/** Return the address of a face. A photograph's code stays out of it. */
function addressOf({ model: name, base, seed, temperature, strengths, photo }) {
  return toHash({ model: name, code: photo ? null : base, seed, temperature, strengths });
}

// Sliders of the attributes.

function makeSliders() {
  const others = model.attributes.filter((name) => !model.main.includes(name) && !LEFT_OUT.includes(name));
  const more = make("details", {}, make("summary", {}, `${others.length} more`), ...others.map(attributeSlider));
  get("sliders").replaceChildren(...model.main.map(attributeSlider), more);
}

function attributeSlider(attribute) {
  const range = { min: -STRONGEST, max: STRONGEST, step: 0.05, value: 0, id: `change-${attribute}` };
  const { row, input } = slider(words(attribute), range);
  row.classList.add("centred");
  input.dataset.attribute = attribute;
  whileMoving(input, () => {
    change({ strengths: { ...state.strengths, [attribute]: Number(input.value) } }, false);
  });
  return row;
}

// New faces.

function anySeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
}

async function newFace(seed, temperature) {
  const base = await draw(model, seed, temperature);
  change({ base, seed, temperature, strengths: {}, two: null });
}

const redrawSeed = latest(async () => {
  const { seed } = state;
  const temperature = Number(get("temperature").value);
  if (seed === null) {
    state = { ...state, temperature };
    return;
  }
  const base = await draw(model, seed, temperature);
  change({ base, temperature, two: null }, false);
});

// Between two faces.

const thumbnails = { first: null, second: null };

const showTwo = latest(async () => {
  if (state.photo) return;
  const { first, second } = state.two ?? { first: state.base, second: null };
  await showThumbnail("first", first);
  await showThumbnail("second", second);
  const share = get("share-of-second");
  share.disabled = !state.two;
  share.value = state.two?.share ?? 0;
});

async function showThumbnail(name, code) {
  if (thumbnails[name] === code) return;
  thumbnails[name] = code;
  const canvas = get(`${name}-face`);
  if (code) show(canvas, toBytes(await model.decode(code)), model.imageSize, 3);
  else canvas.width = canvas.width; // clears it
}

async function takeSecond() {
  const asked = state;
  const second = await draw(model, anySeed(), asked.temperature);
  if (state.base === asked.base) change({ two: { first: asked.base, second, share: 0 } }); // else another face was chosen
}

function goBetween() {
  const share = Number(get("share-of-second").value);
  const { first, second } = state.two;
  change({ base: between(first, second, share), seed: null, two: { first, second, share } }, false);
}

// Files and addresses.

async function save() {
  const canvas = await pictureOf(model, state, get("face"));
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = state.photo ? "edited.png" : `face-${state.model}${state.seed === null ? "" : `-${state.seed}`}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function share() {
  const address = new URL(addressOf(state), location.href).href;
  history.replaceState(null, "", address);
  try {
    await navigator.clipboard.writeText(address);
    say("The link is copied. It holds the face.");
  } catch {
    say("Copy the address of this page: it holds the face.");
  }
}

async function open(hash) {
  const asked = fromHash(hash, MODELS);
  const name = asked.model ?? "celeba";
  await useModel(name);
  state = firstFace(name);
  const strengths = {};
  for (const attribute of model.attributes) {
    if (asked.strength(attribute)) strengths[attribute] = asked.strength(attribute);
  }
  if (asked.text !== null) {
    const base = fromText(asked.text, model.latentDim);
    if (base) state = { ...state, base, seed: asked.seed, temperature: asked.temperature ?? 0.8 };
    else say("This link holds no face of this model; here is another.", true);
  }
  state = { ...state, strengths };
  await refresh();
}

// Views.

function showView(name) {
  for (const view of ["make", "inside"]) {
    get(view).hidden = view !== name;
    get(`show-${view}`).setAttribute("aria-pressed", view === name);
  }
  inside.visible = name === "inside";
  inside.update();
}

const own = new OwnPhoto({
  stage,
  model: () => model,
  refresh,
  use: (photo, base) => {
    change({ photo, base, strengths: {}, seed: null, two: null });
  },
  close: () => change({ ...firstFace(state.model) }),
});

const inside = new Inside(get("inside"), () => ({ model, picture: stage.pixels, state }));

function connect() {
  get("undo").addEventListener("click", undo);
  get("before").addEventListener("click", () => {
    before = !before;
    refresh();
  });
  get("reset").addEventListener("click", () => change({ strengths: {} }));
  get("dice").addEventListener("click", () => newFace(anySeed(), Number(get("temperature").value)));
  get("seed").addEventListener("change", (event) => {
    const seed = Math.floor(Number(event.target.value));
    if (event.target.value !== "" && seed >= 0 && seed < 2 ** 32) newFace(seed, state.temperature);
    else showControls();
  });
  whileMoving(get("temperature"), redrawSeed);
  get("second").addEventListener("click", takeSecond);
  whileMoving(get("share-of-second"), goBetween);
  get("save").addEventListener("click", save);
  get("share").addEventListener("click", share);
  get("show-make").addEventListener("click", () => showView("make"));
  get("show-inside").addEventListener("click", () => showView("inside"));
  get("models").addEventListener("change", async (event) => {
    const name = event.target.value;
    const { photo } = state;
    await attempt(async () => {
      await useModel(name);
      own.stop();
      change(firstFace(name));
      if (photo) await own.takeOver(photo);
    });
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input[type=number]");
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing) {
      event.preventDefault();
      undo();
    }
  });
  addEventListener("hashchange", () => attempt(() => open(location.hash)));
}

async function attempt(task) {
  try {
    await task();
  } catch (error) {
    say(`The model could not be loaded: ${error.message}. Reload the page to try again.`, true);
  }
}

async function start() {
  await attempt(() => open(location.hash));
  if (!state) return;
  connect();
  document.body.dataset.ready = "yes";
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("sw.js").catch(() => {});
}

// For the curious, and for tests.
window.studio = {
  get state() {
    return state;
  },
  get model() {
    return model;
  },
  stage,
  own,
  inside,
};

start();
