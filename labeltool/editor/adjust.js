/** How a labeller likes to see the photo: brightness, contrast, boxes; set in a small sheet on the stage, and remembered. */

import { tooltip } from "./actions.js";
import { el, icon, setAttribute, setText } from "./dom.js";

/** @typedef {Readonly<{brightness: number, contrast: number, boxes: boolean}>} Look Brightness and contrast in percent. */

/** @type {Look} */
export const PLAIN = { brightness: 100, contrast: 100, boxes: true };

const LEAST = 25;
const MOST = 400;

/** Steps of a slider from the middle to an end: equal steps multiply by equal factors, and 100 % is in the middle. */
const STEPS = 20;

/** @param {number} step @returns {number} percent */
export function percentAt(step) {
  return Math.round(100 * (MOST / 100) ** (step / STEPS));
}

/** @param {number} percent @returns {number} the step that is nearest */
export function stepOf(percent) {
  return Math.round((STEPS * Math.log(percent / 100)) / Math.log(MOST / 100));
}

/** @param {number} value @param {number} otherwise */
function inRange(value, otherwise) {
  return Number.isFinite(value) && value >= LEAST && value <= MOST ? value : otherwise;
}

/**
 * The look as it was left; what cannot be read is as at first.
 * @param {Pick<Storage, "getItem"> | null} storage @returns {Look}
 */
export function readLook(storage) {
  /** @param {string} name */
  const kept = (name) => {
    try {
      return storage?.getItem(`labeltool.${name}`) ?? "";
    } catch {
      return ""; // No storage, in a private window say.
    }
  };
  return {
    brightness: inRange(Number.parseFloat(kept("brightness")), PLAIN.brightness),
    contrast: inRange(Number.parseFloat(kept("contrast")), PLAIN.contrast),
    boxes: kept("boxes") !== "hidden",
  };
}

/** @param {Pick<Storage, "setItem"> | null} storage @param {Look} look */
export function keepLook(storage, look) {
  try {
    storage?.setItem("labeltool.brightness", String(look.brightness));
    storage?.setItem("labeltool.contrast", String(look.contrast));
    storage?.setItem("labeltool.boxes", look.boxes ? "shown" : "hidden");
  } catch {
    // As above: then it lasts as long as the page.
  }
}

/**
 * The CSS filter of a look; none where the photo is shown as it is, so that it costs nothing.
 * @param {Look} look
 */
export function filterOf({ brightness, contrast }) {
  return brightness === 100 && contrast === 100 ? "none" : `brightness(${brightness / 100}) contrast(${contrast / 100})`;
}

export class Adjust {
  /** @type {Look} */
  look;

  /** @param {Storage | null} storage @param {(look: Look) => void} onChange */
  constructor(storage, onChange) {
    this.storage = storage;
    this.onChange = onChange;
    this.look = readLook(storage);
    this.sliders = { brightness: this.#slider("brightness", "Brightness"), contrast: this.#slider("contrast", "Contrast") };
    this.boxes = el("input", { type: "checkbox", onchange: () => this.set({ boxes: this.boxes.checked }) });
    this.reset = el("button", { type: "button", class: "tool wide", onclick: () => this.set({ brightness: 100, contrast: 100 }) }, "Reset");
    this.sheet = el(
      "div",
      { class: "adjust-sheet", role: "group", "aria-label": "How the photo is shown", hidden: true },
      this.sliders.brightness.row, this.sliders.contrast.row,
      el("div", { class: "adjust-foot" }, el("label", { title: tooltip("boxes") }, this.boxes, "Boxes"), this.reset),
    );
    const name = tooltip("adjust");
    this.button = el("button", { type: "button", class: "tool", title: name, "aria-label": name, "aria-expanded": "false", onclick: () => this.toggle() }, icon("adjust"));
    this.element = el("div", { class: "adjust" }, this.sheet, this.button);
    this.#render();
  }

  /** @param {Partial<Look>} change */
  set(change) {
    this.look = { ...this.look, ...change };
    keepLook(this.storage, this.look);
    this.#render();
    this.onChange(this.look);
  }

  /** @param {boolean} [open] */
  toggle(open = !this.open) {
    this.sheet.hidden = !open;
    setAttribute(this.button, "aria-expanded", open ? "true" : "false");
    if (open) this.sliders.brightness.input.focus();
  }

  /** @param {"brightness" | "contrast"} kind @param {string} name */
  #slider(kind, name) {
    const input = el("input", {
      type: "range", min: -STEPS, max: STEPS, step: 1,
      oninput: () => this.set({ [kind]: percentAt(Number(input.value)) }), ondblclick: () => this.set({ [kind]: 100 }),
    });
    const value = el("output", {});
    return { input, value, row: el("label", { class: "adjust-row" }, el("span", {}, name), input, value) };
  }

  #render() {
    for (const kind of /** @type {const} */ (["brightness", "contrast"])) {
      const { input, value } = this.sliders[kind];
      const step = String(stepOf(this.look[kind]));
      if (input.value !== step) input.value = step;
      setText(value, `${this.look[kind]} %`);
      setAttribute(input, "aria-valuetext", `${this.look[kind]} %`);
    }
    this.boxes.checked = this.look.boxes;
    this.reset.disabled = filterOf(this.look) === "none";
    setAttribute(this.button, "data-changed", filterOf(this.look) === "none" ? null : "");
  }

  /** Is the sheet open? */
  get open() {
    return !this.sheet.hidden;
  }

  /** Closes the sheet, and puts the focus where it was opened from. */
  close() {
    this.toggle(false);
    this.button.focus();
  }
}
