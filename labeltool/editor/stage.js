/** The stage: three canvases (photo, people, the selected person), the view on them, the loupe and the messages. */

import { Adjust, filterOf } from "./adjust.js";
import { sidesOf } from "./colours.js";
import { el, setAttribute, setText } from "./dom.js";
import { drawOthers, drawPhoto, drawPlaceholder, drawSelected } from "./draw.js";
import { say } from "./edits.js";
import { extent, fit, keepInSight, toImage } from "./geometry.js";
import { Gestures } from "./gestures.js";
import { Loupe } from "./loupe.js";
import { Tiles } from "./tiles.js";

/** @import {Look} from "./adjust.js" */
/** @import {Scene} from "./draw.js" */
/** @import {Session, Topic} from "./session.js" */
/** @import {Size, View} from "./types.js" */

/** @typedef {"photo" | "others" | "selected"} Layer Each on a canvas of its own: a drag draws the last one anew, and no other. */

const MARGIN = 24;

export class Stage {
  /** @type {View} */
  view = { scale: 1, tx: 0, ty: 0 };
  hidden = false;
  /** @type {Size} CSS pixels */
  size = { width: 0, height: 0 };
  /** @type {Tiles | null} the finer parts of a large photo */
  tiles = null;
  /** @type {number | null} the image that the view was fitted to */
  #fitted = null;
  /** @type {Set<Layer>} */
  #dirty = new Set();
  #frame = 0;
  #moved = false;
  /** Does the view show the whole photo, as it was fitted? Then it still does when the stage changes its size. */
  #whole = false;

