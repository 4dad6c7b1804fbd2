/**
 * The labelling session: which image is open, what is selected, what was edited, and what the server has taken of it. It knows
 * neither canvas nor panel; they listen to it and call its methods. Its layers: `syncing` (labels and saves), `browsing`
 * (queue, images, selection), `pointing` (what the labeller has in hand), and here the edits that keys and buttons make.
 */

import { messageOf, firstPerson } from "./browsing.js";
import { acceptPeople, isLocked, jointOf, personOf, say, setFlag, skipImage, statusChange, submitImage, swapSides } from "./edits.js";
import { copyPeople, fitBox, prefill, setDeleted } from "./people.js";
import { Pointing } from "./pointing.js";
import { newEditId, resolution } from "./saves.js";
import { nextAfter, unsureJoints } from "./unsure.js";

/** @import {Edit, Flag, ImageDoc, JointRef, Person, Status} from "./types.js" */
/** @import {Selection, Topic, Notice} from "./syncing.js" */
/** @import {Preview} from "./pointing.js" */

/** @typedef {Selection} Selection @typedef {Topic} Topic @typedef {Notice} Notice @typedef {Preview} Preview */

/** Milliseconds that a model waits for a new person to be saved. */
const NAMED_WITHIN = 5000;

export class Session extends Pointing {
  /** @type {string | null} the model that pre-fills; null for the server's default */
  model = null;
  /** Is a model at work on a person? */
  predicting = false;

  // --- undo -------------------------------------------------------------------------------------------------------------

  undo() {
    this.commitPreview();
    this.#replay(this.history.undo(), "Undone");
  }

  redo() {
    this.commitPreview();
    this.#replay(this.history.redo(), "Redone");
  }

