/** The queue: every image's id and status, in order, as two flat arrays, so that 100,000 images cost about a megabyte. */

/** @import {Status} from "./types.js" */

/** @type {readonly Status[]} */
export const STATUSES = ["unlabelled", "prefilled", "in_progress", "done", "skipped"];

/** @type {Readonly<Record<Status, string>>} */
export const STATUS_NAMES = {
  unlabelled: "Unlabelled",
  prefilled: "Pre-filled",
  in_progress: "In progress",
  done: "Done",
  skipped: "Skipped",
};

/** @type {ReadonlySet<Status>} */
const FINISHED = new Set(["done", "skipped"]);

/** @typedef {Status | "all" | "unfinished"} Filter */

export class Queue {
  /** @type {readonly number[]} */
  #ids;
  /** @type {Uint8Array} */
  #codes;
  /** @type {Map<number, number>} */
  #positions;

  /**
   * @param {readonly number[]} ids
   * @param {string} codes one digit an image: its status' place in `STATUSES`
   */
  constructor(ids, codes) {
    if (ids.length !== codes.length) throw new Error(`queue: ${ids.length} ids and ${codes.length} statuses`);
    this.#ids = ids;
    this.#codes = Uint8Array.from(codes, Number);
    this.#positions = new Map(ids.map((id, i) => [id, i]));
  }

  get length() {
    return this.#ids.length;
  }

  /** @param {number} id */
  has(id) {
    return this.#positions.has(id);
  }

  /** @param {number} id @returns {Status} */
  status(id) {
    return /** @type {Status} */ (STATUSES[this.#codes[this.#at(id)] ?? 0]);
  }

  /** @param {number} id @param {Status} status */
  setStatus(id, status) {
    this.#codes[this.#at(id)] = STATUSES.indexOf(status);
  }

  /**
   * How many images pass a filter.
   * @param {Filter} filter
   */
  count(filter) {
    let n = 0;
    for (let i = 0; i < this.length; i++) if (this.#passes(i, filter)) n++;
    return n;
  }

  /**
   * The 1-based place of an image among those that pass the filter; of an image that does not pass, the place it would take.
   * @param {number} id @param {Filter} filter
   */
  rank(id, filter) {
    const at = this.#at(id);
    let n = 1;
    for (let i = 0; i < at; i++) if (this.#passes(i, filter)) n++;
    return n;
  }

  /**
   * The image at a 1-based place among those that pass the filter; null outside.
   * @param {number} rank @param {Filter} filter
   */
  atRank(rank, filter) {
    let n = 0;
    for (let i = 0; i < this.length; i++) {
      if (this.#passes(i, filter) && ++n === rank) return this.#ids[i] ?? null;
    }
    return null;
  }

  /**
   * The first image that passes the filter; null when none does.
   * @param {Filter} filter
   */
  first(filter) {
    return this.atRank(1, filter);
  }

  /**
   * The nearest image after (step 1) or before (step -1) this one that passes the filter; null at the end.
   * @param {number} id @param {1 | -1} step @param {Filter} filter
   */
  neighbour(id, step, filter) {
    for (let i = this.#at(id) + step; i >= 0 && i < this.length; i += step) {
      if (this.#passes(i, filter)) return this.#ids[i] ?? null;
    }
    return null;
  }

  /**
   * The nearest other image that is neither done nor skipped, going round at the end of the queue; null when all are finished.
   * @param {number} id @param {1 | -1} step
   */
  unfinished(id, step) {
    const [at, n] = [this.#at(id), this.length];
    for (let k = 1; k < n; k++) {
      const i = (at + step * k + n * 2) % n;
      if (this.#passes(i, "unfinished")) return this.#ids[i] ?? null;
    }
    return null;
  }

  /**
   * The next images that pass the filter, nearest first.
   * @param {number} id @param {number} many @param {Filter} filter
   */
  following(id, many, filter) {
    const found = [];
    let next = this.neighbour(id, 1, filter);
    while (next !== null && found.length < many) {
      found.push(next);
      next = this.neighbour(next, 1, filter);
    }
    return found;
  }

  /** @param {number} id */
  #at(id) {
    const at = this.#positions.get(id);
    if (at === undefined) throw new Error(`image ${id}: not in the queue`);
    return at;
  }

  /** @param {number} i @param {Filter} filter */
  #passes(i, filter) {
    if (filter === "all") return true;
    const status = /** @type {Status} */ (STATUSES[this.#codes[i] ?? 0]);
    return filter === "unfinished" ? !FINISHED.has(status) : status === filter;
  }
}
