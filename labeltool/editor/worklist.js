/** How the labeller wants the queue: the order with its seed, kept in this browser; and how far the work is. */

/** @import {Api, FindAnswer, ProgressAnswer} from "./api.js" */

/** @typedef {"position" | "name" | "id" | "uncertainty" | "confidence" | "disagreement" | "pose" | "mark" | "random"} Order */

/** @type {readonly (readonly [Order, string])[]} */
export const ORDERS = [
  ["position", "As they came"],
  ["name", "By name"],
  ["id", "By id"],
  ["uncertainty", "Most doubtful first"],
  ["confidence", "Least sure joints first"],
  ["disagreement", "Models apart first"],
  ["pose", "Oddest poses first"],
  ["mark", "Highest marks first"],
  ["random", "Shuffled"],
];

/** Where the browser remembers the order. */
const REMEMBERED = "labeltool.order";

/** Progress is fetched at most so often, in milliseconds. */
const PAUSE = 5000;

export class Worklist {
  /** @type {Order} */
  order = "position";
  seed = 1;
  /** @type {ProgressAnswer | null} */
  progress = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #last = -Infinity;

  /** @param {Api} api @param {() => void} onProgress */
  constructor(api, onProgress) {
    this.api = api;
    this.onProgress = onProgress;
    const [order, seed] = remembered();
    this.order = order;
    this.seed = seed;
  }

  /** @param {Order} order @param {number} seed */
  choose(order, seed) {
    this.order = order;
    this.seed = seed;
    try {
      localStorage.setItem(REMEMBERED, JSON.stringify([order, seed]));
    } catch {
      // No storage (private window): the order holds as long as the page.
    }
  }

  /** Notes that work was done: progress is fetched soon, however much of it there is. */
  worked() {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.refresh();
    }, Math.max(0, this.#last + PAUSE - Date.now()));
    /** @type {any} */ (this.#timer).unref?.(); // Under Node a figure is nothing to wait for.
  }

  async refresh() {
    this.#last = Date.now();
    try {
      this.progress = await this.api.progress();
      this.onProgress();
    } catch {
      // It is only a figure: the next save asks again.
    }
  }

  /** @param {string} text @returns {Promise<FindAnswer>} */
  find(text) {
    return this.api.find(text);
  }
}

/** @returns {[Order, number]} */
function remembered() {
  try {
    const [order, seed] = JSON.parse(localStorage.getItem(REMEMBERED) ?? "null");
    if (ORDERS.some(([name]) => name === order) && Number.isSafeInteger(seed)) return [order, seed];
  } catch {
    // Nothing remembered, or nothing of ours.
  }
  return ["position", 1];
}

/**
 * A time as one says it: "40 min", "3 h 20 min", "31 h".
 * @param {number} seconds
 */
export function spoken(seconds) {
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 10 && minutes % 60 ? `${hours} h ${minutes % 60} min` : `${Math.round(minutes / 60).toLocaleString("en")} h`;
}

/**
 * What the bar says about the work: people done of all, and the rate with the time that the rest takes at it.
 * @param {ProgressAnswer} progress
 */
export function summary({ people, joints, rate, seconds_left: left }) {
  const done = `${people.done.toLocaleString("en")} of ${people.total.toLocaleString("en")} people`;
  const perHour = rate.people_per_hour === null ? "" : `${Math.round(rate.people_per_hour).toLocaleString("en")} an hour`;
  const rest = left === null || left <= 0 ? "" : `${spoken(left)} left`;
  return {
    done,
    pace: [perHour, rest].filter(Boolean).join(" · "),
    share: people.total ? people.done / people.total : 0,
    details: `${done} done\n${joints.done.toLocaleString("en")} of ${joints.total.toLocaleString("en")} joints decided` + (perHour ? `\nYou: ${perHour} of active work; at that pace ${rest || "nothing left"}` : ""),
  };
}
