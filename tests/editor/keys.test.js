import assert from "node:assert/strict";
import { test } from "node:test";

import { ACTIONS, action, actionFor, sheetLines, tooltip } from "../../labeltool/editor/actions.js";
import { combinationOf, keycaps } from "../../labeltool/editor/keys.js";

/** @import {Commands, Group} from "../../labeltool/editor/actions.js" */

test("combinations are named by what is on the keys", () => {
  const cases = /** @type {const} */ ([
    [{ key: "f", code: "KeyF" }, "F"],
    [{ key: "F", code: "KeyF", shiftKey: true }, "Shift+F"],
    [{ key: "z", code: "KeyZ", ctrlKey: true }, "Ctrl+Z"],
    [{ key: "Z", code: "KeyZ", metaKey: true, shiftKey: true }, "Ctrl+Shift+Z"],
    [{ key: " ", code: "Space" }, "Space"],
    [{ key: "ArrowLeft", code: "ArrowLeft", shiftKey: true }, "Shift+Left"],
    [{ key: "?", code: "Slash", shiftKey: true }, "?"],
    [{ key: "~", code: "Backquote", shiftKey: true }, "Shift+`"],
    [{ key: "1", code: "Numpad1" }, "1"],
    [{ key: "а", code: "KeyF" }, "F"],
    [{ key: "Enter", code: "Enter", ctrlKey: true }, "Ctrl+Enter"],
  ]);
  for (const [event, expected] of cases) assert.equal(combinationOf(event), expected);
});

test("no key does two things, and no action is without a key", () => {
  const keys = ACTIONS.flatMap((a) => a.keys);
  assert.equal(new Set(keys).size, keys.length);
  for (const a of ACTIONS) assert.ok(a.keys.length > 0, a.id);
  assert.equal(new Set(ACTIONS.map((a) => a.id)).size, ACTIONS.length);
});

test("every key finds its action, and every action stands on the sheet with all its keys", () => {
  for (const a of ACTIONS) for (const k of a.keys) assert.equal(actionFor(k), a);
  const groups = /** @type {Group[]} */ (["Images", "People", "Joints", "View"]);
  const onSheet = groups.flatMap((g) => sheetLines(g)).flatMap((line) => line.keys);
  assert.deepEqual(onSheet.sort(), ACTIONS.flatMap((a) => a.keys).sort());
  assert.equal(actionFor("R"), null);
  assert.equal(actionFor("C"), null);
});

test("every action calls commands that exist, and only those", () => {
  /** @type {string[]} */
  const called = [];
  const commands = /** @type {Commands} */ (new Proxy({}, { get: (_t, name) => () => called.push(String(name)) }));
  for (const a of ACTIONS) {
    a.run(commands);
    a.release?.(commands);
  }
  const known = [
    "acceptPerson", "escape", "fitView", "flag", "goImage", "goJoint", "goPerson", "goUnfinished", "hideOverlay", "nudge", "redo", "removeJoint", "removePerson",
    "submit", "swap", "toggleHelp", "togglePlacing", "undo",
  ];
  assert.deepEqual([...new Set(called)].sort(), known);
});

test("tooltips name the keys", () => {
  assert.equal(tooltip("undo"), "Undo (Ctrl+Z)");
  assert.equal(tooltip("redo"), "Redo (Ctrl+Shift+Z or Ctrl+Y)");
  assert.deepEqual(keycaps("Shift+Left"), ["Shift", "←"]);
  assert.throws(() => action("nonsense"), /unknown/);
});
