/** Active seconds: the time a labeller worked, with pauses over 30 s left out. */

/** A pause longer than this, in milliseconds, is no work. */
export const IDLE = 30_000;

export class Activity {
  #last = -Infinity;
  #active = 0;

  /** @param {() => number} [now] milliseconds */
  constructor(now = () => performance.now()) {
    this.now = now;
  }

  /** Notes a sign of life: a key, a move of the pointer. */
  touch() {
    const now = this.now();
    const pause = now - this.#last;
    if (pause <= IDLE) this.#active += pause;
    this.#last = now;
  }

  /** The active seconds since the last call, to the tenth. */
  take() {
    this.touch();
    const seconds = Math.round(this.#active / 100) / 10;
    this.#active = 0;
    return seconds;
  }
}
