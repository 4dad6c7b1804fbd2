/** Undo and redo: one stack of edits an image, over every action. */

import { inverse } from "./edits.js";

/** @import {Change, Edit} from "./types.js" */

export class History {
  /** @type {Edit[]} */
  #done = [];
  /** @type {Edit[]} */
  #undone = [];

  /** The edit that `undo` would take back. */
  get undoable() {
    return this.#done.at(-1) ?? null;
  }

  /** The edit that `redo` would bring back. */
  get redoable() {
    return this.#undone.at(-1) ?? null;
  }

  /**
   * Remembers an edit that was made; what had been undone can no longer be redone.
   * @param {Edit} edit
   */
  push(edit) {
    this.#done.push(edit);
    this.#undone = [];
  }

  /**
   * The edit to apply in order to take the last one back; null when there is none.
   * @returns {Edit | null}
   */
  undo() {
    const edit = this.#done.pop();
    if (!edit) return null;
    this.#undone.push(edit);
    return { ...inverse(edit), action: "undo" };
  }

  /**
   * The edit to apply in order to bring back what was undone last; null when there is none.
   * @returns {Edit | null}
   */
  redo() {
    const edit = this.#undone.pop();
    if (!edit) return null;
    this.#done.push(edit);
    return { ...edit, action: "redo" };
  }

  /**
   * Forgets every edit of a person whose state no longer follows from them (another labeller's version was taken).
   * @param {number} person
   */
  forget(person) {
    this.#drop((change) => change.person === person);
  }

  /**
   * Forgets every edit that changed one of these fields of a person: another labeller has changed them since, and to undo or
   * redo would overwrite that in silence.
   * @param {number} person @param {readonly string[]} fields names of joints, "box"
   */
  forgetFields(person, fields) {
    const touches = (/** @type {Change} */ { after }) => fields.some((name) => (name === "box" ? after.box !== undefined : after.joints?.[name] !== undefined));
    this.#drop((change) => change.person === person && touches(change));
  }

  /** @param {(change: Change) => boolean} gone */
  #drop(gone) {
    const stays = (/** @type {Edit} */ edit) => !edit.changes.some(gone);
    this.#done = this.#done.filter(stays);
    this.#undone = this.#undone.filter(stays);
  }

  /**
   * Gives a person another id in every edit: the server has named a new one.
   * @param {number} from @param {number} to
   */
  rename(from, to) {
    const renamed = (/** @type {Edit} */ edit) => renamedIn(edit, from, to);
    this.#done = this.#done.map(renamed);
    this.#undone = this.#undone.map(renamed);
  }
}

/** @param {Edit} edit @param {number} from @param {number} to @returns {Edit} */
function renamedIn(edit, from, to) {
  if (!edit.changes.some((change) => change.person === from)) return edit;
  const changes = edit.changes.map((change) => (change.person === from ? { ...change, person: to } : change));
  const created = edit.created?.map((person) => (person.id === from ? { ...person, id: to } : person));
  return { ...edit, changes, ...(created && { created }) };
}
