/**
 * The outbox: saves wait here, are sent one at a time in the order they were made, and leave only when the server has
 * answered. While they wait they are also kept in the browser's own storage, so that a closed or killed page loses none; the
 * next page sends them, with the same edit ids, which the server takes once.
 */

import { canMerge, changedByThem, isOf, startingFrom, threeWay } from "./saves.js";

/** @import {Person} from "./types.js" */
/** @import {CreateSave, PersonSave, Save, StatusSave, ThreeWay} from "./saves.js" */
/** @import {SaveStore} from "./store.js" */

export { newEditId, newPersonId } from "./saves.js";

/**
 * @typedef {{kind: "saved", person: Person | null}} Saved
 * @typedef {{kind: "stale", current: Person, offered?: Person | null}} Stale another labeller saved this person first
 * @typedef {{kind: "refused", message: string}} Refused the server will never take this
 * @typedef {{kind: "unreachable", message: string, signedOut?: boolean}} Unreachable try again later
 * @typedef {Saved | Stale | Refused | Unreachable} Answer
 * @typedef {{kind: "merged", versions: ThreeWay, theirs: readonly string[]}} Merged
 *   Another labeller changed other fields of this person: both sets of changes stand. `theirs` names what they changed.
 *
 * @typedef {(save: Save, base: number) => Promise<Answer>} Send
 * @typedef {Readonly<{
 *   state: "idle" | "saving" | "offline" | "conflict" | "signed-out", waiting: number, savedAt: number | null, message: string | null,
 *   kept: boolean, storage: boolean,
 * }>} OutboxState
 *   `kept`: everything that waits is also in the browser's storage, so that the page may go. `storage`: the browser lets it.
 */

/** @typedef {CreateSave} CreateSave @typedef {PersonSave} PersonSave @typedef {StatusSave} StatusSave @typedef {Save} Save */

/** Waits between tries, in milliseconds. */
const BACKOFF = [500, 1000, 2000, 4000, 8000, 10000];

export class Outbox {
  /** @type {Save[]} */
  #waiting = [];
  /** @type {Save | null} the save that is under way */
  #inFlight = null;
  /** @type {Map<number, number>} the revision of each person that the server told of last */
  #revisions = new Map();
  /** @type {Map<number, ThreeWay>} the versions of each person in conflict */
  #conflicts = new Map();
  /** @type {Set<string>} edit ids of waiting saves that the store does not hold yet */
  #unkept = new Set();
  #storage = false;
  #order = 0;
  #failures = 0;
  /** @type {number | null} */
  #savedAt = null;
  /** @type {Unreachable | null} */
  #trouble = null;
  /** @type {unknown} */
  #timer = null;

  /**
   * @param {object} parts
   * @param {Send} parts.send
   * @param {(save: Save, answer: Saved | Stale | Refused | Merged) => void} parts.onAnswer
   * @param {() => void} parts.onChange
   * @param {(saves: readonly Save[]) => void} [parts.onTaken] saves that an earlier page left behind now wait here
   * @param {SaveStore | null} [parts.store] where waiting saves are kept; without one they live as long as the page
   * @param {() => number} [parts.now]
   * @param {(run: () => void, ms: number) => unknown} [parts.later]
   * @param {(timer: any) => void} [parts.cancel]
   */
  constructor({ send, onAnswer, onChange, onTaken = () => {}, store = null, now = Date.now, later = setTimeout, cancel = clearTimeout }) {
    this.send = send;
    this.onAnswer = onAnswer;
    this.onChange = onChange;
    this.onTaken = onTaken;
    this.store = store;
    this.now = now;
    this.later = /** @type {(run: () => void, ms: number) => unknown} */ (later.bind(globalThis));
    this.cancel = cancel.bind(globalThis);
  }