  /** @param {Session} session @param {() => void} onMove called once a frame when the view or the pointer has moved */
  constructor(session, onMove) {
    this.session = session;
    this.onMove = onMove;
    this.photoCanvas = el("canvas", { "aria-hidden": true });
    this.othersCanvas = el("canvas", { "aria-hidden": true });
    this.canvas = el("canvas", {
      class: "people",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "keypoint canvas",
      "aria-label": "Photo with the skeletons of its people. Tab walks the joints, arrows move one, question mark lists all keys, Escape leaves.",
    });
    this.message = el("div", { class: "stage-message", hidden: true });
    this.hint = el("div", { class: "stage-hint", hidden: true });
    this.loupe = new Loupe();
    this.adjust = new Adjust(storage(), (look) => this.#look(look));
    this.element = el(
      "div", { class: "stage" },
      this.photoCanvas, this.othersCanvas, this.canvas, this.loupe.element, this.message, this.hint, this.adjust.element,
    );
    this.gestures = new Gestures(this);
    this.#look(this.adjust.look);
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#observer.observe(this.element);
    this.#unlisten = session.listen((topic) => this.#changed(topic));
    this.#changed("image");
  }

  /** @type {ResizeObserver} */
  #observer;
  /** @type {() => void} */
  #unlisten;

  dispose() {
    this.#observer.disconnect();
    this.#unlisten();
    cancelAnimationFrame(this.#frame);
    this.tiles?.dispose();
  }

  /** Shows what another stage in the same place showed. @param {Stage} other */
  takeView(other) {
    [this.view, this.size, this.#fitted, this.#whole] = [other.view, other.size, other.#fitted, other.#whole];
  }

  /** Where the pointer is, in joint coordinates; null when it is elsewhere. */
  get pointer() {
    const { pointer } = this.gestures;
    return pointer && this.photoSize ? toImage(this.view, pointer[0], pointer[1]) : null;
  }

  /** How the labeller likes to see the photo. */
  get look() {
    return this.adjust.look;
  }

  get space() {
    return this.gestures.space;
  }

  set space(down) {
    this.gestures.space = down;
  }

  get spaceUsed() {
    return this.gestures.spaceUsed;
  }

  set spaceUsed(used) {
    this.gestures.spaceUsed = used;
  }

  /**
   * Shows the whole photo, or the selected person large.
   * @param {boolean} whole
   */
  fit(whole) {
    const photo = this.photoSize;
    if (!photo || !this.size.width) return;
    const person = this.session.person;
    const around = whole || !person ? null : extent(person.joints, person.box);
    this.setView(
      around
        ? fit(around, this.size, Math.min(this.size.width, this.size.height) * 0.12, 16)
        : fit([0, 0, photo.width, photo.height], this.size, MARGIN),
    );
    this.#whole = !around;
    this.gestures.hover();
  }

  /** @param {boolean} hidden */
  hide(hidden) {
    this.hidden = hidden;
    this.invalidate("others", "selected");
  }

  /** Ends whatever the pointer is doing, as if it had not begun. */
  cancel() {
    this.gestures.cancel();
  }

  // --- drawing ----------------------------------------------------------------------------------------------------------

  /** @param {Topic} topic */
  #changed(topic) {
    const { session, gestures } = this;
    if (topic === "image") {
      gestures.forget();
      this.#fitted = null;
    }
    if (topic === "image" || topic === "photo") this.#openTiles();
    if (topic === "image" || topic === "photo" || topic === "doc" || topic === "queue") {
      this.#fitOnce();
      this.#showMessage();
      // New labels leave a photo as it is, and it is the costliest of the three to draw.
      if (topic === "image" || topic === "photo" || session.photo?.kind !== "ready") this.invalidate("photo");
    }
    if (topic === "mode" || topic === "selection" || topic === "image") this.#showHint();
    if (topic === "mode") gestures.modeChanged();
    if (topic === "selection") gestures.selectionChanged();
    // Escape has ended the drag, or the person is gone: the pointer holds nothing any more.
    if (topic === "preview" && gestures.holding && !session.dragging) gestures.forget();
    if (topic !== "preview" && topic !== "notice" && topic !== "outbox") this.invalidate("others");
    this.invalidate("selected");
  }

  /** The size of what is shown: the photo's own where there is one, so that pixels are pixels. @returns {Size | null} */
  get photoSize() {
    const { photo, doc } = this.session;
    return photo?.kind === "ready" ? photo : (doc?.image ?? null);
  }

  /** The photo has changed: so have its finer parts. */
  #openTiles() {
    const { photo, imageId, api } = this.session;
    this.tiles?.dispose();
    this.tiles = null;
    if (photo?.kind !== "ready" || imageId === null || photo.bitmap.width === photo.width) return;
    const load = async (/** @type {string} */ key) => createImageBitmap((await api.photo(imageId, `tile=${key}`)).blob);
    this.tiles = new Tiles(photo, photo.bitmap.width, load, () => this.invalidate("photo"));
    this.tiles.want(this.view, this.size, devicePixelRatio);
  }

  #fitOnce() {
    if (this.#fitted === this.session.imageId || !this.size.width || !this.photoSize) return;
    this.#fitted = this.session.imageId;
    this.fit(true);
  }

  #showMessage() {
    const { photo, doc, imageId } = this.session;
    let text = "";
    if (imageId === null) text = this.session.project ? "There are no images in this project." : "Loading…";
    else if (photo?.kind === "broken") text = `The photo cannot be shown. ${photo.message}`;
    else if (!photo) text = "Loading…";
    else if (doc && (photo.width !== doc.image.width || photo.height !== doc.image.height)) {
      text = `The photo has ${photo.width} × ${photo.height} pixels, its labels are for ${doc.image.width} × ${doc.image.height}: they do not fit.`;
    }
    setText(this.message, text);
    this.message.hidden = text === "";
    setAttribute(this.message, "data-tone", photo?.kind === "broken" ? "error" : photo && imageId !== null ? "warning" : "info");
  }

