import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { GUIDE, withTables } from "../../docs/print_keys.js";
import { ACTIONS, action, actionFor, currentPreset, GROUPS, keysOf, sheetLines, tooltip, usePreset } from "../../labeltool/editor/actions.js";
import { combinationOf, keycaps } from "../../labeltool/editor/keys.js";
import { isPreset, PRESETS } from "../../labeltool/editor/presets.js";

/** @import {Commands} from "../../labeltool/editor/actions.js" */
/** @import {PresetName} from "../../labeltool/editor/presets.js" */

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
    // Other keyboards: German (dead circumflex left of 1, ? on another key), French (digits want Shift), Mac with ISO keys.
    [{ key: "Dead", code: "Backquote" }, "`"],
    [{ key: "^", code: "Backquote" }, "`"],
    [{ key: "§", code: "IntlBackslash" }, "`"],
    [{ key: "<", code: "IntlBackslash" }, "<"],
    [{ key: "?", code: "Minus", shiftKey: true }, "?"],
    [{ key: "&", code: "Digit1" }, "1"],
    [{ key: "é", code: "Digit2" }, "2"],
    [{ key: "1", code: "Digit1", shiftKey: true }, "1"],
    [{ key: "!", code: "Digit1", shiftKey: true }, "!"],
    [{ key: "q", code: "KeyA" }, "Q"],
  ]);
  for (const [event, expected] of cases) assert.equal(combinationOf(event), expected);
});

const PRESET_NAMES = /** @type {PresetName[]} */ (Object.keys(PRESETS));

/** Combinations that a browser does not hand to a page. */
const RESERVED = ["Ctrl+N", "Ctrl+Shift+N", "Ctrl+T", "Ctrl+Shift+T", "Ctrl+W", "Ctrl+Shift+W", "Ctrl+Tab", "Ctrl+Shift+Tab", "Ctrl+Q"];

test("in no preset does a key do two things, and no action is without a key", () => {
  for (const preset of PRESET_NAMES) {
    const keys = ACTIONS.flatMap((a) => keysOf(a.id, preset));
    assert.deepEqual(keys.filter((key, i) => keys.indexOf(key) !== i), [], preset);
    for (const a of ACTIONS) assert.ok(keysOf(a.id, preset).length > 0, `${preset}: ${a.id}`);
    for (const key of [...RESERVED, "R", "C"]) assert.ok(!keys.includes(key), `${preset}: ${key}`);
  }
  assert.equal(new Set(ACTIONS.map((a) => a.id)).size, ACTIONS.length);
});

test("presets speak of actions that exist, and each differs from the registry", () => {
  for (const preset of PRESET_NAMES) {
    for (const [id, keys] of Object.entries(PRESETS[preset].keys)) assert.notDeepEqual(keys, action(id).keys, `${preset}: ${id}`);
  }
  assert.deepEqual(PRESETS.labeltool.keys, {});
  assert.equal(isPreset("cvat"), true);
  assert.equal(isPreset("toString"), false);
  assert.equal(isPreset(null), false);
});

test("keys are written as the handler names them", () => {
  const modifiers = /^(Ctrl\+)?(Alt\+)?(Shift\+)?/;
  const codes = /** @type {Record<string, {key: string, code: string}>} */ ({
    Space: { key: " ", code: "Space" }, Left: { key: "ArrowLeft", code: "ArrowLeft" }, Right: { key: "ArrowRight", code: "ArrowRight" },
    Up: { key: "ArrowUp", code: "ArrowUp" }, Down: { key: "ArrowDown", code: "ArrowDown" }, Esc: { key: "Escape", code: "Escape" },
    "`": { key: "Dead", code: "Backquote" },
  });
  for (const preset of PRESET_NAMES) {
    for (const combination of ACTIONS.flatMap((a) => keysOf(a.id, preset))) {
      const name = combination.replace(modifiers, "");
      const held = modifiers.exec(combination)?.[0] ?? "";
      const event = { ...(codes[name] ?? { key: name, code: "" }), ctrlKey: held.includes("Ctrl"), altKey: held.includes("Alt"), shiftKey: held.includes("Shift") };
      assert.equal(combinationOf(event), combination);
    }
  }
});

