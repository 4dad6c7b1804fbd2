/** The stage: three canvases (photo, people, the selected person), the view on them, and what the pointer does there. */

import { sidesOf } from "./colours.js";
import { el, setAttribute, setText } from "./dom.js";
import { drawOthers, drawPhoto, drawSelected } from "./draw.js";
import { isLocked, say } from "./edits.js";
import { extent, fit, keepInSight, toImage, zoomAt } from "./geometry.js";
import { pickJoint, pickPerson } from "./pick.js";

/** @import {Scene} from "./draw.js" */
/** @import {Session, Topic} from "./session.js" */
/** @import {JointRef, Size, View} from "./types.js" */

/**
 * @typedef {{kind: "joint", pointer: number, ref: JointRef, dx: number, dy: number, sx: number, sy: number, moved: boolean}} JointDrag
 * @typedef {"photo" | "others" | "selected"} Layer Each on a canvas of its own: a drag draws the last one anew, and no other.
 * @typedef {{kind: "pan", pointer: number, person: number | null, sx: number, sy: number, moved: boolean}} Pan
 */

/** CSS pixels that the pointer must travel before a press becomes a drag. */
const THRESHOLD = 3;
const MARGIN = 24;

export class Stage {
  /** @type {View} */
  view = { scale: 1, tx: 0, ty: 0 };
  hidden = false;
  /** Is the space bar down? Then any press pans. */
  space = false;
  /** Was the space bar used for panning since it went down? */
  spaceUsed = false;

  /** @type {JointDrag | Pan | null} */
  #gesture = null;
  /** @type {readonly [number, number] | null} where the pointer is, in CSS pixels */
  #pointer = null;
  /** @type {Size} */
  #size = { width: 0, height: 0 };
  /** @type {number | null} the image that the view was fitted to */
  #fitted = null;
  /** @type {Set<Layer>} */
  #dirty = new Set();
  #frame = 0;

