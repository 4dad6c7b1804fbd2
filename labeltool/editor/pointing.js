/**
 * What the labeller has in hand: a joint being dragged or nudged, the joint that the next click places, the box that the next
 * drag draws. Nothing of it is an edit before it is let go; what the server sends meanwhile waits.
 */

import { Browsing } from "./browsing.js";
import { isLocked, jointOf, moveJoint, personOf, placeJoint } from "./edits.js";
import { clampToPhoto } from "./geometry.js";
import { addPerson, moveAll, setBox } from "./people.js";
import { newPersonId } from "./saves.js";

/** @import {Box, Edit, ImageDoc, JointRef} from "./types.js" */

/**
 * @typedef {Readonly<{person: number, joint: string, x: number, y: number, kind: "drag" | "nudge"}>} Preview
 *   A joint on its way: drawn there, saved when it arrives.
 */

/** Nudges that follow each other within so many milliseconds are one edit. */
const NUDGE_PAUSE = 600;

export class Pointing extends Browsing {
  /** @type {Preview | null} */
  preview = null;
  /** @type {0 | 1 | 2} the flag that a click places the selected joint with; 0 when not placing */
  placing = 0;
  /** Does the next drag on the stage draw the box of a new person? */
  boxing = false;

  /** Is a box or a whole person on its way? The stage draws that by itself, and says so by `hold`. */
  #held = false;
  /** @type {Map<number, ImageDoc>} what arrived while something was on its way */
  #deferred = new Map();
  /** @type {(() => void)[]} edits that did not come from the labeller's hand and wait for it to be free */
  #later = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #nudgeTimer;

  /** Is something following the pointer? */
  get dragging() {
    return this.preview?.kind === "drag" || this.#held;
  }

  /** The joint that a flag key means: the one under the pointer, or else the selected one. @returns {JointRef | null} */
  get target() {
    if (this.hover) return this.hover;
    const { person, joint } = this.selection;
    return person !== null && joint !== null ? { person, joint } : null;
  }

  // --- edits ------------------------------------------------------------------------------------------------------------

  /**
   * Makes an edit of the open image: it shows at once, can be undone, and is on its way to the server.
   * @param {Edit | null} edit
   */
  apply(edit) {
    this.commitPreview();
    this.#apply(edit);
  }

