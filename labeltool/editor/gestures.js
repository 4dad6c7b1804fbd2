/** What the pointer does on the stage: joints, boxes and people dragged, boxes drawn, the view panned, zoomed and pinched. */

import { isLocked } from "./edits.js";
import { handlesShown } from "./draw.js";
import { fit, pinch, resizeBox, toEdges, toImage, zoomAt } from "./geometry.js";
import { boxInPhoto, moveAll } from "./people.js";
import { JOINT_RADIUS, onSkeleton, pickHandle, pickJoint, pickPerson, TOUCH_RADIUS } from "./pick.js";

/** @import {Handle} from "./geometry.js" */
/** @import {Stage} from "./stage.js" */
/** @import {Box, Joint, JointRef, Person} from "./types.js" */

/**
 * @typedef {{pointer: number, sx: number, sy: number, moved: boolean}} Press Where a button went down, and whether it has become a drag.
 * @typedef {Press & (
 *   {kind: "joint", ref: JointRef, dx: number, dy: number} | {kind: "pan", person: number | null} |
 *   {kind: "move", person: number} | {kind: "box", person: number, box: Box, handle: Handle} | {kind: "draw"}
 * )} Gesture
 */

/** CSS pixels that the pointer must travel before a press becomes a drag. */
const THRESHOLD = 3;

/** CSS pixels that a resting pointer may tremble without meaning the joint below it. */
const TREMBLE = 6;

/** @type {Readonly<Record<Handle, string>>} */
const CURSORS = { nw: "nwse-resize", se: "nwse-resize", ne: "nesw-resize", sw: "nesw-resize", n: "ns-resize", s: "ns-resize", w: "ew-resize", e: "ew-resize" };

export class Gestures {
  /** Is the space bar down? Then any press pans. */
  space = false;
  /** Was the space bar used for panning since it went down? */
  spaceUsed = false;
  /** @type {readonly [number, number] | null} where the pointer is, in CSS pixels of the canvas */
  pointer = null;
  /** @type {Gesture | null} */
  gesture = null;
  /** @type {Person | null} the selected person while the box or all joints are on their way */
  held = null;
  /** @type {Box | null} the box that is being drawn */
  drawn = null;

