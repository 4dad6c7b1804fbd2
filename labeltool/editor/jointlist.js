/**
 * The list of the selected person's joints: name, flag, source and confidence of each. One row at a time is in the tab order; the
 * arrows walk from row to row and from control to control.
 */

import { keyName, keysOf, tooltip } from "./actions.js";
import { sidesOf } from "./colours.js";
import { el, setAttribute, setText } from "./dom.js";
import { isLocked, jointOf, say } from "./edits.js";
import { isUnsure } from "./unsure.js";

/** @import {Session} from "./session.js" */
/** @import {Flag, Joint} from "./types.js" */

/** The flags in the order of their buttons. @type {readonly {v: Flag, id: string, name: string, meaning: string}[]} */
const FLAGS = [
  { v: 2, id: "visible", name: "visible", meaning: "visible" },
  { v: 1, id: "hidden", name: "hidden", meaning: "labelled but hidden" },
  { v: 0, id: "not-labelled", name: "not labelled", meaning: "not labelled" },
];

/**
 * @typedef {{
 *   row: HTMLElement, name: HTMLButtonElement, flags: Map<Flag, HTMLButtonElement>, source: HTMLElement, confidence: HTMLElement,
 * }} JointRow
 */

export class JointList {
  /** @type {Map<string, JointRow>} */
  #rows = new Map();
  #built = "";
  /** The row that is in the tab order. */
  #current = 0;

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.meaning = el("p", { class: "meaning", id: "lt-meaning" },
      ...FLAGS.map(({ v, meaning }) => el("span", {}, el("b", {}, String(v)), ` ${meaning}`)));
    this.columns = el("div", { class: "columns", "aria-hidden": true },
      el("span", {}, "joint"), el("span", { class: "v" }, ...FLAGS.map(({ v, meaning }) => el("span", { title: `${v}: ${meaning}` }, String(v)))),
      el("span", {}, "source"), el("span", {}, "conf."));
    this.list = el("ul", {
      class: "joint-list", "aria-label": "Joints", "aria-describedby": "lt-meaning", "data-arrows": "",
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#walk(event), onfocusin: (/** @type {FocusEvent} */ event) => this.#entered(event),
    });
    this.elements = [this.meaning, this.columns, this.list];
  }

  /** Scrolls a joint into sight. @param {string} joint */
  reveal(joint) {
    this.#rows.get(joint)?.row.scrollIntoView({ block: "nearest" });
  }

  render() {
    this.#build();
    const { person } = this.session;
    for (const element of this.elements) element.hidden = !person;
    if (!person) return;
    const { selection, hover } = this.session;
    const locked = isLocked(person);
    for (const [joint, parts] of this.#rows) {
      const value = jointOf(person, joint);
      const selected = selection.joint === joint;
      setAttribute(parts.row, "data-selected", selected ? "" : null);
      setAttribute(parts.row, "data-hover", hover?.person === person.id && hover.joint === joint ? "" : null);
      setAttribute(parts.row, "data-v", String(value.v));
      setAttribute(parts.row, "data-unsure", isUnsure(value) ? "" : null);
      setAttribute(parts.name, "aria-current", selected ? "true" : null);
      setAttribute(parts.name, "aria-label", describe(joint, value));
      for (const [v, button] of parts.flags) {
        setAttribute(button, "aria-pressed", value.v === v ? "true" : "false");
        button.disabled = locked;
      }
      renderOrigin(parts, value);
    }
    this.#setCurrent(selection.joint === null ? this.#current : [...this.#rows.keys()].indexOf(selection.joint));
  }

  /** Makes the rows, once for a skeleton. */
  #build() {
    const { session } = this;
    const names = session.skeleton.joints;
    if (this.#built === names.join()) return;
    this.#built = names.join();
    const sides = sidesOf(session.skeleton);
    this.#rows = new Map(names.map((joint) => [joint, this.#row(joint, sides.get(joint) ?? "middle")]));
    this.#current = 0;
    this.list.replaceChildren(...[...this.#rows.values()].map(({ row }) => row));
  }

  /** @param {string} joint @param {string} side @returns {JointRow} */
  #row(joint, side) {
    const name = el("button", { type: "button", class: "joint-name", tabindex: -1, onclick: () => this.session.select(this.session.selection.person, joint) },
      el("span", { class: `dot ${side}`, "aria-hidden": true }), el("span", {}, say(joint)));
    /** @type {Map<Flag, HTMLButtonElement>} */
    const flags = new Map();
    for (const { v, id, name: word } of FLAGS) {
      flags.set(v, el("button", {
        type: "button", class: `flag v${v}`, tabindex: -1, title: `${say(joint)}: ${tooltip(id)}`, "aria-label": `${say(joint)}: ${word} (${v})`,
        onclick: () => this.#flag(joint, v),
      }, el("span", { "aria-hidden": true })));
    }
    const source = el("span", { class: "source" });
    const confidence = el("span", { class: "confidence" });
    const row = el("li", { class: "joint" }, name, el("span", { class: "flags", role: "group", "aria-label": `Flag of ${say(joint)}` }, ...flags.values()), source, confidence);
    return { row, name, flags, source, confidence };
  }

  /** A flag that the joint has already confirms a prediction, and selects the joint otherwise. @param {string} joint @param {Flag} v */
  #flag(joint, v) {
    const { person } = this.session;
    if (!person) return;
    const now = jointOf(person, joint);
    if (now.v === v && now.source !== "predicted") this.session.select(person.id, joint);
    else this.session.flag(v, { person: person.id, joint });
  }

  // --- walking by arrows ------------------------------------------------------------------------------------------------

  /** The controls of a row, from left to right. @param {number} at @returns {HTMLButtonElement[]} */
  #controls(at) {
    const parts = [...this.#rows.values()][at];
    return parts ? [parts.name, ...parts.flags.values()] : [];
  }

  /** @param {number} at */
  #setCurrent(at) {
    this.#current = Math.min(Math.max(at, 0), this.#rows.size - 1);
    let i = 0;
    for (const { name, flags } of this.#rows.values()) {
      const index = i++ === this.#current ? 0 : -1;
      for (const control of [name, ...flags.values()]) if (control.tabIndex !== index) control.tabIndex = index;
    }
  }

  /** The place of a control: row and column; null for anything else. @param {EventTarget | null} target */
  #placeOf(target) {
    for (let row = 0; row < this.#rows.size; row++) {
      const column = this.#controls(row).indexOf(/** @type {HTMLButtonElement} */ (target));
      if (column >= 0) return { row, column };
    }
    return null;
  }

  /** @param {FocusEvent} event */
  #entered(event) {
    const place = this.#placeOf(event.target);
    if (place) this.#setCurrent(place.row);
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const place = this.#placeOf(event.target);
    if (!place || event.ctrlKey || event.altKey || event.metaKey) return;
    const { row, column } = place;
    /** @type {Readonly<Record<string, readonly [number, number]>>} */
    const steps = {
      ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1],
      Home: [0, column], End: [this.#rows.size - 1, column],
    };
    const next = steps[event.key];
    if (!next) return;
    event.preventDefault();
    this.#controls(next[0])[next[1]]?.focus();
  }
}

