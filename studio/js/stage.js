// Shows the face of a state on the large canvas: a decoded one, or a photograph with the change added.

import { edit } from "./codes.js";
import { changeFace, pasteChange } from "./full_size.js";
import { rescaled } from "./photo.js";
import { show, toBytes } from "./pixels.js";

export class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.pixels = null; // bytes of the face at the model's own size, red, green, blue
    this.milliseconds = 0; // that the last face took
  }

  /** Draw a state; `before` leaves the sliders out. */
  async draw(model, state, before) {
    const start = performance.now();
    const strengths = before ? {} : state.strengths;
    if (state.photo) await this.drawPhoto(model, state, strengths);
    else await this.drawFace(model, edit(model, state.base, strengths));
    this.milliseconds = performance.now() - start;
  }

  async drawFace(model, code) {
    this.pixels = toBytes(await model.decode(code));
    show(this.canvas, this.pixels, model.imageSize);
  }

  async drawPhoto(model, state, strengths) {
    const { photo } = state;
    this.pixels = photo.face;
    put(this.canvas, await editPhoto(model, state, strengths, photo.preview, rescaled(photo.matrix, photo.scale)));
  }

  /** Draw a photograph as it is. */
  showPhoto(photo) {
    put(this.canvas, photo.preview);
  }
}

/** Return a canvas of a state for a file: a photograph at its own size, another face as it is shown. */
export async function pictureOf(model, state, shown) {
  if (!state.photo) return shown;
  const { photo } = state;
  const canvas = document.createElement("canvas");
  put(canvas, await editPhoto(model, state, state.strengths, photo.full, photo.matrix));
  return canvas;
}

let unedited = { base: null, image: null }; // the last code that was edited, and its picture

/** Return a photograph, large or small, with its face edited; `matrix` leads from this size to the face. */
async function editPhoto(model, { base, photo }, strengths, picture, matrix) {
  if (!Object.values(strengths).some(Boolean)) return picture;
  if (unedited.base !== base) unedited = { base, image: await model.decode(base) };
  const edited = await model.decode(edit(model, base, strengths));
  const change = changeFace(photo.face, unedited.image, edited, model.imageSize, photo.grey);
  return pasteChange(picture, matrix, photo.face, change, model.imageSize);
}

function put(canvas, picture) {
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}
