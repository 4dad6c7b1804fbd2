import assert from "node:assert/strict";
import { test } from "node:test";

import { spoken, summary, Worklist } from "../../labeltool/editor/worklist.js";

/** @import {ProgressAnswer} from "../../labeltool/editor/api.js" */

/** @param {Partial<ProgressAnswer>} [rest] @returns {ProgressAnswer} */
function progress(rest = {}) {
  return {
    images: { unlabelled: 6, prefilled: 0, in_progress: 0, done: 4, skipped: 0 },
    needs_fix: 0,
    people: { done: 1200, total: 3000 },
    joints: { done: 20_400, total: 51_000 },
    rate: { author: "anna", people: 100, active_seconds: 9000, people_per_hour: 40 },
    seconds_left: 162_000,
    ...rest,
  };
}

test("a time as one says it", () => {
  assert.deepEqual([10, 2400, 3600, 12_000, 36_000, 162_000].map(spoken), ["1 min", "40 min", "1 h", "3 h 20 min", "10 h", "45 h"]);
});

test("the bar says people, rate and the time that is left", () => {
  const { done, pace, share, details } = summary(progress());
  assert.equal(done, "1,200 of 3,000 people");
  assert.equal(pace, "40 an hour · 45 h left");
  assert.equal(share, 0.4);
  assert.match(details, /20,400 of 51,000 joints decided/);
});

test("without a rate, and without people, nothing is made up", () => {
  const rate = { author: "anna", people: 0, active_seconds: 0, people_per_hour: null };
  assert.equal(summary(progress({ rate, seconds_left: null })).pace, "");
  assert.equal(summary(progress({ people: { done: 0, total: 0 } })).share, 0);
  assert.equal(summary(progress({ seconds_left: 0 })).pace, "40 an hour");
});

test("progress is asked for once, however much is saved meanwhile, and a failure is no error", async () => {
  let asked = 0;
  let fails = false;
  const api = /** @type {any} */ ({
    progress: async () => {
      asked++;
      if (fails) throw new Error("down");
      return progress();
    },
  });
  let told = 0;
  const work = new Worklist(api, () => told++);
  for (let n = 0; n < 20; n++) work.worked();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([asked, told], [1, 1]);
  fails = true;
  await work.refresh();
  assert.deepEqual([asked, told], [2, 1]);
  assert.equal(work.progress?.people.done, 1200, "the last one known stays");
});

test("an order is remembered where there is storage, and what is no order is not", () => {
  /** @type {Map<string, string>} */
  const kept = new Map();
  const storage = { getItem: (/** @type {string} */ k) => kept.get(k) ?? null, setItem: (/** @type {string} */ k, /** @type {string} */ v) => kept.set(k, v) };
  const had = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
  Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true });
  try {
    new Worklist(/** @type {any} */ ({}), () => {}).choose("random", 7);
    const again = new Worklist(/** @type {any} */ ({}), () => {});
    assert.deepEqual([again.order, again.seed], ["random", 7]);
    kept.set("labeltool.order", '["hard", 1]');
    assert.equal(new Worklist(/** @type {any} */ ({}), () => {}).order, "position");
  } finally {
    if (had) Object.defineProperty(globalThis, "localStorage", had);
    else Reflect.deleteProperty(globalThis, "localStorage");
  }
});