  /** @type {Map<number, readonly [number, number]>} fingers on the screen */
  #fingers = new Map();
  /** @type {readonly [number, number] | null} where the pointer rested when a key chose a joint */
  #rest = null;
  /** @type {number | null} the person that was selected last */
  #selected = null;
  /** @type {DOMRect | null} where the canvas is: asked for once, not on every move */
  #place = null;

  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.session = stage.session;
    const { canvas } = stage;
    canvas.addEventListener("pointerenter", () => (this.#place = null));
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => {
      this.#fingers.delete(event.pointerId);
      this.cancel();
    });
    canvas.addEventListener("pointerleave", () => this.#left());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("auxclick", (event) => event.preventDefault());
  }

  /** Is something other than the view following the pointer? */
  get holding() {
    return this.gesture !== null && this.gesture.moved && this.gesture.kind !== "pan";
  }

  /** Ends whatever the pointer is doing, as if it had not begun. */
  cancel() {
    const { gesture } = this;
    this.forget();
    if (!gesture || gesture.kind === "pan" || !gesture.moved) return;
    if (gesture.kind === "joint") this.session.cancelPreview();
    else this.session.hold(false);
  }

  /** Lets go of the gesture without a word to the session, which has ended it itself. */
  forget() {
    this.gesture = this.held = this.drawn = null;
    this.stage.tiles?.pause(false);
    this.stage.invalidate("selected");
    this.#cursor();
  }

  /** The canvas may have moved on the page. */
  placeChanged() {
    this.#place = null;
  }

  // --- press, move, let go ------------------------------------------------------------------------------------------------

  /** @param {MouseEvent} event @returns {[number, number]} CSS pixels of the canvas */
  #at(event) {
    this.#place ??= this.stage.canvas.getBoundingClientRect();
    return [event.clientX - this.#place.left, event.clientY - this.#place.top];
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const { stage, session } = this;
    this.#place = null;
    const [sx, sy] = this.#at(event);
    if (event.pointerType === "touch") {
      this.#fingers.set(event.pointerId, [sx, sy]);
      if (this.#fingers.size > 1) {
        this.cancel(); // A second finger: what the first one began was the start of a pinch.
        stage.canvas.setPointerCapture(event.pointerId);
        return;
      }
    }
    if (this.gesture || !session.doc) return;
    this.pointer = [sx, sy];
    session.aside = false;
    stage.canvas.focus({ preventScroll: true });
    event.preventDefault();
    const pans = event.button === 1 || this.space;
    if (event.button !== 0 && !pans) return;
    stage.canvas.setPointerCapture(event.pointerId);
    if (pans) this.spaceUsed = this.space;
    if (!pans && session.placing) return session.place(...toImage(stage.view, sx, sy));
    this.gesture = this.#begin({ pointer: event.pointerId, sx, sy, moved: false }, event, pans);
    this.#cursor();
  }

  /** What a press becomes if it is dragged. @param {Press} press @param {PointerEvent} event @param {boolean} pans @returns {Gesture} */
  #begin(press, event, pans) {
    const { session } = this;
    const { view } = this.stage;
    const { doc, person } = session;
    const { sx, sy } = press;
    if (pans || !doc) return { ...press, kind: "pan", person: null };
    if (session.boxing) return { ...press, kind: "draw" };
    const radius = event.pointerType === "touch" ? TOUCH_RADIUS : JOINT_RADIUS;
    const own = person && !isLocked(person) ? person : null;
    if (own && (event.altKey || event.shiftKey) && onSkeleton(own, session.skeleton, view, sx, sy, radius)) {
      return { ...press, kind: "move", person: own.id };
    }
    const ref = pickJoint(doc, view, sx, sy, session.selection.person, radius);
    const handle = ref?.person === own?.id ? null : this.#handleAt(sx, sy);
    if (own?.box && handle) return { ...press, kind: "box", person: own.id, box: own.box, handle };
    if (!ref) return { ...press, kind: "pan", person: pickPerson(doc, session.skeleton, view, sx, sy) };
    session.select(ref.person, ref.joint);
    const joint = doc.people.find((p) => p.id === ref.person)?.joints[ref.joint];
    const [x, y] = toImage(view, sx, sy);
    return { ...press, kind: "joint", ref, dx: (joint?.x ?? x) - x, dy: (joint?.y ?? y) - y };
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const { stage } = this;
    const [sx, sy] = this.#at(event);
    if (this.#fingers.size > 1 && this.#fingers.has(event.pointerId)) return this.#pinch(event.pointerId, sx, sy);
    if (this.#fingers.has(event.pointerId)) this.#fingers.set(event.pointerId, [sx, sy]);
    const last = this.pointer ?? [sx, sy];
    this.pointer = [sx, sy];
    const { gesture } = this;
    if (!gesture) this.hover();
    else if (gesture.pointer === event.pointerId) {
      const begins = !gesture.moved && Math.hypot(sx - gesture.sx, sy - gesture.sy) >= THRESHOLD;
      if (begins) this.#start(gesture);
      const [px, py] = begins ? [gesture.sx, gesture.sy] : last;
      if (gesture.moved && gesture.kind === "pan") {
        stage.setView({ ...stage.view, tx: stage.view.tx + sx - px, ty: stage.view.ty + sy - py });
      } else if (gesture.moved) this.#drag(gesture, sx, sy);
    }
    stage.pointerMoved();
  }

  /** The press has become a drag. @param {Gesture} gesture */
  #start(gesture) {
    gesture.moved = true;
    if (gesture.kind !== "pan") this.stage.tiles?.pause(true);
    if (gesture.kind === "joint") this.session.beginDrag(gesture.ref);
    else if (gesture.kind !== "pan") this.session.hold(true);
    this.#cursor();
  }

  /** @param {Gesture} gesture @param {number} sx @param {number} sy */
  #drag(gesture, sx, sy) {
    const { session } = this;
    const { view } = this.stage;
    const { doc, person } = session;
    if (!doc) return;
    const [dx, dy] = [(sx - gesture.sx) / view.scale, (sy - gesture.sy) / view.scale];
    if (gesture.kind === "joint") {
      const [x, y] = toImage(view, sx, sy);
      session.dragTo(x + gesture.dx, y + gesture.dy);
    } else if (gesture.kind === "draw") {
      this.drawn = boxInPhoto(boxBetween(toEdges(view, gesture.sx, gesture.sy), toEdges(view, sx, sy)), doc.image);
    } else if (gesture.kind === "box" && person) {
      this.held = { ...person, box: boxInPhoto(resizeBox(gesture.box, gesture.handle, dx, dy), doc.image) ?? person.box };
    } else if (gesture.kind === "move" && person) {
      const moved = moveAll(doc, person.id, dx, dy)?.changes[0]?.after.joints;
      this.held = { ...person, joints: /** @type {Readonly<Record<string, Joint>>} */ ({ ...person.joints, ...moved }) };
    }
    this.stage.invalidate("selected");
  }

