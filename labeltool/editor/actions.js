/**
 * Every action a labeller can take, once: the key handler, the buttons' tooltips, the `?` sheet and the table in the guide are
 * made from this list. A preset gives some of them other keys.
 */

import { keycaps } from "./keys.js";
import { PRESETS } from "./presets.js";

/** @import {PresetName} from "./presets.js" */

/**
 * @typedef {object} Commands What the actions are made of; the editor implements it.
 * @property {(step: 1 | -1) => void} goImage
 * @property {(step: 1 | -1) => void} goUnfinished
 * @property {(step: 1 | -1) => void} goJoint
 * @property {(step: 1 | -1) => void} goPerson
 * @property {(v: 0 | 1 | 2) => void} flag
 * @property {(dx: number, dy: number) => void} nudge
 * @property {(all: boolean) => void} swap
 * @property {() => void} removeJoint
 * @property {() => void} removePerson
 * @property {() => void} acceptPerson
 * @property {() => void} submit
 * @property {() => void} skip
 * @property {() => void} findImage
 * @property {() => void} fixImage
 * @property {() => void} lookedAt
 * @property {() => void} saveNow
 * @property {() => void} toggleBoxing
 * @property {() => void} fitBox
 * @property {(all: boolean) => void} prefill
 * @property {() => void} copyPrevious
 * @property {() => void} goUnsure
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {() => void} togglePlacing
 * @property {(whole: boolean) => void} fitView
 * @property {(hidden: boolean) => void} hideOverlay
 * @property {() => void} toggleGuideline
 * @property {() => void} toggleAdjust
 * @property {() => void} toggleBoxes
 * @property {() => void} toggleHelp
 * @property {() => void} escape
 *
 * @typedef {"Images" | "People" | "Joints" | "View"} Group
 * @typedef {Readonly<{
 *   id: string, label: string, sheet?: string, group: Group, keys: readonly string[], run: (commands: Commands) => void,
 *   release?: (commands: Commands) => void, onRelease?: boolean,
 * }>} Action
 *   Actions with the same `sheet` share one line of the help sheet.
 *   `release` ends an action that lasts while its key is held; `onRelease` runs the action when its key is let go, unless the
 *   key was used for something else in between (Space with a drag pans).
 */

