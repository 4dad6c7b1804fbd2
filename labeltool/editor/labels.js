/**
 * The labels of images as the labeller sees them: what the server sent, with every edit that it has not taken yet on top. One
 * undo stack an image. Edits go out through the outbox; what comes back is merged here and overwrites no unsaved edit.
 */

import { applyEdit, jointOf, newPeople, sameJoint, surenessOf } from "./edits.js";
import { History } from "./history.js";
import { newEditId, withSaves } from "./saves.js";

/** @import {Outbox} from "./outbox.js" */
/** @import {Save} from "./saves.js" */
/** @import {Edit, ImageDoc, Person, Status} from "./types.js" */

/** Images whose labels are kept, besides those with unsaved edits. */
const MAX_DOCS = 200;

export class Labels {
  /** @type {Map<number, ImageDoc>} */
  #docs = new Map();
  /** @type {Map<number, History>} */
  #histories = new Map();

  /**
   * @param {object} parts
   * @param {Outbox} parts.outbox
   * @param {(person: number) => number} parts.activeSeconds the time worked on a person since it was last asked for
   * @param {(imageId: number) => void} parts.onDoc the labels of an image are others now
   * @param {(imageId: number, status: Status) => void} parts.onStatus an image has this status
   */
  constructor({ outbox, activeSeconds, onDoc, onStatus }) {
    this.outbox = outbox;
    this.activeSeconds = activeSeconds;
    this.onDoc = onDoc;
    this.onStatus = onStatus;
  }

  /** @param {number} imageId */
  get(imageId) {
    return this.#docs.get(imageId) ?? null;
  }

  /** @param {number} imageId */
  has(imageId) {
    return this.#docs.has(imageId);
  }

  /** @param {number} imageId */
  historyOf(imageId) {
    let history = this.#histories.get(imageId);
    if (!history) this.#histories.set(imageId, (history = new History()));
    return history;
  }

  // --- what the labeller does -------------------------------------------------------------------------------------------

  /**
   * Makes an edit: it shows at once, can be undone, and is on its way to the server.
   * @param {number} imageId @param {Edit} edit
   */
  apply(imageId, edit) {
    this.historyOf(imageId).push(edit);
    this.replay(imageId, edit);
  }

  /**
   * Shows and sends an edit that the undo stack knows already.
   * @param {number} imageId @param {Edit} edit
   */
  replay(imageId, edit) {
    const before = this.#docs.get(imageId);
    if (!before) throw new Error(`image ${imageId}: its labels are not here`);
    this.#docs.set(imageId, applyEdit(before, edit));
    if (edit.status) this.setStatus(imageId, edit.status.after);
    this.onDoc(imageId);
    this.#send(before, edit);
  }

  /**
   * Notes the status of an image, with the reason it already has.
   * @param {number} imageId @param {Status} status
   */
  setStatus(imageId, status) {
    const doc = this.#docs.get(imageId);
    if (doc && doc.image.status !== status) this.#docs.set(imageId, { ...doc, image: { ...doc.image, status } });
    this.onStatus(imageId, status);
  }