  /** @param {Edit | null} edit */
  #apply(edit) {
    if (edit && this.doc) this.labels.apply(this.doc.image.id, edit);
  }

  /** @param {number | null} person @param {string | null} joint @override */
  select(person, joint) {
    this.commitPreview();
    this.choose(person, joint);
  }

  // --- a joint on its way -------------------------------------------------------------------------------------------------

  /** @param {number} dx @param {number} dy whole pixels */
  nudge(dx, dy) {
    const { person, joint } = this.selection;
    if (!this.doc || person === null || joint === null) return;
    if (isLocked(personOf(this.doc, person))) return;
    const now = this.preview?.kind === "nudge" ? this.preview : jointOf(personOf(this.doc, person), joint);
    if ("v" in now && now.v === 0) return;
    const [x, y] = clampToPhoto(now.x + dx, now.y + dy, this.doc.image);
    this.preview = { person, joint, x, y, kind: "nudge" };
    clearTimeout(this.#nudgeTimer);
    this.#nudgeTimer = setTimeout(() => this.commitPreview(), NUDGE_PAUSE);
    this.emit("preview");
  }

  /** @param {JointRef} ref */
  beginDrag({ person, joint }) {
    const ref = { person: this.idOf(person), joint };
    if (!this.doc || isLocked(personOf(this.doc, ref.person))) return;
    this.select(ref.person, ref.joint);
    const { x, y } = jointOf(personOf(this.doc, ref.person), ref.joint);
    this.preview = { ...ref, x, y, kind: "drag" };
    this.emit("preview");
  }

  /** @param {number} x @param {number} y */
  dragTo(x, y) {
    if (!this.preview || !this.doc) return;
    const [px, py] = clampToPhoto(x, y, this.doc.image);
    this.preview = { ...this.preview, x: px, y: py };
    this.emit("preview");
  }

  /** Ends a drag or a series of nudges: the joint is where it is, as one edit. */
  commitPreview() {
    clearTimeout(this.#nudgeTimer);
    const preview = this.preview;
    if (!preview || !this.doc) return;
    this.preview = null;
    this.#apply(moveJoint(this.doc, preview.person, preview.joint, preview.x, preview.y));
    this.#takeDeferred();
    this.emit("preview");
  }

  /** Ends a drag or a series of nudges as if it had not been. */
  cancelPreview() {
    clearTimeout(this.#nudgeTimer);
    this.preview = null;
    this.#held = false;
    this.#takeDeferred();
    this.emit("preview");
  }

  // --- a box or a person on its way ---------------------------------------------------------------------------------------

  /**
   * Says that the stage is drawing or moving a box, or moving a whole person, or has stopped; `drawnBox`, `setBox` and
   * `moveAll` stop it by themselves. Meanwhile only Escape acts, and what the server sends waits.
   * @param {boolean} held
   */
  hold(held) {
    if (held) this.commitPreview();
    this.#held = held;
    if (!held) this.#takeDeferred();
  }

  /** @param {boolean} on should the next drag on the stage draw a new person's box? */
  setBoxing(on) {
    this.commitPreview();
    if (!this.doc) return;
    this.placing = 0;
    this.boxing = on;
    this.activity.about(on ? null : this.selection.person); // Drawing a box is work on the new person.
    this.emit("mode");
  }

  /**
   * Makes a new person in the box that was drawn, and selects it.
   * @param {Box} box xywh, edge coordinates; w and h may be negative
   */
  drawnBox(box) {
    this.hold(false);
    const { doc } = this;
    if (!doc || !this.boxing) return;
    const id = newPersonId();
    const edit = addPerson(doc, this.skeleton, id, box);
    if (!edit) return this.say("That box is too small. Drag from one corner of the person to the other.");
    this.boxing = false;
    this.apply(edit);
    this.choose(id, null);
    this.emit("mode");
    this.say("New person. M pre-fills the joints, P places them one by one.");
  }

  /**
   * Changes a person's box; the joints stay.
   * @param {number} person @param {Box} box xywh, edge coordinates
   */
  setBox(person, box) {
    this.hold(false);
    if (this.doc) this.apply(setBox(this.doc, this.idOf(person), box));
  }

  /**
   * Moves every joint of a person by the same way, as one edit; the box stays.
   * @param {number} person @param {number} dx @param {number} dy image pixels
   */
  moveAll(person, dx, dy) {
    this.hold(false);
    if (!this.doc) return;
    this.apply(moveAll(this.doc, this.idOf(person), dx, dy));
    this.seen.notePerson(this.doc, this.idOf(person)); // Whoever moves a person sees it.
  }

  // --- placing ------------------------------------------------------------------------------------------------------------

  /** @param {0 | 1 | 2} v the flag that placed joints get; 0 stops placing */
  setPlacing(v) {
    this.commitPreview();
    if (v !== 0 && (!this.person || isLocked(this.person))) return this.say("Select a person first.");
    if (v !== 0 && this.selection.joint === null) this.choose(this.selection.person, this.#unlabelled() ?? this.skeleton.joints[0] ?? null);
    this.boxing = false;
    this.placing = v;
    this.emit("mode");
  }

  /**
   * Places the selected joint; an unlabelled one takes the selection on to the next unlabelled one.
   * @param {number} x @param {number} y
   */
  place(x, y) {
    const { person, joint } = this.selection;
    if (!this.doc || this.placing === 0 || person === null || joint === null) return;
    const fresh = jointOf(personOf(this.doc, person), joint).v === 0;
    this.apply(placeJoint(this.doc, person, joint, x, y, this.placing));
    const next = fresh ? this.#unlabelled() : null;
    if (next !== null) this.choose(person, next);
    this.placing = next === null ? 0 : 2;
    this.emit("mode");
  }

  /** While placing: the selected joint stays unlabelled, and the next one in the skeleton's order is to be placed; after the last, none is. */
  passOver() {
    const { person, selection } = this;
    if (this.placing === 0 || !person) return;
    const at = selection.joint === null ? -1 : this.skeleton.joints.indexOf(selection.joint);
    const next = this.skeleton.joints.slice(at + 1).find((name) => jointOf(person, name).v === 0);
    if (next) this.choose(person.id, next);
    this.setPlacing(next ? 2 : 0);
  }

  /** The first joint of the selected person, from the selected one on, that is not labelled. */
  #unlabelled() {
    const person = this.person;
    const names = this.skeleton.joints;
    if (!person) return null;
    const from = Math.max(this.selection.joint === null ? 0 : names.indexOf(this.selection.joint), 0);
    return [...names.slice(from), ...names.slice(0, from)].find((name) => jointOf(person, name).v === 0) ?? null;
  }

  // --- what waits for the hand to be free -----------------------------------------------------------------------------------

  /** @override */
  settle() {
    this.commitPreview();
    this.preview = null;
    this.#held = false;
    this.placing = 0;
    this.boxing = false;
    this.#takeDeferred();
  }

  /**
   * Does something once nothing is on its way: at once, most of the time.
   * @param {() => void} work
   */
  whenFree(work) {
    if (this.preview || this.#held) this.#later.push(work);
    else work();
  }

  /** @param {ImageDoc} doc @override */
  received(doc) {
    if ((this.preview || this.#held) && doc.image.id === this.imageId) this.#deferred.set(doc.image.id, doc);
    else super.received(doc);
  }

  /** @param {number} from @param {number} to @override */
  renamed(from, to) {
    if (this.preview?.person === from) this.preview = { ...this.preview, person: to };
  }

  #takeDeferred() {
    if (this.preview || this.#held) return;
    const deferred = [...this.#deferred.values()];
    this.#deferred.clear();
    for (const doc of deferred) this.received(doc);
    for (const work of this.#later.splice(0)) work();
  }
}