/** @type {readonly Action[]} */
export const ACTIONS = [
  { id: "next-image", label: "Next image", group: "Images", keys: ["F", "Ctrl+Right"], run: (c) => c.goImage(1) },
  { id: "previous-image", label: "Previous image", group: "Images", keys: ["D", "Ctrl+Left"], run: (c) => c.goImage(-1) },
  { id: "next-unfinished", label: "Next unfinished image", group: "Images", keys: ["Space"], run: (c) => c.goUnfinished(1), onRelease: true },
  { id: "previous-unfinished", label: "Previous unfinished image", group: "Images", keys: ["Shift+Space"], run: (c) => c.goUnfinished(-1), onRelease: true },
  { id: "save", label: "Save now", group: "Images", keys: ["Ctrl+S"], run: (c) => c.saveNow() },
  { id: "submit", label: "Submit image and go on", group: "Images", keys: ["Ctrl+Enter"], run: (c) => c.submit() },
  { id: "skip", label: "Skip image with a reason", group: "Images", keys: ["Ctrl+Space"], run: (c) => c.skip() },
  { id: "find-image", label: "Go to an image by name or id", group: "Images", keys: ["Ctrl+G", "/"], run: (c) => c.findImage() },
  { id: "needs-fix", label: "Flag as needing a fix, or clear the flag", group: "Images", keys: ["Shift+N"], run: (c) => c.fixImage() },
  { id: "looked-at", label: "Marked and looked at: it is right", group: "Images", keys: ["Y"], run: (c) => c.lookedAt() },
  { id: "undo", label: "Undo", group: "Images", keys: ["Ctrl+Z"], run: (c) => c.undo() },
  { id: "redo", label: "Redo", group: "Images", keys: ["Ctrl+Shift+Z", "Ctrl+Y"], run: (c) => c.redo() },

  { id: "next-person", label: "Next person", group: "People", keys: ["`"], run: (c) => c.goPerson(1) },
  { id: "previous-person", label: "Previous person", group: "People", keys: ["Shift+`"], run: (c) => c.goPerson(-1) },
  { id: "new-person", label: "New person: draw the box", group: "People", keys: ["B"], run: (c) => c.toggleBoxing() },
  { id: "fit-box", label: "Fit box to joints", group: "People", keys: ["Shift+B"], run: (c) => c.fitBox() },
  { id: "prefill", label: "Pre-fill with the model", group: "People", keys: ["M"], run: (c) => c.prefill(false) },
  { id: "prefill-all", label: "Pre-fill, also over your own joints", group: "People", keys: ["Shift+M"], run: (c) => c.prefill(true) },
  { id: "copy-previous", label: "Copy the previous image's people", group: "People", keys: ["Ctrl+B"], run: (c) => c.copyPrevious() },
  { id: "accept", label: "Accept person as predicted", group: "People", keys: ["A"], run: (c) => c.acceptPerson() },
  { id: "swap-all", label: "Swap left and right of all joints", group: "People", keys: ["Shift+X"], run: (c) => c.swap(true) },
  { id: "delete-person", label: "Delete person", group: "People", keys: ["Shift+Delete"], run: (c) => c.removePerson() },

  { id: "next-joint", label: "Next joint", group: "Joints", keys: ["Tab"], run: (c) => c.goJoint(1) },
  { id: "previous-joint", label: "Previous joint", group: "Joints", keys: ["Shift+Tab"], run: (c) => c.goJoint(-1) },
  { id: "next-unsure", label: "Next unsure joint", group: "Joints", keys: ["U"], run: (c) => c.goUnsure() },
  { id: "visible", label: "Visible (v = 2)", group: "Joints", keys: ["2"], run: (c) => c.flag(2) },
  { id: "hidden", label: "Hidden (v = 1)", group: "Joints", keys: ["1", "Q"], run: (c) => c.flag(1) },
  { id: "not-labelled", label: "Not labelled (v = 0)", group: "Joints", keys: ["0", "O"], run: (c) => c.flag(0) },
  { id: "place", label: "Place joints by clicking", group: "Joints", keys: ["P"], run: (c) => c.togglePlacing() },
  { id: "swap", label: "Swap the joint with its pair", group: "Joints", keys: ["X"], run: (c) => c.swap(false) },
  { id: "delete-joint", label: "Delete joint", group: "Joints", keys: ["Delete", "Backspace"], run: (c) => c.removeJoint() },
  { id: "left", label: "Nudge left 1 px", sheet: "Nudge by 1 px", group: "Joints", keys: ["Left"], run: (c) => c.nudge(-1, 0) },
  { id: "right", label: "Nudge right 1 px", sheet: "Nudge by 1 px", group: "Joints", keys: ["Right"], run: (c) => c.nudge(1, 0) },
  { id: "up", label: "Nudge up 1 px", sheet: "Nudge by 1 px", group: "Joints", keys: ["Up"], run: (c) => c.nudge(0, -1) },
  { id: "down", label: "Nudge down 1 px", sheet: "Nudge by 1 px", group: "Joints", keys: ["Down"], run: (c) => c.nudge(0, 1) },
  { id: "left-10", label: "Nudge left 10 px", sheet: "Nudge by 10 px", group: "Joints", keys: ["Shift+Left"], run: (c) => c.nudge(-10, 0) },
  { id: "right-10", label: "Nudge right 10 px", sheet: "Nudge by 10 px", group: "Joints", keys: ["Shift+Right"], run: (c) => c.nudge(10, 0) },
  { id: "up-10", label: "Nudge up 10 px", sheet: "Nudge by 10 px", group: "Joints", keys: ["Shift+Up"], run: (c) => c.nudge(0, -10) },
  { id: "down-10", label: "Nudge down 10 px", sheet: "Nudge by 10 px", group: "Joints", keys: ["Shift+Down"], run: (c) => c.nudge(0, 10) },

  { id: "fit-person", label: "Fit person", group: "View", keys: ["Z"], run: (c) => c.fitView(false) },
  { id: "fit-image", label: "Fit image", group: "View", keys: ["Shift+Z"], run: (c) => c.fitView(true) },
  { id: "hide", label: "Hold to hide the labels", group: "View", keys: ["H"], run: (c) => c.hideOverlay(true), release: (c) => c.hideOverlay(false) },
  { id: "boxes", label: "Show or hide the boxes", group: "View", keys: ["Shift+H"], run: (c) => c.toggleBoxes() },
  { id: "adjust", label: "Brightness, contrast, boxes", group: "View", keys: ["L"], run: (c) => c.toggleAdjust() },
  { id: "guideline", label: "The project's guideline, beside the photo", group: "View", keys: ["G"], run: (c) => c.toggleGuideline() },
  { id: "help", label: "Show or hide this sheet", group: "View", keys: ["?"], run: (c) => c.toggleHelp() },
  { id: "escape", label: "Cancel: drag, placing, this sheet", group: "View", keys: ["Esc"], run: (c) => c.escape() },
];