  /** @returns {OutboxState} */
  get state() {
    const waiting = this.#waiting.length;
    const kept = this.#unkept.size === 0;
    const common = { waiting, savedAt: this.#savedAt, message: this.#trouble?.message ?? null, kept, storage: this.#storage };
    if (this.#trouble) return { ...common, state: this.#trouble.signedOut ? "signed-out" : "offline" };
    if (this.#conflicts.size) return { ...common, state: "conflict" };
    return { ...common, state: waiting ? "saving" : "idle" };
  }

  /** The people in conflict with the server's version of each. */
  get conflicts() {
    return /** @type {ReadonlyMap<number, Person>} */ (new Map([...this.#conflicts].map(([id, { theirs }]) => [id, theirs])));
  }

  /** Every save that the server has not answered yet, oldest first. */
  get waiting() {
    return /** @type {readonly Save[]} */ (this.#waiting);
  }

  /**
   * The three versions of a person in conflict, every waiting edit of this labeller in "mine".
   * @param {number} person @returns {ThreeWay | null}
   */
  conflict(person) {
    const found = this.#conflicts.get(person);
    return found ? { ...found, mine: threeWay(this.#savesOf(person), found.theirs, null).mine } : null;
  }

  /**
   * Are there saves of this person that the server has not answered?
   * @param {number} person
   */
  holds(person) {
    return this.#conflicts.has(person) || this.#waiting.some((save) => isOf(save, person));
  }

  /**
   * Are there saves of this image, or of people in it, that the server has not answered?
   * @param {number} imageId
   */
  holdsImage(imageId) {
    return this.#waiting.some((save) => save.imageId === imageId);
  }

  /**
   * Notes the revision at which a person was loaded; the saves under way know better while there are any.
   * @param {Person} person
   */
  loaded(person) {
    if (!this.holds(person.id)) this.#revisions.set(person.id, person.revision);
  }

  /**
   * Begins to keep what waits in the browser's storage, and takes over what earlier pages left there.
   * @param {string} scope whose saves: the project and the labeller
   */
  async open(scope) {
    if (!this.store) return;
    try {
      await this.store.open(scope, (saves) => this.#take(saves));
      this.#storage = true;
    } catch {
      this.store = null; // A private window, say: they wait in this page alone, and the page says so.
    }
    if (this.#waiting.length) await this.#keep([], this.#waiting);
    this.onChange();
  }

  /** @param {Save} save */
  add(save) {
    this.#order = Math.max(this.#order + 1, this.now());
    const placed = { ...save, base: this.#nextBase(save), order: this.#order };
    this.#waiting.push(placed);
    void this.#keep([], [placed]);
    this.onChange();
    void this.#pump();
  }

  /** Tries again now instead of when the wait is over. */
  retry() {
    if (this.#timer !== null) this.cancel(this.#timer);
    this.#timer = null;
    void this.#pump();
  }

  /**
   * Ends a conflict: one save on top of the server's version takes the place of all that waits for that person.
   * @param {number} person @param {PersonSave | null} save null when the server's version shall stand as it is
   */
  resolve(person, save) {
    const conflict = this.#conflicts.get(person);
    if (!conflict) throw new Error(`person ${person}: not in conflict`);
    const dropped = this.#savesOf(person);
    const at = this.#waiting.findIndex((s) => isOf(s, person));
    const activeSeconds = dropped.reduce((sum, s) => sum + (s.kind === "status" ? 0 : s.activeSeconds), save?.activeSeconds ?? 0);
    const put = save ? [{ ...save, activeSeconds, base: conflict.theirs.revision, order: dropped[0]?.order ?? this.now() }] : [];
    this.#conflicts.delete(person);
    this.#revisions.set(person, conflict.theirs.revision);
    const others = this.#waiting.filter((s) => !isOf(s, person));
    this.#waiting = [...others.slice(0, at), ...put, ...others.slice(at)];
    void this.#keep(dropped.map((s) => s.editId), put);
    this.onChange();
    void this.#pump();
  }

  /** @param {number} person @param {PersonSave | null} save null when the two do not differ after all */
  keepMine(person, save) {
    this.resolve(person, save);
  }

  /** @param {number} person the labeller's unsaved changes are dropped */
  takeTheirs(person) {
    this.resolve(person, null);
  }

  // --- inside -----------------------------------------------------------------------------------------------------------

  /** @param {number} person */
  #savesOf(person) {
    return this.#waiting.filter((save) => isOf(save, person));
  }

  /**
   * The revision that a new save starts from: the one that the waiting save before it will make.
   * @param {Save} save
   */
  #nextBase(save) {
    if (save.kind !== "person") return 0;
    const last = this.#savesOf(save.person).at(-1);
    return last ? (last.base ?? 0) + 1 : (this.#revisions.get(save.person) ?? 0);
  }

  /**
   * Brings the browser's storage up to date. When that fails, the saves are tried again with the next ones.
   * @param {readonly string[]} remove @param {readonly Save[]} put
   */
  async #keep(remove, put) {
    for (const editId of remove) this.#unkept.delete(editId);
    for (const save of put) this.#unkept.add(save.editId);
    if (!this.store) return;
    const now = this.#storage || !put.length ? put : this.#waiting.filter((save) => this.#unkept.has(save.editId));
    try {
      await this.store.write(remove, now);
      for (const save of now) this.#unkept.delete(save.editId);
      this.#storage = true;
    } catch {
      this.#storage = false;
    }
    this.onChange();
  }

  /** @param {readonly Save[]} saves which an earlier page left behind, in order */
  #take(saves) {
    const fresh = saves.filter((save) => !this.#waiting.some((known) => known.editId === save.editId));
    if (!fresh.length) return;
    this.#waiting = [...this.#waiting, ...fresh];
    this.onTaken(fresh);
    this.onChange();
    void this.#pump();
  }

  /** Must the labeller choose first? An image is not handed in while the labels of one of its people are open. @param {Save} save */
  #waitsForChoice(save) {
    if (save.kind !== "status") return this.#conflicts.has(save.person);
    return [...this.#conflicts.values()].some(({ theirs }) => theirs.image_id === save.imageId);
  }

  async #pump() {
    if (this.#inFlight || this.#timer !== null) return;
    const save = this.#waiting.find((s) => !this.#waitsForChoice(s));
    if (!save) return;
    this.#inFlight = save;
    /** @type {Answer} */
    let answer;
    try {
      answer = await this.send(save, save.base ?? 0);
    } catch (error) {
      answer = { kind: "unreachable", message: String(error) };
    }
    this.#inFlight = null;
    if (answer.kind === "unreachable") {
      this.#trouble = answer;
      const wait = BACKOFF[Math.min(this.#failures++, BACKOFF.length - 1)] ?? 10000;
      this.#timer = this.later(() => this.retry(), wait);
    } else {
      this.#trouble = null;
      this.#failures = 0;
      this.onAnswer(save, this.#settle(save, answer));
    }
    this.onChange();
    void this.#pump();
  }

  /**
   * Draws the conclusions of an answer for what waits.
   * @param {Save} save @param {Saved | Stale | Refused} answer
   * @returns {Saved | Stale | Refused | Merged} what to tell of it
   */
  #settle(save, answer) {
    if (answer.kind === "stale") return this.#meet(answer);
    const rest = this.#waiting.filter((s) => s !== save);
    if (answer.kind === "saved") {
      this.#savedAt = this.now();
      if (answer.person) this.#revisions.set(answer.person.id, answer.person.revision);
      const renamed = save.kind === "create" && answer.person ? rename(rest, save.person, answer.person) : [];
      this.#replace(rest, [save.editId], renamed);
    } else if (save.kind === "create") {
      const orphans = rest.filter((s) => isOf(s, save.person)); // The person that they are of will never be.
      this.#replace(rest.filter((s) => !isOf(s, save.person)), [save, ...orphans].map((s) => s.editId), []);
    } else {
      const later = save.kind === "person" ? rest.filter((s) => isOf(s, save.person)) : [];
      this.#replace(rest, [save.editId], startingFrom(later, save.base ?? 0));
    }
    return answer;
  }

  /**
   * A save met another version of its person: both sets of changes are put together where they leave each other alone, else
   * this person's saves wait for the labeller to choose.
   * @param {Stale} answer @returns {Stale | Merged}
   */
  #meet(answer) {
    const { current, offered } = answer;
    const saves = this.#savesOf(current.id);
    const versions = threeWay(saves, current, offered ?? null);
    this.#revisions.set(current.id, current.revision);
    if (!canMerge(versions)) {
      this.#conflicts.set(current.id, versions);
      return answer;
    }
    this.#replace(this.#waiting, [], startingFrom(saves, current.revision));
    return { kind: "merged", versions, theirs: changedByThem(versions) };
  }

  /**
   * @param {readonly Save[]} waiting @param {readonly string[]} remove edit ids that are gone from it
   * @param {readonly Save[]} changed saves to put in the place of those with the same edit ids
   */
  #replace(waiting, remove, changed) {
    const by = new Map(changed.map((save) => [save.editId, save]));
    this.#waiting = waiting.map((save) => by.get(save.editId) ?? save);
    void this.#keep(remove, changed);
  }
}

/**
 * The saves of a new person under the id that the server gave.
 * @param {readonly Save[]} waiting @param {number} temporary @param {Person} person
 */
function rename(waiting, temporary, person) {
  const saves = waiting.filter((save) => isOf(save, temporary));
  return startingFrom(saves.map((save) => /** @type {Save} */ ({ ...save, person: person.id })), person.revision);
}