  /** @param {ImageDoc} before @param {Edit} edit */
  #send(before, edit) {
    const imageId = before.image.id;
    const fresh = newPeople(before, edit);
    for (const { id: person, box, joints } of fresh) {
      if (!box) throw new Error(`person ${person}: new, and without a box`);
      const activeSeconds = this.activeSeconds(person);
      this.outbox.add({ kind: "create", editId: newEditId(), imageId, person, box, joints, action: edit.action, activeSeconds });
    }
    for (const { person, before: was, after: patch } of edit.changes) {
      if (fresh.some((p) => p.id === person)) continue;
      const activeSeconds = this.activeSeconds(person);
      this.outbox.add({ kind: "person", editId: newEditId(), imageId, person, patch, before: was, action: edit.action, activeSeconds });
    }
    if (!edit.status) return;
    const { after: status, reason } = edit.status;
    this.outbox.add({ kind: "status", editId: newEditId(), imageId, status, ...(reason?.after && { reason: reason.after }) });
  }

  // --- what the server says ---------------------------------------------------------------------------------------------

  /**
   * Takes an image as the server has it; people with unsaved edits stay as the labeller sees them.
   * @param {ImageDoc} doc
   */
  receive(doc) {
    const id = doc.image.id;
    const known = this.#docs.get(id);
    const people = doc.people.map((person) => this.#merged(person, known?.people.find((p) => p.id === person.id)));
    // Nobody leaves an image, deleted people included: who is missing here was made since the server looked.
    const made = known?.people.filter((person) => !people.some((p) => p.id === person.id)) ?? [];
    const status = this.outbox.waiting.findLast((save) => save.kind === "status" && save.imageId === id);
    const unsaved = status?.kind === "status" ? { status: status.status, reason: status.reason ?? null } : {};
    this.#docs.delete(id);
    const merged = { image: { ...doc.image, ...unsaved }, people: [...people, ...made] };
    // Edits that an earlier page of this browser made and could not save go on top.
    this.#docs.set(id, known ? merged : withSaves(merged, this.outbox.waiting));
    this.setStatus(id, this.#docs.get(id)?.image.status ?? doc.image.status);
    this.onDoc(id);
  }

  /**
   * Lays saves that an earlier page of this browser left behind on the labels that are here already.
   * @param {readonly Save[]} saves
   */
  take(saves) {
    for (const id of new Set(saves.map((save) => save.imageId))) {
      const doc = this.#docs.get(id);
      if (!doc) continue;
      this.#docs.set(id, withSaves(doc, saves));
      this.onDoc(id);
    }
  }

  /**
   * Shows a person as it is given, whatever of it was shown before.
   * @param {Person} person
   */
  put(person) {
    const doc = this.#docs.get(person.image_id);
    if (!doc) return;
    this.#docs.set(person.image_id, { ...doc, people: doc.people.map((p) => (p.id === person.id ? person : p)) });
    this.onDoc(person.image_id);
  }

  /**
   * Gives a new person the id that the server has given it.
   * @param {number} imageId @param {number} from the temporary id @param {number} to
   */
  rename(imageId, from, to) {
    this.historyOf(imageId).rename(from, to);
    const doc = this.#docs.get(imageId);
    if (!doc) return;
    // Fetched in between, the person may be there under both ids already.
    const people = doc.people.filter((p) => p.id !== to).map((p) => (p.id === from ? { ...p, id: to } : p));
    this.#docs.set(imageId, { ...doc, people });
    this.onDoc(imageId);
  }

  /**
   * Forgets a person whom the server has refused to make.
   * @param {number} imageId @param {number} id
   */
  drop(imageId, id) {
    this.historyOf(imageId).forget(id);
    const doc = this.#docs.get(imageId);
    if (!doc) return;
    this.#docs.set(imageId, { ...doc, people: doc.people.filter((p) => p.id !== id) });
    this.onDoc(imageId);
  }

  /**
   * Forgets the labels of the images opened longest ago, but for one, and for those that hold something unsaved.
   * @param {number | null} keep
   */
  forgetOld(keep) {
    for (const id of [...this.#docs.keys()]) {
      if (this.#docs.size <= MAX_DOCS) return;
      const inConflict = [...this.outbox.conflicts.values()].some((person) => person.image_id === id);
      if (id !== keep && !inConflict && !this.outbox.holdsImage(id)) this.#docs.delete(id);
    }
  }

  // --- inside -----------------------------------------------------------------------------------------------------------

  /** A person as the server has it and as it is here, made one. @param {Person} person @param {Person | undefined} mine */
  #merged(person, mine) {
    if (mine && (this.outbox.holds(person.id) || mine.revision > person.revision)) return mine;
    if (mine && !sameLabels(mine, person)) this.historyOf(person.image_id).forget(person.id);
    this.outbox.loaded(person);
    return mine ? keepConfidences(person, mine) : person;
  }
}

/**
 * The server's version with the confidences of predictions that only this page knows.
 * @param {Person} person @param {Person} mine @returns {Person}
 */
function keepConfidences(person, mine) {
  const lost = Object.entries(person.joints).filter(([name, joint]) => {
    const before = mine.joints[name];
    return joint.source === "predicted" && joint.confidence == null && before?.confidence != null && sameJoint(joint, before);
  });
  if (!lost.length) return person;
  const kept = lost.map(([name, joint]) => [name, { ...joint, ...surenessOf(mine.joints[name]) }]);
  return { ...person, joints: { ...person.joints, ...Object.fromEntries(kept) } };
}

/** @param {Person} a @param {Person} b */
function sameLabels(a, b) {
  return a.deleted === b.deleted && String(a.box) === String(b.box) && Object.keys(b.joints).every((name) => sameJoint(jointOf(a, name), jointOf(b, name)));
}
