// The panel for a photograph of one's own: consent, choosing, the camera, and the points that are dragged.

import { findFaces } from "./finder.js";
import { get, latest, make, say } from "./page.js";
import { IN_TEMPLATE, POINTS, alignment, centreSquare, cutFace, proposePoints, readPhoto, rescaled } from "./photo.js";
import { show } from "./pixels.js";

export class OwnPhoto {
  /** `page`: stage, model(), refresh(), use(photo, code) and close(). */
  constructor(page) {
    this.page = page;
    this.draft = null; // a photograph whose points are being placed
    this.camera = null;
    this.preview = latest(() => this.showAligned());
    this.makeHandles();
    this.connect();
  }

  get choosing() {
    return this.draft !== null;
  }

  connect() {
    const consent = get("consent");
    consent.addEventListener("change", () => {
      get("choose").disabled = get("camera").disabled = !consent.checked;
    });
    get("choose").addEventListener("click", () => get("file").click());
    get("file").addEventListener("change", (event) => {
      const [file] = event.target.files;
      if (file) this.read(file);
      event.target.value = "";
    });
    get("camera").addEventListener("click", () => this.startCamera());
    get("take").addEventListener("click", () => this.takePicture());
    get("camera-off").addEventListener("click", () => this.stopCamera());
    get("points-done").addEventListener("click", () => this.edit());
    get("points-cancel").addEventListener("click", () => {
      this.stop();
      this.page.refresh();
    });
    get("points-again").addEventListener("click", () => this.placePoints(this.photo));
    get("own-close").addEventListener("click", () => this.page.close());
    if (!navigator.mediaDevices?.getUserMedia) get("camera").hidden = true;
    this.connectDrop(get("frame"));
  }

  connectDrop(frame) {
    const hint = (on) => {
      frame.classList.toggle("dropping", on);
      get("drop-hint").hidden = !on;
    };
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => event.preventDefault());
    frame.addEventListener("dragenter", () => hint(true));
    frame.addEventListener("dragleave", (event) => {
      if (!frame.contains(event.relatedTarget)) hint(false);
    });
    frame.addEventListener("drop", (event) => {
      hint(false);
      const [file] = event.dataTransfer.files;
      if (file) this.read(file);
    });
  }

  /** Read a file or a picture of the camera, and ask for its points. */
  async read(source) {
    if (!get("consent").checked) {
      say("First tick the box under “Your photograph”: it shows you, or somebody who agreed.", true);
      get("consent").focus();
      return;
    }
    try {
      say("");
      await this.takeOver(await readPhoto(source));
    } catch {
      say("This file is no picture that the browser can read: choose a JPEG, PNG or WebP.", true);
    }
  }

  /** Use a photograph with the model that is chosen: of one without a template, the middle square. */
  async takeOver(photo) {
    const model = this.page.model();
    if (!model.template) {
      await this.use(photo, null, centreSquare(model, photo.full));
      return;
    }
    this.placePoints(photo);
    if (!photo.points) await this.propose(photo);
  }

  /** Put the points where a face is found; until then, and where none is, they stand in the middle. */
  async propose(photo) {
    const before = this.draft.points;
    say("Looking for a face …");
    const [face] = await findFaces(photo.preview).catch(() => []);
    say(face ? "" : "No face was found: drag the points yourself.");
    if (!face || this.draft?.points !== before) return; // moved by hand meanwhile
    this.draft.points = IN_TEMPLATE.map((i) => face.points[i].map((value) => (value + 0.5) / photo.scale - 0.5));
    this.placeHandles();
  }

  placePoints(photo) {
    this.draft = { ...photo, points: photo.points ?? proposePoints(this.page.model(), photo.full) };
    this.page.refresh();
    this.placeHandles();
    get("handles").firstElementChild.focus({ preventScroll: true });
  }

  async edit() {
    const { points } = this.draft;
    await this.use(this.draft, points, alignment(this.page.model(), points));
  }

  async use(photo, points, matrix) {
    const model = this.page.model();
    const face = cutFace(photo.full, matrix, model.imageSize);
    this.photo = { ...photo, points, matrix, face };
    const { mean } = await model.encode(face);
    this.stop();
    this.page.use(this.photo, mean);
  }

  /** Leave the points and the camera. */
  stop() {
    this.draft = null;
    this.stopCamera();
  }

  /** Show the part of the panel that fits what is done: "face", "points" or "photo". */
  show(mode) {
    get("handles").hidden = mode !== "points";
    get("own-points").hidden = mode !== "points";
    get("own-editing").hidden = mode !== "photo";
    get("points-again").hidden = !this.photo?.points;
    get("own-choose").hidden = mode !== "face" || this.camera !== null;
    get("own-camera").hidden = this.camera === null;
  }

  // The points: buttons on the picture, dragged or moved by the arrow keys.

  makeHandles() {
    const handles = POINTS.map((name, i) => {
      const handle = make("button", { type: "button", title: name });
      handle.setAttribute("aria-label", `${name}: move it by the arrow keys`);
      handle.addEventListener("pointerdown", (event) => {
        handle.setPointerCapture(event.pointerId);
        handle.focus();
      });
      handle.addEventListener("pointermove", (event) => {
        if (!handle.hasPointerCapture(event.pointerId)) return;
        const box = get("face").getBoundingClientRect();
        const scale = this.draft.full.width / box.width;
        this.move(i, (event.clientX - box.left) * scale - 0.5, (event.clientY - box.top) * scale - 0.5);
      });
      handle.addEventListener("keydown", (event) => this.moveByKey(i, event));
      return handle;
    });
    get("handles").replaceChildren(...handles);
  }

  moveByKey(i, event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!steps) return;
    event.preventDefault();
    const pixels = (this.draft.full.width / 400) * (event.shiftKey ? 10 : 1);
    const [x, y] = this.draft.points[i];
    this.move(i, x + steps[0] * pixels, y + steps[1] * pixels);
  }

  move(i, x, y) {
    const { width, height } = this.draft.full;
    const point = [Math.max(0, Math.min(width - 1, x)), Math.max(0, Math.min(height - 1, y))];
    this.draft.points = this.draft.points.map((old, k) => (k === i ? point : old));
    this.placeHandles();
  }

  placeHandles() {
    const { points, full } = this.draft;
    [...get("handles").children].forEach((handle, i) => {
      handle.style.left = `${(100 * (points[i][0] + 0.5)) / full.width}%`;
      handle.style.top = `${(100 * (points[i][1] + 0.5)) / full.height}%`;
    });
    this.preview();
  }

  async showAligned() {
    if (!this.draft) return;
    const { points, preview, scale } = this.draft;
    const model = this.page.model();
    const matrix = rescaled(alignment(model, points), scale);
    show(get("aligned"), cutFace(preview, matrix, model.imageSize), model.imageSize, 4);
    await new Promise(requestAnimationFrame);
  }

  // The camera.

  async startCamera() {
    try {
      this.camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
    } catch {
      say("The camera is not free, or this page may not use it: choose a picture instead.", true);
      return;
    }
    const video = get("video");
    video.srcObject = this.camera;
    await video.play();
    this.page.refresh();
  }

  async takePicture() {
    const picture = await createImageBitmap(get("video"));
    this.stopCamera();
    await this.read(picture);
  }

  stopCamera() {
    if (!this.camera) return;
    for (const track of this.camera.getTracks()) track.stop();
    this.camera = null;
    get("video").srcObject = null;
    this.page.refresh();
  }
}