  /** @param {Session} session @param {() => void} onMove called when the view or the pointer has moved */
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
    this.element = el("div", { class: "stage" }, this.photoCanvas, this.othersCanvas, this.canvas, this.message, this.hint);
    this.#listen();
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
  }

  /** Where the pointer is, in joint coordinates; null when it is elsewhere. */
  get pointer() {
    return this.#pointer && this.#photoSize() ? toImage(this.view, this.#pointer[0], this.#pointer[1]) : null;
  }

  /**
   * Shows the whole photo, or the selected person large.
   * @param {boolean} whole
   */
  fit(whole) {
    const photo = this.#photoSize();
    if (!photo || !this.#size.width) return;
    const person = this.session.person;
    const around = whole || !person ? null : extent(person.joints, person.box);
    this.#setView(
      around
        ? fit(around, this.#size, Math.min(this.#size.width, this.#size.height) * 0.12, 16)
        : fit([0, 0, photo.width, photo.height], this.#size, MARGIN, 8),
    );
  }

  /** @param {boolean} hidden */
  hide(hidden) {
    this.hidden = hidden;
    this.#invalidate("others", "selected");
  }

  /** Ends whatever the pointer is doing, as if it had not begun. */
  cancel() {
    if (this.#gesture?.kind === "joint") this.session.cancelPreview();
    this.#gesture = null;
    this.#cursor();
  }

  // --- drawing ----------------------------------------------------------------------------------------------------------

  /** @param {Topic} topic */
  #changed(topic) {
    if (topic === "image") {
      this.#gesture = null;
      this.#fitted = null;
    }
    if (topic === "image" || topic === "photo" || topic === "doc" || topic === "queue") {
      this.#fitOnce();
      this.#showMessage();
      this.#invalidate("photo");
    }
    if (topic !== "preview" && topic !== "notice") this.#invalidate("others");
    if (topic === "mode" || topic === "selection" || topic === "image") this.#showHint();
    if (topic === "preview" && !this.session.preview && this.#gesture?.kind === "joint") this.#gesture = null;
    this.#invalidate("selected");
    this.#cursor();
  }

  /** The size of what is shown: the photo's own where there is one, so that pixels are pixels. @returns {Size | null} */
  #photoSize() {
    const { photo, doc } = this.session;
    return photo?.kind === "ready" ? photo.bitmap : (doc?.image ?? null);
  }

  #fitOnce() {
    if (this.#fitted === this.session.imageId || !this.#size.width || !this.#photoSize()) return;
    this.#fitted = this.session.imageId;
    this.fit(true);
  }

  #showMessage() {
    const { photo, doc, imageId } = this.session;
    let text = "";
    if (imageId === null) text = this.session.project ? "There are no images in this project." : "Loading…";
    else if (photo?.kind === "broken") text = `The photo cannot be shown. ${photo.message}`;
    else if (!photo) text = "Loading…";
    else if (doc && (photo.bitmap.width !== doc.image.width || photo.bitmap.height !== doc.image.height)) {
      text = `The photo has ${photo.bitmap.width} × ${photo.bitmap.height} pixels, its labels are for ${doc.image.width} × ${doc.image.height}: they do not fit.`;
    }
    setText(this.message, text);
    this.message.hidden = text === "";
    setAttribute(this.message, "data-tone", photo?.kind === "broken" ? "error" : photo && imageId !== null ? "warning" : "info");
  }

  #showHint() {
    const { placing, selection } = this.session;
    this.hint.hidden = placing === 0;
    if (placing === 0) return;
    const name = selection.joint === null ? "a joint" : say(selection.joint);
    setText(this.hint, `Click to place ${name} (${placing === 2 ? "visible" : "hidden"}). Esc stops.`);
  }

  /** @param {...Layer} layers */
  #invalidate(...layers) {
    for (const layer of layers) this.#dirty.add(layer);
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    if (!this.#size.width) return;
    if (dirty.has("photo")) this.#drawPhoto();
    if (dirty.has("others")) this.#drawPeople(this.othersCanvas, drawOthers);
    if (dirty.has("selected")) this.#drawPeople(this.canvas, drawSelected);
  }

  #drawPhoto() {
    const ctx = this.#clear(this.photoCanvas);
    const size = this.#photoSize();
    if (!ctx || !size) return;
    if (this.session.photo?.kind === "ready") {
      drawPhoto(ctx, this.session.photo.bitmap, size, this.view, devicePixelRatio);
    } else {
      ctx.fillStyle = "rgba(255, 255, 255, 0.06)";
      ctx.fillRect(this.view.tx, this.view.ty, size.width * this.view.scale, size.height * this.view.scale);
    }
  }

  /** @param {HTMLCanvasElement} canvas @param {(ctx: CanvasRenderingContext2D, scene: Scene) => void} draw */
  #drawPeople(canvas, draw) {
    const ctx = this.#clear(canvas);
    const { doc, skeleton, selection, hover, preview } = this.session;
    // Labels before their photo would sit on nothing, or on the photo before.
    if (!ctx || !doc || this.hidden || !this.session.photo) return;
    const theirs = this.session.conflicts.flatMap((c) => (c.theirs.image_id === doc.image.id ? [c.theirs] : []));
    draw(ctx, { doc, skeleton, sides: sidesOf(skeleton), view: this.view, selection, hover, preview, theirs });
  }

  /** @param {HTMLCanvasElement} canvas a canvas, made as large as the stage in device pixels, and cleared */
  #clear(canvas) {
    const [width, height] = [Math.round(this.#size.width * devicePixelRatio), Math.round(this.#size.height * devicePixelRatio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const ctx = canvas.getContext("2d");
    ctx?.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    ctx?.clearRect(0, 0, this.#size.width, this.#size.height);
    return ctx;
  }

  #resized() {
    const before = this.#size;
    this.#size = { width: this.element.clientWidth, height: this.element.clientHeight };
    if (this.#fitted === null) this.#fitOnce();
    else {
      const [dx, dy] = [(this.#size.width - before.width) / 2, (this.#size.height - before.height) / 2];
      this.#setView({ ...this.view, tx: this.view.tx + dx, ty: this.view.ty + dy });
    }
    // Now, not in the next frame: a resized canvas is blank until it is drawn.
    this.#dirty = new Set(["photo", "others", "selected"]);
    this.#draw();
  }

  /** @param {View} view */
  #setView(view) {
    const photo = this.#photoSize();
    this.view = photo ? keepInSight(view, photo, this.#size) : view;
    this.#invalidate("photo", "others", "selected");
    this.onMove();
  }

  // --- the pointer --------------------------------------------------------------------------------------------------------

  #listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", () => this.cancel());
    canvas.addEventListener("pointerleave", () => this.#left());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("auxclick", (event) => event.preventDefault());
  }

  /** @param {MouseEvent} event @returns {[number, number]} CSS pixels of the canvas */
  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const { session } = this;
    if (this.#gesture || !session.doc) return;
    const [sx, sy] = this.#place(event);
    this.#pointer = [sx, sy];
    this.canvas.focus({ preventScroll: true });
    event.preventDefault();
    const pans = event.button === 1 || this.space;
    if (event.button !== 0 && !pans) return;
    this.canvas.setPointerCapture(event.pointerId);
    if (!pans && session.placing) return this.#placeAt(sx, sy);
    const ref = pans ? null : pickJoint(session.doc, this.view, sx, sy, session.selection.person);
    const common = { pointer: event.pointerId, sx, sy, moved: false };
    if (ref) {
      session.select(ref.person, ref.joint);
      const joint = session.doc.people.find((p) => p.id === ref.person)?.joints[ref.joint];
      const [x, y] = toImage(this.view, sx, sy);
      this.#gesture = { kind: "joint", ref, dx: (joint?.x ?? x) - x, dy: (joint?.y ?? y) - y, ...common };
    } else {
      const person = pans ? null : pickPerson(session.doc, session.skeleton, this.view, sx, sy);
      this.#gesture = { kind: "pan", person, ...common };
    }
    if (pans) this.spaceUsed = this.space;
    this.#cursor();
  }

  /** @param {number} sx @param {number} sy */
  #placeAt(sx, sy) {
    const [x, y] = toImage(this.view, sx, sy);
    this.session.place(x, y);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const [sx, sy] = this.#place(event);
    const last = this.#pointer ?? [sx, sy];
    this.#pointer = [sx, sy];
    const gesture = this.#gesture;
    if (!gesture) this.#hover();
    else if (gesture.pointer === event.pointerId) {
      if (!gesture.moved && Math.hypot(sx - gesture.sx, sy - gesture.sy) >= THRESHOLD) {
        gesture.moved = true;
        if (gesture.kind === "joint") this.session.beginDrag(gesture.ref);
        else this.#setView({ ...this.view, tx: this.view.tx + gesture.sx - last[0], ty: this.view.ty + gesture.sy - last[1] });
        this.#cursor();
      }
      if (gesture.moved && gesture.kind === "joint") {
        const [x, y] = toImage(this.view, sx, sy);
        this.session.dragTo(x + gesture.dx, y + gesture.dy);
      } else if (gesture.moved) {
        this.#setView({ ...this.view, tx: this.view.tx + sx - last[0], ty: this.view.ty + sy - last[1] });
      }
    }
    this.onMove();
  }

  /** @param {PointerEvent} event */
  #up(event) {
    const gesture = this.#gesture;
    if (!gesture || gesture.pointer !== event.pointerId) return;
    this.#gesture = null;
    if (gesture.kind === "joint" && gesture.moved) this.session.commitPreview();
    else if (gesture.kind === "pan" && !gesture.moved && gesture.person !== null) this.session.select(gesture.person, null);
    this.#hover();
    this.#cursor();
  }

  #left() {
    if (this.#gesture) return;
    this.#pointer = null;
    this.session.setHover(null);
    this.onMove();
  }

  #hover() {
    const { session } = this;
    if (!session.doc || !this.#pointer) return;
    const [sx, sy] = this.#pointer;
    session.setHover(session.placing ? null : pickJoint(session.doc, this.view, sx, sy, session.selection.person));
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const photo = this.#photoSize();
    if (!photo || this.#gesture?.kind === "joint") return;
    // A wheel event has whole pixels only; the pointer was last seen at a finer place.
    const [wx, wy] = this.#place(event);
    const near = this.#pointer && Math.hypot(this.#pointer[0] - wx, this.#pointer[1] - wy) < 2;
    const [sx, sy] = near && this.#pointer ? this.#pointer : [wx, wy];
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 18 : event.deltaMode === WheelEvent.DOM_DELTA_PAGE ? 400 : 1);
    const speed = event.ctrlKey ? 0.01 : 0.0018; // A pinch on a touch pad arrives as a wheel with Ctrl, in small steps.
    const least = fit([0, 0, photo.width, photo.height], this.#size, MARGIN).scale / 2;
    this.#setView(zoomAt(this.view, sx, sy, Math.exp(-Math.max(-200, Math.min(200, pixels)) * speed), least));
    this.#hover();
  }

  #cursor() {
    const { session } = this;
    let cursor = "default";
    if (this.#gesture?.moved || (this.#gesture && this.space)) cursor = "grabbing";
    else if (this.space) cursor = "grab";
    else if (session.placing) cursor = "crosshair";
    else if (session.hover && !isLocked(session.doc?.people.find((p) => p.id === session.hover?.person) ?? LOCKED)) cursor = "move";
    if (this.canvas.style.cursor !== cursor) this.canvas.style.cursor = cursor;
  }
}

const LOCKED = { id: 0, image_id: 0, revision: 0, box: null, joints: {}, crowd: true, deleted: false };