  #showHint() {
    const { placing, boxing, selection } = this.session;
    const name = selection.joint === null ? "a joint" : say(selection.joint);
    let text = "";
    if (boxing) text = "Drag a box around the new person. Esc stops.";
    else if (placing) text = `Click to place ${name} (${placing === 2 ? "visible" : "hidden"}). 0 passes over it, Esc stops.`;
    setText(this.hint, text);
    this.hint.hidden = text === "";
  }

  /** @param {...Layer} layers */
  invalidate(...layers) {
    for (const layer of layers) this.#dirty.add(layer);
    this.#askFrame();
  }

  #askFrame() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    if (this.#moved) this.onMove();
    this.#moved = false;
    if (!this.size.width) return;
    if (dirty.has("photo")) this.#drawPhoto();
    if (dirty.has("others")) this.#drawPeople(this.othersCanvas, drawOthers);
    if (dirty.has("selected")) {
      this.#drawPeople(this.canvas, drawSelected);
      this.#showLoupe();
    }
  }

  #drawPhoto() {
    const ctx = this.#clear(this.photoCanvas);
    const size = this.photoSize;
    if (!ctx || !size) return;
    const { photo } = this.session;
    if (photo?.kind === "ready") drawPhoto(ctx, photo, this.tiles, this.view, this.size, devicePixelRatio);
    else drawPlaceholder(ctx, size, this.view, photo?.kind === "broken");
  }

  /** @param {HTMLCanvasElement} canvas @param {(ctx: CanvasRenderingContext2D, scene: Scene) => void} draw */
  #drawPeople(canvas, draw) {
    const ctx = this.#clear(canvas);
    const { doc, skeleton, selection, hover, preview } = this.session;
    // Labels before their photo would sit on nothing, or on the photo before.
    if (!ctx || !doc || this.hidden || !this.session.photo) return;
    const theirs = this.session.conflicts.flatMap((c) => (c.theirs.image_id === doc.image.id ? [c.theirs] : []));
    const { held, drawn } = this.gestures;
    const boxes = this.look.boxes || this.session.boxing;
    draw(ctx, { doc, skeleton, sides: sidesOf(skeleton), view: this.view, selection, hover, preview, theirs, boxes, held, drawn });
  }

  /** The loupe shows what lies under the joint while it is dragged. */
  #showLoupe() {
    const { photo, preview, skeleton } = this.session;
    if (photo?.kind !== "ready" || preview?.kind !== "drag") return this.loupe.hide();
    const pointer = this.gestures.pointer ?? [0, 0];
    const side = sidesOf(skeleton).get(preview.joint) ?? "middle";
    this.loupe.show(photo, this.tiles, this.view.scale, preview.x, preview.y, side, pointer, this.size.width);
  }

  /** @param {Look} look */
  #look(look) {
    this.photoCanvas.style.filter = this.loupe.canvas.style.filter = filterOf(look);
    this.invalidate("others", "selected");
  }

  /** @param {HTMLCanvasElement} canvas a canvas, made as large as the stage in device pixels, and cleared */
  #clear(canvas) {
    const [width, height] = [Math.round(this.size.width * devicePixelRatio), Math.round(this.size.height * devicePixelRatio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const ctx = canvas.getContext("2d");
    ctx?.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    ctx?.clearRect(0, 0, this.size.width, this.size.height);
    return ctx;
  }

  #resized() {
    const before = this.size;
    this.size = { width: this.element.clientWidth, height: this.element.clientHeight };
    this.gestures.placeChanged();
    if (this.#fitted === null) this.#fitOnce();
    else if (this.#whole) this.fit(true);
    else {
      const [dx, dy] = [(this.size.width - before.width) / 2, (this.size.height - before.height) / 2];
      this.setView({ ...this.view, tx: this.view.tx + dx, ty: this.view.ty + dy });
    }
    // Now, not in the next frame: a resized canvas is blank until it is drawn.
    this.#dirty = new Set(["photo", "others", "selected"]);
    this.#draw();
  }

  /** @param {View} view */
  setView(view) {
    this.#whole = false;
    const photo = this.photoSize;
    this.view = photo ? keepInSight(view, photo, this.size) : view;
    this.tiles?.want(this.view, this.size, devicePixelRatio);
    this.invalidate("photo", "others", "selected");
    this.#moved = true;
  }

  /** The pointer has moved: what says where it is says so in the next frame. */
  pointerMoved() {
    this.#moved = true;
    this.#askFrame();
  }
}

/** @returns {Storage | null} */
function storage() {
  try {
    return localStorage;
  } catch {
    return null; // Closed off by the browser's settings.
  }
}