  /** @param {Edit | null} edit @param {string} word */
  #replay(edit, word) {
    if (!edit || !this.doc) return this.say(word === "Undone" ? "Nothing to undo." : "Nothing to redo.");
    this.labels.replay(this.doc.image.id, edit);
    this.#leaveLocked();
    this.say(`${word}: ${edit.label}`);
  }

  /** A person that went (its creation taken back, say) does not stay selected. */
  #leaveLocked() {
    if (this.person && isLocked(this.person)) this.choose(firstPerson(this.doc), null);
  }

  // --- joints -----------------------------------------------------------------------------------------------------------

  /**
   * Sets the flag of the joint under the pointer, or of the selected one; a prediction that has this flag is accepted by it.
   * A joint without a place is placed by the next click, or passed over by 0 while placing.
   * @param {Flag} v @param {JointRef | null} [ref]
   */
  flag(v, ref = this.target) {
    if (!this.doc || !ref) return this.say("Point at a joint or select one first.");
    this.select(ref.person, ref.joint);
    const person = personOf(this.doc, ref.person);
    if (isLocked(person)) return this.say("This person is locked.");
    if (jointOf(person, ref.joint).v === 0) return v === 0 ? this.passOver() : this.setPlacing(v);
    return this.apply(setFlag(this.doc, ref.person, ref.joint, v));
  }

  /** @param {boolean} all */
  swap(all) {
    const { person, joint } = this.selection;
    if (!this.doc || person === null) return;
    if (!all && joint === null) return this.say("Select a joint first.");
    return this.apply(swapSides(this.doc, person, this.skeleton, all ? null : joint));
  }

  removeJoint() {
    const ref = this.target;
    if (this.doc && ref) this.flag(0, ref);
  }

  /** Selects the next joint of the image that a model was unsure of, going round at the end. */
  goUnsure() {
    this.commitPreview();
    if (!this.doc) return;
    const next = nextAfter(unsureJoints(this.doc, this.skeleton), this.doc, this.skeleton, this.selection);
    if (!next) return this.say("No joint of this image is unsure.");
    this.choose(next.person, next.joint);
    this.setAside();
  }

  // --- people -----------------------------------------------------------------------------------------------------------

  /** @param {number | null} [id] @param {boolean} [deleted] */
  removePerson(id = this.selection.person, deleted = true) {
    if (!this.doc || id === null) return;
    this.apply(setDeleted(this.doc, id, deleted));
    if (deleted) this.choose(firstPerson(this.doc), null);
    else this.choose(id, null);
  }

  /** Accepts the person's predicted joints; the unsure ones among them have to be looked at first. */
  acceptPerson() {
    this.commitPreview();
    const { doc, person } = this;
    if (!doc || !person) return;
    const edit = acceptPeople(doc, [person.id]);
    if (!edit) return this.say("Nothing to accept: no joint of this person is a prediction.");
    if (!this.#lookAtUnsure("A accepts", person.id)) this.apply(edit);
  }

  /** Lays the selected person's box around the labelled joints. */
  fitBox() {
    const { doc, person } = this;
    if (!doc || !person) return this.say("Select a person first.");
    if (isLocked(person)) return this.say("This person is locked.");
    if (!Object.values(person.joints).some((joint) => joint.v > 0)) return this.say("No joint of this person is labelled.");
    this.apply(fitBox(doc, person.id));
  }

  /**
   * Asks the model for the selected person's joints; they arrive as predictions.
   * @param {boolean} [all] also instead of joints that are a human's word
   */
  async prefillPerson(all = false) {
    const { doc, person } = this;
    if (!doc || !person || isLocked(person)) return this.say("Select a person first.");
    if (person.blind) return this.say("This person is labelled blind: without a model's help.");
    if (!person.box) return this.say("This person has no box. Shift+B lays one around the joints.");
    if (this.predicting) return;
    this.#setPredicting(true);
    try {
      const id = await this.#savedId(person.id);
      if (id === null) return this.say("Not pre-filled: the new person is not saved yet, and its number decides whether it is labelled blind.", "warning");
      const body = { person: id, box: person.box, model: this.model };
      const answer = await this.api.predict(doc.image.id, body);
      this.whenFree(() => this.#prefilled(doc.image.id, this.idOf(person.id), answer, all));
    } catch (error) {
      this.say(`Not pre-filled: ${messageOf(error)}`, "error");
    } finally {
      this.#setPredicting(false);
    }
  }

  /**
   * The id that the server gave to a person, waited for a little while; null when it has given none.
   * @param {number} id
   */
  #savedId(id) {
    if (this.idOf(id) > 0) return Promise.resolve(this.idOf(id));
    return new Promise((/** @type {(id: number | null) => void} */ found) => {
      const end = (/** @type {number | null} */ known) => {
        clearTimeout(timer);
        stop();
        found(known);
      };
      const timer = setTimeout(() => end(null), NAMED_WITHIN);
      const stop = this.listen(() => {
        if (this.idOf(id) > 0) end(this.idOf(id));
      });
    });
  }

  /** @param {boolean} on */
  #setPredicting(on) {
    this.predicting = on;
    this.emit("mode");
  }

  /** @param {number} imageId @param {number} id @param {import("./api.js").PredictAnswer} answer @param {boolean} all */
  #prefilled(imageId, id, { joints, model }, all) {
    const doc = this.labels.get(imageId);
    if (!doc?.people.some((p) => p.id === id)) return;
    const edit = prefill(doc, id, this.skeleton, joints, all);
    if (edit) this.labels.apply(imageId, edit);
    if (imageId === this.imageId) this.say(edit ? `Pre-filled by ${model}.` : `${model} has nothing to add: every joint is labelled already.`);
  }

  /** Brings the people of the image before this one in the queue into this one. */
  async copyPrevious() {
    this.commitPreview();
    const { doc } = this;
    if (!doc || this.imageId === null) return;
    const previous = this.queue.neighbour(this.imageId, -1, this.filter);
    if (previous === null) return this.say("There is no image before this one.");
    /** @type {ImageDoc} */
    let from;
    try {
      from = this.labels.get(previous) ?? (await this.docs.fetch(previous));
    } catch (error) {
      return this.say(`Not copied: ${messageOf(error)}`, "error");
    }
    this.whenFree(() => this.#copied(doc.image.id, from));
  }

  /** @param {number} imageId @param {ImageDoc} from */
  #copied(imageId, from) {
    const doc = this.labels.get(imageId);
    const edit = doc && copyPeople(doc, from, this.skeleton);
    if (!edit) return this.say("The image before this one has nobody to copy.");
    this.labels.apply(imageId, edit);
    if (imageId !== this.imageId) return;
    this.choose(edit.created?.[0]?.id ?? null, null);
    this.say("Copied as guesses. Move what is wrong; A accepts a person as it stands.");
  }

  // --- the image ----------------------------------------------------------------------------------------------------------

  /**
   * Hands the image in (what is still predicted becomes accepted, status done) and opens the next unfinished one. Joints that
   * the model was unsure of come first: as long as one was not looked at, it is selected instead.
   */
  submit() {
    this.commitPreview();
    if (!this.doc || this.#lookAtUnsure("Submitting goes on")) return;
    this.apply(submitImage(this.doc, "done"));
    this.#goOn("Submitted.");
  }

  /** @param {string} reason why this image is left out */
  skip(reason) {
    this.commitPreview();
    const why = reason.trim();
    if (!this.doc || !why) return;
    this.apply(skipImage(this.doc, why));
    this.#goOn("Skipped.");
  }

  /** @param {string} done */
  #goOn(done) {
    const next = this.imageId === null ? null : this.queue.unfinished(this.imageId, 1, this.filter);
    if (next === null) this.say(`${done} No other image is unfinished.`);
    else void this.open(next);
  }

  /**
   * Selects the next unsure joint that nobody has looked at; false when there is none.
   * @param {string} then what the key does once all were looked at @param {number | null} [only] of this person alone
   */
  #lookAtUnsure(then, only = null) {
    const { doc } = this;
    if (!doc) return false;
    const left = unsureJoints(doc, this.skeleton).filter((ref) => (only === null || ref.person === only) && !this.seen.has(doc, ref));
    const next = nextAfter(left, doc, this.skeleton, this.selection);
    if (!next) return false;
    const known = (/** @type {JointRef} */ { person, joint }) => jointOf(personOf(doc, person), joint).confidence != null;
    // A copied person is looked at as a whole.
    const looks = new Set(left.map((ref) => (known(ref) ? `${ref.person} ${ref.joint}` : `${ref.person}`))).size;
    const rest = looks === 1 ? `${then} after this one.` : `${then} after this one and ${looks - 1} more.`;
    this.choose(next.person, known(next) ? next.joint : null);
    this.setAside();
    this.say(`${known(next) ? `Look at the ${say(next.joint)}: the model is unsure` : "Look at this person: it is a copy that nobody has looked at"}. ${rest}`, "warning");
    return true;
  }

  /** @param {Status} status */
  setStatus(status) {
    if (!this.doc || this.doc.image.status === status) return;
    this.apply({ action: "status", label: `status ${say(status)}`, changes: [], status: statusChange(this.doc.image, status) });
  }

  /** Sends what is in hand and what waits, now. */
  saveNow() {
    this.commitPreview();
    this.outbox.retry();
    if (!this.outbox.waiting.length) this.say("Everything is saved.");
  }

  // --- conflicts --------------------------------------------------------------------------------------------------------

  /** The people in conflict: what the labeller wants, what the server has, and what both started from. */
  get conflicts() {
    return [...this.outbox.conflicts.values()].flatMap((theirs) => {
      const versions = this.outbox.conflict(theirs.id);
      return versions ? [{ ...versions, image: this.labels.get(theirs.image_id)?.image ?? null }] : [];
    });
  }

  /** @param {number} id a person in conflict: every change of the labeller's is saved on top of the server's version */
  keepMine(id) {
    const mine = this.outbox.conflict(id)?.mine;
    if (mine) this.settleConflict(id, mine, "keep_mine");
  }

  /** @param {number} id a person in conflict: the labeller's unsaved changes are dropped */
  takeTheirs(id) {
    const theirs = this.outbox.conflict(id)?.theirs;
    if (theirs) this.settleConflict(id, theirs, "take_theirs");
  }

  /**
   * Ends a conflict with the version that the labeller wants.
   * @param {number} id @param {Person} wanted @param {string} action what it was that the labeller chose
   */
  settleConflict(id, wanted, action) {
    const found = this.outbox.conflict(id);
    if (!found) return;
    const { theirs } = found;
    const save = resolution(theirs, wanted, { editId: newEditId(), action, activeSeconds: this.activity.take(id) });
    if (action !== "keep_mine") this.labels.historyOf(theirs.image_id).forget(id);
    this.outbox.resolve(id, save);
    this.labels.put({ ...wanted, revision: theirs.revision });
  }

  /** The labeller has seen what was put together of two labellers' edits. */
  dismissMerges() {
    this.merges = [];
    this.emit("outbox");
  }
}