  /** @param {PointerEvent} event */
  #up(event) {
    this.#fingers.delete(event.pointerId);
    const { gesture, session } = this;
    if (!gesture || gesture.pointer !== event.pointerId) return;
    const { drawn, held } = this;
    const [sx, sy] = this.#at(event);
    const { scale } = this.stage.view;
    this.forget();
    if (!gesture.moved) {
      if (gesture.kind === "pan" && gesture.person !== null) session.select(gesture.person, null);
    } else if (gesture.kind === "joint") session.commitPreview();
    else if (gesture.kind === "draw") session.drawnBox(drawn ?? [0, 0, 0, 0]);
    else if (gesture.kind === "box") session.setBox(gesture.person, held?.box ?? gesture.box);
    else if (gesture.kind === "move") session.moveAll(gesture.person, (sx - gesture.sx) / scale, (sy - gesture.sy) / scale);
    this.hover();
    this.#cursor();
  }

  #left() {
    if (this.gesture) return;
    this.pointer = null;
    this.session.setHover(null);
    this.stage.pointerMoved();
  }

  // --- two fingers, and the wheel -------------------------------------------------------------------------------------------

  /** @param {number} pointer @param {number} sx @param {number} sy */
  #pinch(pointer, sx, sy) {
    const { stage } = this;
    const before = [...this.#fingers.values()].slice(0, 2);
    this.#fingers.set(pointer, [sx, sy]);
    const after = [...this.#fingers.values()].slice(0, 2);
    const [a, b] = before;
    const [c, d] = after;
    if (a && b && c && d) stage.setView(pinch(stage.view, a, b, c, d, this.#leastScale()));
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const { stage } = this;
    if (!stage.photoSize || this.holding) return;
    // A wheel event has whole pixels only; the pointer was last seen at a finer place.
    const [wx, wy] = this.#at(event);
    const near = this.pointer && Math.hypot(this.pointer[0] - wx, this.pointer[1] - wy) < 2;
    const [sx, sy] = near && this.pointer ? this.pointer : [wx, wy];
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 18 : event.deltaMode === WheelEvent.DOM_DELTA_PAGE ? 400 : 1);
    const speed = event.ctrlKey ? 0.01 : 0.0018; // A pinch on a touch pad arrives as a wheel with Ctrl, in small steps.
    stage.setView(zoomAt(stage.view, sx, sy, Math.exp(-Math.max(-200, Math.min(200, pixels)) * speed), this.#leastScale()));
    this.hover();
  }

  #leastScale() {
    const { width, height } = this.stage.photoSize ?? { width: 1, height: 1 };
    return fit([0, 0, width, height], this.stage.size, 24).scale / 2;
  }

  // --- what lies under the pointer --------------------------------------------------------------------------------------------

  /** Tells the session which joint is under the pointer. */
  hover() {
    const { session, stage } = this;
    if (!session.doc || !this.pointer) return;
    const [sx, sy] = this.pointer;
    if (this.#restsAside(sx, sy)) return;
    const busy = session.placing !== 0 || session.boxing;
    const ref = busy ? null : pickJoint(session.doc, stage.view, sx, sy, session.selection.person);
    session.setHover(ref);
    const joint = ref && session.doc.people.find((p) => p.id === ref.person)?.joints[ref.joint];
    if (joint) stage.tiles?.warm(joint.x, joint.y); // The loupe will want it.
    this.#cursor();
  }

  /** Does the pointer still rest where it was when a key chose a joint? @param {number} sx @param {number} sy */
  #restsAside(sx, sy) {
    const { session } = this;
    this.#rest = session.aside ? (this.#rest ?? [sx, sy]) : null;
    if (!this.#rest) return false;
    if (!this.gesture && Math.hypot(sx - this.#rest[0], sy - this.#rest[1]) < TREMBLE) return true;
    session.aside = false;
    this.#rest = null;
    return false;
  }

  /** Another person in front may have another joint under the pointer. */
  selectionChanged() {
    const { person } = this.session.selection;
    if (person === this.#selected) return;
    this.#selected = person;
    if (!this.gesture) this.hover();
  }

  /** @param {number} sx @param {number} sy */
  #handleAt(sx, sy) {
    const { person } = this.session;
    if (!person?.box || isLocked(person) || this.stage.hidden || !handlesShown(this.stage.look, person)) return null;
    return pickHandle(person.box, this.stage.view, sx, sy);
  }

  #cursor() {
    const { session, gesture, stage } = this;
    let cursor = "default";
    if (gesture?.kind === "box") cursor = CURSORS[gesture.handle];
    else if (session.boxing && !this.space) cursor = "crosshair";
    else if (gesture?.moved || (gesture && this.space)) cursor = "grabbing";
    else if (this.space) cursor = "grab";
    else if (session.placing) cursor = "crosshair";
    else if (session.hover?.person === session.selection.person && session.hover) cursor = "move";
    else {
      const handle = this.pointer && this.#handleAt(...this.pointer);
      if (handle) cursor = CURSORS[handle];
      else if (session.hover) cursor = "move";
    }
    if (stage.canvas.style.cursor !== cursor) stage.canvas.style.cursor = cursor;
  }

  /** The session's mode has changed. */
  modeChanged() {
    if (this.gesture?.kind === "draw" && !this.session.boxing) this.cancel();
    this.#cursor();
  }
}

/** @param {readonly [number, number]} a @param {readonly [number, number]} b @returns {Box} */
function boxBetween(a, b) {
  return [a[0], a[1], b[0] - a[0], b[1] - a[1]];
}
