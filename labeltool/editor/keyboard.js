/** The key handler: one listener on the window, ahead of the page's own, fed by the list of actions. */

import { actionFor } from "./actions.js";
import { combinationOf } from "./keys.js";

/** @import {Action, Commands} from "./actions.js" */

/** Keys that a page around the editor uses for itself and that must not fire from here (Streamlit: rerun, clear cache). */
const SWALLOWED = new Set(["R", "C", "Shift+R", "Shift+C"]);

/** Actions that go on while their key is held. */
const REPEATING = /^(left|right|up|down)|^(next|previous)-(image|joint)$|^(undo|redo)$/;

/** Keys that lists, sliders and scrolled text use for themselves. */
const ARROWS = /(^|\+)(Left|Right|Up|Down)$/;

/**
 * @typedef {object} KeyParts
 * @property {Commands} commands
 * @property {() => boolean} dragging while true, only Escape acts
 * @property {() => boolean} modal while true (a dialog is open), only the keys that close it act
 * @property {(down: boolean) => void} onSpace the space bar went down or up
 * @property {() => boolean} spaceUsed was the space bar used for panning since it went down?
 * @property {() => void} onArrowUp an arrow key was let go
 * @property {() => void} onActivity
 * @property {(target: EventTarget | undefined) => boolean} onCanvas does the canvas, or nothing at all, have the focus?
 */

/**
 * Listens until the returned function is called.
 * @param {KeyParts} parts
 */
export function listenToKeys(parts) {
  /** @type {Map<string, Action>} what each key that is down has to do when it is let go */
  const held = new Map();

  const down = (/** @type {KeyboardEvent} */ event) => {
    parts.onActivity();
    const target = event.composedPath()[0];
    if (event.isComposing || isTextField(target)) return;
    const combination = combinationOf(event);
    const action = actionFor(combination);
    // Space pans in every preset, and whatever else it does.
    if (event.code === "Space" && !parts.modal() && !leaveToPage(combination, target)) parts.onSpace(true);
    if (!action) {
      if (SWALLOWED.has(combination)) event.stopImmediatePropagation();
      return;
    }
    if (parts.modal()) {
      if (action.id !== "help" && action.id !== "escape") return;
    } else if (leaveToPage(combination, target)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.repeat && !REPEATING.test(action.id)) return;
    if (parts.dragging() && action.id !== "escape") return;
    if (action.onRelease || action.release) held.set(event.code, action);
    if (!action.onRelease) action.run(parts.commands);
  };

  const up = (/** @type {KeyboardEvent} */ event) => {
    if (event.code.startsWith("Arrow")) parts.onArrowUp();
    const action = held.get(event.code);
    const used = parts.spaceUsed();
    if (event.code === "Space") parts.onSpace(false);
    if (!action) return;
    held.delete(event.code);
    event.preventDefault();
    event.stopImmediatePropagation();
    if (action.release) action.release(parts.commands);
    else if (!used && !parts.dragging()) action.run(parts.commands);
  };

  const away = () => {
    for (const action of held.values()) action.release?.(parts.commands);
    held.clear();
    parts.onSpace(false);
    parts.onArrowUp();
  };

  /** @param {string} combination @param {EventTarget | undefined} target */
  const leaveToPage = (combination, target) => {
    if (/(^|\+)Tab$/.test(combination)) return !parts.onCanvas(target);
    if (ARROWS.test(combination)) return hasOwnArrows(target);
    if (!/(^|\+)(Space|Enter)$/.test(combination) || combination.startsWith("Ctrl+")) return false;
    return target instanceof Element && target.closest("button, a, summary, [role=button], input[type=checkbox]") !== null;
  };

  window.addEventListener("keydown", down, { capture: true });
  window.addEventListener("keyup", up, { capture: true });
  window.addEventListener("blur", away);
  return () => {
    window.removeEventListener("keydown", down, { capture: true });
    window.removeEventListener("keyup", up, { capture: true });
    window.removeEventListener("blur", away);
  };
}

/**
 * Does what has the focus use the arrows itself? Lists that are walked by arrows and text that scrolls say so by `data-arrows`.
 * @param {EventTarget | undefined} target
 */
function hasOwnArrows(target) {
  if (target instanceof HTMLInputElement) return target.type === "range" || target.type === "radio";
  return target instanceof Element && target.closest("[data-arrows]") !== null;
}

/** @param {EventTarget | undefined} target */
function isTextField(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !/^(button|checkbox|radio|range|reset|submit|file|color|image)$/.test(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}
