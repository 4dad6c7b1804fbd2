/**
 * The outbox: saves wait here, are sent one at a time in the order they were made, and leave only when the server has
 * answered. A save that meets a dead network is tried again with the same edit id, which the server takes once.
 */

/** @import {Patch, Person, Status} from "./types.js" */

/**
 * @typedef {{kind: "person", editId: string, imageId: number, person: number, patch: Patch, action: string, activeSeconds: number}} PersonSave
 * @typedef {{kind: "status", editId: string, imageId: number, status: Status}} StatusSave
 * @typedef {PersonSave | StatusSave} Save
 *
 * @typedef {{kind: "saved", person: Person | null}} Saved
 * @typedef {{kind: "stale", current: Person}} Stale another labeller saved this person first
 * @typedef {{kind: "refused", message: string}} Refused the server will never take this
 * @typedef {{kind: "unreachable", message: string, signedOut?: boolean}} Unreachable try again later
 * @typedef {Saved | Stale | Refused | Unreachable} Answer
 *
 * @typedef {(save: Save, base: number) => Promise<Answer>} Send
 * @typedef {Readonly<{
 *   state: "idle" | "saving" | "offline" | "conflict" | "signed-out", waiting: number, savedAt: number | null, message: string | null,
 * }>} OutboxState
 */

/** Waits between tries, in milliseconds. */
const BACKOFF = [500, 1000, 2000, 4000, 8000, 10000];

export class Outbox {
  /** @type {Save[]} */
  #waiting = [];
  /** @type {Save | null} the save that is under way */
  #inFlight = null;
  /** @type {Map<number, number>} the revision that the next save of a person starts from */
  #revisions = new Map();
  /** @type {Map<number, Person>} the server's version of each person in conflict */
  #conflicts = new Map();
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
   * @param {(save: Save, answer: Saved | Stale | Refused) => void} parts.onAnswer
   * @param {() => void} parts.onChange
   * @param {() => number} [parts.now]
   * @param {(run: () => void, ms: number) => unknown} [parts.later]
   * @param {(timer: any) => void} [parts.cancel]
   */
  constructor({ send, onAnswer, onChange, now = Date.now, later = setTimeout, cancel = clearTimeout }) {
    this.send = send;
    this.onAnswer = onAnswer;
    this.onChange = onChange;
    this.now = now;
    this.later = /** @type {(run: () => void, ms: number) => unknown} */ (later.bind(globalThis));
    this.cancel = cancel.bind(globalThis);
  }

  /** @returns {OutboxState} */
  get state() {
    const waiting = this.#waiting.length;
    const common = { waiting, savedAt: this.#savedAt, message: this.#trouble?.message ?? null };
    if (this.#trouble) return { ...common, state: this.#trouble.signedOut ? "signed-out" : "offline" };
    if (this.#conflicts.size) return { ...common, state: "conflict" };
    return { ...common, state: waiting ? "saving" : "idle" };
  }

  /** The people in conflict with the server's version of each. */
  get conflicts() {
    return /** @type {ReadonlyMap<number, Person>} */ (this.#conflicts);
  }

  /** Every save that the server has not answered yet, oldest first. */
  get waiting() {
    return /** @type {readonly Save[]} */ (this.#waiting);
  }

  /**
   * Are there saves of this person that the server has not answered?
   * @param {number} person
   */
  holds(person) {
    return this.#conflicts.has(person) || this.#waiting.some((save) => save.kind === "person" && save.person === person);
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

  /** @param {Save} save */
  add(save) {
    this.#waiting.push(save);
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
   * Ends a conflict by saving the labeller's version on top of the server's.
   * @param {number} person @param {PersonSave | null} save null when the two do not differ after all
   */
  keepMine(person, save) {
    this.#settle(person);
    if (save) this.#waiting.unshift(save);
    this.onChange();
    void this.#pump();
  }

  /**
   * Ends a conflict by dropping the labeller's unsaved changes of this person.
   * @param {number} person
   */
  takeTheirs(person) {
    this.#settle(person);
    this.onChange();
    void this.#pump();
  }

  /** @param {number} person */
  #settle(person) {
    const current = this.#conflicts.get(person);
    if (!current) throw new Error(`person ${person}: not in conflict`);
    this.#conflicts.delete(person);
    this.#revisions.set(person, current.revision);
    this.#waiting = this.#waiting.filter((save) => save.kind !== "person" || save.person !== person);
  }

  async #pump() {
    if (this.#inFlight || this.#timer !== null) return;
    const save = this.#waiting.find((s) => s.kind === "status" || !this.#conflicts.has(s.person));
    if (!save) return;
    this.#inFlight = save;
    /** @type {Answer} */
    let answer;
    try {
      answer = await this.send(save, save.kind === "person" ? (this.#revisions.get(save.person) ?? 0) : 0);
    } catch (error) {
      answer = { kind: "unreachable", message: String(error) };
    }
    this.#inFlight = null;
    if (answer.kind === "unreachable") {
      this.#trouble = answer;
      const wait = BACKOFF[Math.min(this.#failures++, BACKOFF.length - 1)] ?? 10000;
      this.#timer = this.later(() => this.retry(), wait);
      this.onChange();
      return;
    }
    this.#trouble = null;
    this.#failures = 0;
    if (answer.kind === "stale") {
      this.#conflicts.set(answer.current.id, answer.current);
    } else {
      this.#waiting = this.#waiting.filter((s) => s !== save);
      if (answer.kind === "saved") {
        this.#savedAt = this.now();
        if (answer.person) this.#revisions.set(answer.person.id, answer.person.revision);
      }
    }
    this.onAnswer(save, answer);
    this.onChange();
    void this.#pump();
  }
}

/** A name for an edit that no other edit has; works on pages without HTTPS, where `crypto.randomUUID` is missing. */
export function newEditId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
