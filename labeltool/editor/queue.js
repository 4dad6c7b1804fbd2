/** The queue: every image's id, status and what there is to fix on it, in order, in flat arrays: 100,000 images cost a few megabytes. */

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

/** @typedef {Status | "all" | "unfinished" | "fix" | `mark:${string}` | `by:${string}`} Filter */

/** @type {readonly (readonly [Filter, string])[]} */
export const FILTERS = [
  ["all", "All"],
  ["unfinished", "Unfinished"],
  ...STATUSES.map((status) => /** @type {const} */ ([status, STATUS_NAMES[status]])),
  ["fix", "Needs fix"],
];

/**
 * The part of the queue that a filter needs to be told about by the server: marked images, or those of a labeller.
 * @param {Filter} filter
 */
export function partOf(filter) {
  return isMark(filter) || filter.startsWith("by:") ? filter : "";
}

/** @param {Filter} filter */
export function isMark(filter) {
  return filter.startsWith("mark:");
}

export class Queue {
  /** What there is of marks: source, kind, and images with an open one. @type {readonly (readonly [string, string, number])[]} */
  marks = [];
  /** Who labelled here. @type {readonly string[]} */
  labellers = [];
  /** The part of the queue that `chosen` tells of: a filter, or nothing. */
  part = "";
  /** @type {Uint8Array} */
  #chosen = new Uint8Array(0);
  #chosenCount = 0;
  /** @type {readonly number[]} */
  #ids;
  /** @type {Uint8Array} */
  #codes;
  /** @type {Uint8Array} */
  #fixes;
  /** @type {Map<number, number>} */
  #positions;
  /** How many images have each status, by its place in `STATUSES`. @type {number[]} */
  #counts = STATUSES.map(() => 0);
  #toFix = 0;

  /**
   * @param {readonly number[]} ids
   * @param {string} codes one digit an image: its status' place in `STATUSES`
   * @param {string} [fixes] one digit an image: 0, or the sum of 1 (photo), 2 (error in the labels) and 4 (flagged)
   */
  constructor(ids, codes, fixes = "0".repeat(ids.length)) {
    if (ids.length !== codes.length) throw new Error(`queue: ${ids.length} ids and ${codes.length} statuses`);
    if (ids.length !== fixes.length) throw new Error(`queue: ${ids.length} ids and ${fixes.length} digits of what to fix`);
    this.#ids = ids;
    this.#codes = digits(codes);
    this.#fixes = digits(fixes);
    this.#positions = new Map();
    for (let i = 0; i < ids.length; i++) {
      this.#positions.set(ids[i] ?? 0, i);
      this.#counts[this.#codes[i] ?? 0]++;
      if (this.#fixes[i]) this.#toFix++;
    }
  }

  get length() {
    return this.#ids.length;
  }

  /**
   * Tells which images a part of the queue holds.
   * @param {string} part @param {string} chosen one digit an image: 1 where it belongs to the part
   */
  setPart(part, chosen) {
    if (chosen.length !== this.length) throw new Error(`queue: ${this.length} ids and ${chosen.length} digits of ${part}`);
    this.part = part;
    this.#chosen = digits(chosen);
    this.#chosenCount = this.#chosen.reduce((sum, digit) => sum + digit, 0);
  }

  /** Notes whether an image still belongs to the part. @param {number} id @param {boolean} chosen */
  setChosen(id, chosen) {
    const at = this.#at(id);
    if (at >= this.#chosen.length) return;
    this.#chosenCount += Number(chosen) - (this.#chosen[at] ?? 0);
    this.#chosen[at] = Number(chosen);
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
    const [at, code] = [this.#at(id), STATUSES.indexOf(status)];
    this.#counts[this.#codes[at] ?? 0]--;
    this.#counts[code]++;
    this.#codes[at] = code;
  }

  /** What there is to fix: 0, or the sum of 1 (photo), 2 (error in the labels) and 4 (flagged). @param {number} id */
  fix(id) {
    return this.#fixes[this.#at(id)] ?? 0;
  }

  /** @param {number} id @param {number} digit */
  setFix(id, digit) {
    const at = this.#at(id);
    this.#toFix += Number(digit > 0) - Number((this.#fixes[at] ?? 0) > 0);
    this.#fixes[at] = digit;
  }

  /** @param {number} id @param {Filter} filter */
  passes(id, filter) {
    return this.#passes(this.#at(id), filter);
  }

  /**
   * How many images pass a filter.
   * @param {Filter} filter
   */
  count(filter) {
    if (filter === "all") return this.length;
    if (filter === "fix") return this.#toFix;
    if (partOf(filter)) return filter === this.part ? this.#chosenCount : 0;
    const of = (/** @type {Status} */ status) => this.#counts[STATUSES.indexOf(status)] ?? 0;
    return filter === "unfinished" ? this.length - of("done") - of("skipped") : of(/** @type {Status} */ (filter));
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
   * The nearest other image that is neither done nor skipped, going round at the end of the queue: one that passes the filter, or
   * any when none of those is left; null when all are finished. Among marked images, the nearest that is still marked.
   * @param {number} id @param {1 | -1} step @param {Filter} [filter]
   */
  unfinished(id, step, filter = "all") {
    const waits = isMark(filter) ? filter : "unfinished";
    const [at, n] = [this.#at(id), this.length];
    let other = null;
    for (let k = 1; k < n; k++) {
      const i = (at + step * k + n * 2) % n;
      if (!this.#passes(i, waits)) continue;
      if (this.#passes(i, filter)) return this.#ids[i] ?? null;
      other ??= this.#ids[i] ?? null;
    }
    return other;
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
    if (filter === "fix") return (this.#fixes[i] ?? 0) > 0;
    if (partOf(filter)) return filter === this.part && (this.#chosen[i] ?? 0) > 0;
    const status = /** @type {Status} */ (STATUSES[this.#codes[i] ?? 0]);
    return filter === "unfinished" ? !FINISHED.has(status) : status === filter;
  }
}

/** @param {string} text */
function digits(text) {
  const values = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) values[i] = text.charCodeAt(i) - 48;
  return values;
}
