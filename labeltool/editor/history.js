/** Undo and redo: one stack of edits an image, over every action. */

import { inverse } from "./edits.js";

/** @import {Edit} from "./types.js" */

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
    const others = (/** @type {Edit} */ edit) => !edit.changes.some((change) => change.person === person);
    this.#done = this.#done.filter(others);
    this.#undone = this.#undone.filter(others);
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