test("in every preset each key finds its action, and each action stands on the sheet with all its keys", () => {
  for (const preset of PRESET_NAMES) {
    for (const a of ACTIONS) for (const k of keysOf(a.id, preset)) assert.equal(actionFor(k, preset), a);
    const onSheet = GROUPS.flatMap((g) => sheetLines(g, preset)).flatMap((line) => line.keys);
    assert.deepEqual(onSheet.sort(), ACTIONS.flatMap((a) => keysOf(a.id, preset)).sort());
    assert.equal(actionFor("R", preset), null);
    assert.equal(actionFor("C", preset), null);
  }
});

test("every row of the key table is an action with those keys", () => {
  const table = /** @type {const} */ ({
    "next-image": ["F", "Ctrl+Right"], "previous-image": ["D", "Ctrl+Left"], "next-unfinished": ["Space"], "previous-unfinished": ["Shift+Space"],
    "next-joint": ["Tab"], "previous-joint": ["Shift+Tab"], "next-person": ["`"], "previous-person": ["Shift+`"],
    visible: ["2"], hidden: ["1", "Q"], "not-labelled": ["0", "O"], "next-unsure": ["U"], left: ["Left"], "left-10": ["Shift+Left"], place: ["P"],
    swap: ["X"], "swap-all": ["Shift+X"], hide: ["H"], undo: ["Ctrl+Z"], redo: ["Ctrl+Shift+Z", "Ctrl+Y"], "fit-person": ["Z"], "fit-image": ["Shift+Z"],
    "new-person": ["B"], "fit-box": ["Shift+B"], prefill: ["M"], "prefill-all": ["Shift+M"], "delete-joint": ["Delete", "Backspace"],
    "delete-person": ["Shift+Delete"], "copy-previous": ["Ctrl+B"], accept: ["A"], save: ["Ctrl+S"], submit: ["Ctrl+Enter"], skip: ["Ctrl+Space"], help: ["?"],
  });
  for (const [id, keys] of Object.entries(table)) assert.deepEqual([...action(id).keys], [...keys], id);
});

test("a preset changes the handler, the tooltips and the sheet together", () => {
  assert.equal(currentPreset(), "labeltool");
  try {
    usePreset("cvat");
    assert.equal(actionFor("N")?.id, "new-person");
    assert.equal(actionFor("B"), null);
    assert.equal(tooltip("new-person"), "New person: draw the box (N)");
    assert.ok(sheetLines("People").some(({ label, keys }) => label === "New person: draw the box" && String(keys) === "N"));
  } finally {
    usePreset("labeltool");
  }
  assert.equal(actionFor("B")?.id, "new-person");
});

test("the guide holds the table that is made from the registry", () => {
  const guide = readFileSync(GUIDE, "utf8");
  assert.equal(withTables(guide), guide, "docs/guide/keys.md is out of date: node docs/print_keys.js --write");
  for (const a of ACTIONS) assert.ok(guide.includes(a.sheet ?? a.label), a.id);
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
    "acceptPerson", "copyPrevious", "escape", "findImage", "fitBox", "fitView", "fixImage", "flag", "goImage", "goJoint", "goPerson", "goUnfinished", "goUnsure",
    "hideOverlay", "nudge", "prefill", "redo", "removeJoint", "removePerson", "saveNow", "skip", "submit", "swap", "toggleBoxing", "toggleHelp", "togglePlacing",
    "lookedAt", "toggleAdjust", "toggleBoxes", "toggleGuideline", "undo",
  ];
  assert.deepEqual([...new Set(called)].sort(), known.sort());
});

test("tooltips name the keys", () => {
  assert.equal(tooltip("undo"), "Undo (Ctrl+Z)");
  assert.equal(tooltip("redo"), "Redo (Ctrl+Shift+Z or Ctrl+Y)");
  assert.deepEqual(keycaps("Shift+Left"), ["Shift", "←"]);
  assert.throws(() => action("nonsense"), /unknown/);
});