/** What the pointer does; for the help sheet, beside the keys. */
export const GESTURES = [
  { gesture: "Drag a joint", label: "Move it; nothing is saved until you let go" },
  { gesture: "Alt or Shift + drag on the selected skeleton", label: "Move the whole person; the box stays" },
  { gesture: "Drag a handle of the selected box", label: "Change the box; the joints stay" },
  { gesture: "Click a person", label: "Select: their joints then win every click" },
  { gesture: "Point at a joint, press 0, 1 or 2", label: "Set its flag without clicking" },
  { gesture: "Wheel, or two fingers apart on a touch pad or screen", label: "Zoom at the pointer" },
  { gesture: "Drag the photo, middle button, or Space + drag", label: "Move the view" },
];

/** @type {readonly Group[]} the groups in the order of the help sheet */
export const GROUPS = ["Images", "People", "Joints", "View"];

/** @type {PresetName} the preset in use; one labeller sits before a page */
let current = "labeltool";

/** @type {Map<PresetName, ReadonlyMap<string, Action>>} */
const BY_KEYS = new Map();

/**
 * Gives the actions the keys of a preset. Tooltips that are shown already stay as they are: make them anew.
 * @param {PresetName} name
 */
export function usePreset(name) {
  current = name;
}

/** The preset in use. */
export function currentPreset() {
  return current;
}

/**
 * The keys of an action.
 * @param {string} id @param {PresetName} [preset] @returns {readonly string[]}
 */
export function keysOf(id, preset = current) {
  return PRESETS[preset].keys[id] ?? action(id).keys;
}

/**
 * The lines of the help sheet for a group: what, and the keys.
 * @param {Group} group @param {PresetName} [preset] @returns {{label: string, keys: string[]}[]}
 */
export function sheetLines(group, preset = current) {
  /** @type {Map<string, string[]>} */
  const lines = new Map();
  for (const { id, group: of, sheet, label } of ACTIONS) {
    if (of === group) lines.set(sheet ?? label, [...(lines.get(sheet ?? label) ?? []), ...keysOf(id, preset)]);
  }
  return [...lines].map(([label, keys]) => ({ label, keys }));
}

/**
 * The action of a key combination; null when it has none.
 * @param {string} combination @param {PresetName} [preset] @returns {Action | null}
 */
export function actionFor(combination, preset = current) {
  let known = BY_KEYS.get(preset);
  if (!known) {
    known = new Map(ACTIONS.flatMap((each) => keysOf(each.id, preset).map((keys) => [keys, each])));
    BY_KEYS.set(preset, known);
  }
  return known.get(combination) ?? null;
}

/**
 * The action of that id.
 * @param {string} id @returns {Action}
 */
export function action(id) {
  const found = ACTIONS.find((a) => a.id === id);
  if (!found) throw new Error(`action ${JSON.stringify(id)}: unknown`);
  return found;
}

/**
 * What a control's tooltip says: the action and its keys.
 * @param {string} id
 */
export function tooltip(id) {
  return `${action(id).label} (${keysOf(id).map(keyName).join(" or ")})`;
}

/**
 * A combination as it is read: "Shift+←".
 * @param {string} combination
 */
export function keyName(combination) {
  return keycaps(combination).join("+");
}
