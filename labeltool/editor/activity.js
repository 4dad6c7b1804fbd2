/**
 * Active seconds by person: the time a labeller worked on each, with pauses over 30 s left out. Time goes to whoever is selected
 * while it passes, so that looking at one person and then moving a joint of another is not counted for the other, and no second
 * is counted twice.
 */

/** A pause longer than this, in milliseconds, is no work. */
export const IDLE = 30_000;

export class Activity {
  #last = -Infinity;
  /** @type {number | null} */
  #who = null;
  /** @type {Map<number | null, number>} milliseconds not taken yet; those of nobody under null */
  #active = new Map();

  /** @param {() => number} [now] milliseconds */
  constructor(now = () => performance.now()) {
    this.now = now;
  }

  /** Notes a sign of life: a key, a move of the pointer. */
  touch() {
    const now = this.now();
    const pause = now - this.#last;
    if (pause <= IDLE) this.#add(this.#who, pause);
    this.#last = now;
  }

  /**
   * From now on time is spent on this person, or on nobody yet.
   * @param {number | null} person
   */
  about(person) {
    this.touch();
    this.#who = person;
  }

  /**
   * A new person has got its number: its time goes with it.
   * @param {number} before @param {number} after
   */
  rename(before, after) {
    this.#add(after, this.#active.get(before) ?? 0);
    this.#active.delete(before);
    if (this.#who === before) this.#who = after;
  }

  /**
   * The active seconds spent on a person since they were last taken, to the tenth. Time that was nobody's goes to whoever is
   * taken first: it led to that edit.
   * @param {number} person
   */
  take(person) {
    this.touch();
    const all = (this.#active.get(person) ?? 0) + (this.#active.get(null) ?? 0);
    const seconds = Math.max(Math.round(all / 100) / 10, 0);
    this.#active.delete(null);
    this.#active.set(person, all - seconds * 1000); // What the rounding left over, or took too much, is made up for next time.
    return seconds;
  }

  /** @param {number | null} who @param {number} time */
  #add(who, time) {
    this.#active.set(who, (this.#active.get(who) ?? 0) + time);
  }
}