/** @param {JointRow} parts @param {Joint} value */
function renderOrigin(parts, value) {
  const known = value.v > 0 || value.source === "removed";
  setText(parts.source, known ? value.source : "");
  setAttribute(parts.source, "data-source", known ? value.source : null);
  const fromModel = value.source === "predicted" || value.source === "accepted";
  const confidence = fromModel && value.v > 0 ? (value.confidence ?? null) : null;
  const unsure = isUnsure(value);
  setText(parts.confidence, confidence === null ? (unsure ? "?" : "") : confidence.toFixed(2));
  const title = unsure ? `Unsure: look at it (${tooltip("next-unsure")})` : confidence === null ? null : "The model's confidence in its prediction";
  setAttribute(parts.confidence, "title", title);
}

/** A joint as a screen reader says it; it begins with the name that is written there. @param {string} joint @param {Joint} value */
function describe(joint, value) {
  if (value.v === 0) return `${say(joint)}, not labelled`;
  const confidence = value.source === "predicted" && value.confidence != null ? ` with confidence ${value.confidence.toFixed(2)}` : "";
  return `${say(joint)}, ${value.v === 1 ? "hidden" : "visible"}, ${value.source}${confidence}${isUnsure(value) ? ", unsure" : ""}`;
}

/** What the signs mean. */
export function legend() {
  const sign = (/** @type {string} */ kind, /** @type {string} */ text) => el("span", {}, el("i", { class: kind, "aria-hidden": true }), text);
  return el(
    "section",
    { class: "legend", "aria-label": "What the signs mean" },
    sign("dot left", "their left"),
    sign("dot right", "their right"),
    sign("sign dashed", "predicted: not yet a label"),
    sign("sign ringed", "unsure: look again"),
    el("span", { class: "help-line" }, "All keys: press ", el("kbd", {}, keyName(keysOf("help")[0] ?? "?"))),
  );
}
