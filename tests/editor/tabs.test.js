import assert from "node:assert/strict";
import { test } from "node:test";

import { BeatingTabs } from "../../labeltool/editor/tabs.js";

/** localStorage, and a clock. */
function setUp() {
  /** @type {Map<string, string>} */
  const items = new Map();
  const storage = {
    getItem: (/** @type {string} */ key) => items.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void items.set(key, value),
    removeItem: (/** @type {string} */ key) => void items.delete(key),
  };
  const clock = { now: 1_000_000 };
  const tab = () => new BeatingTabs(storage, () => clock.now);
  return { items, clock, tab };
}

test("a tab that closes is gone at once, one that is killed after some minutes without a sign, a living one never", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { clock, tab } = setUp();
  const [closes, killed, lives, waits] = [tab(), tab(), tab(), tab()];
  await Promise.all([closes.hold("closes"), killed.hold("killed"), lives.hold("lives")]);
  /** @type {string[]} */
  const gone = [];
  for (const name of ["closes", "killed", "lives"]) waits.whenGone(name, async () => void gone.push(name));
  const pass = (/** @type {number} */ ms) => {
    for (let at = 0; at < ms; at += 5000) {
      clock.now += 5000;
      t.mock.timers.tick(5000);
    }
  };
  assert.deepEqual(gone, []);
  closes.close();
  pass(5000);
  assert.deepEqual(gone, ["closes"]);
  // A killed tab's timers stop: the mock clock goes on for it, so its next signs are taken away by hand.
  /** @type {any} */ (killed).storage = { setItem() {}, getItem: () => null, removeItem() {} };
  pass(120_000);
  assert.deepEqual(gone, ["closes"]);
  pass(60_000);
  assert.deepEqual(gone, ["closes", "killed"]);
  pass(600_000);
  assert.deepEqual(gone, ["closes", "killed"]);
  for (const each of [killed, lives, waits]) each.close();
});

test("a name nobody holds is gone already", async () => {
  const { tab } = setUp();
  let ran = false;
  const waits = tab();
  waits.whenGone("nobody", async () => void (ran = true));
  waits.close();
  assert.equal(ran, true);
});
