/** The help sheet. */

import { GESTURES, sheetLines } from "./actions.js";
import { el } from "./dom.js";
import { keycaps } from "./keys.js";

/** @import {Group} from "./actions.js" */

export class HelpSheet {
  constructor() {
    const close = el("button", { type: "button", class: "tool wide", onclick: () => this.element.close() }, "Close");
    const section = (/** @type {string} */ title, /** @type {HTMLElement} */ content) => el("section", {}, el("h3", {}, title), content);
    const group = (/** @type {Group} */ name) => section(name, keyTable(name));
    const gestures = el("dl", { class: "gestures" }, ...GESTURES.flatMap(({ gesture, label }) => [el("dt", {}, gesture), el("dd", {}, label)]));
    this.element = el(
      "dialog",
      { class: "help", "aria-labelledby": "help-title", onclick: (/** @type {Event} */ event) => this.#outside(event) },
      el("div", { class: "help-head" }, el("h2", { id: "help-title" }, "Keys"), close),
      el("div", { class: "help-body" },
        el("div", {}, group("Images"), group("People"), section("Pointer", gestures)),
        el("div", {}, group("Joints"), group("View"))),
      el("p", { class: "help-foot" }, "Keys work whenever no text field has the focus. 0 not labelled, 1 labelled but hidden, 2 visible; left and right are the person's own."),
    );
  }

  get open() {
    return this.element.open;
  }

  toggle() {
    if (this.element.open) this.element.close();
    else this.element.showModal();
  }

  /** @param {Event} event */
  #outside(event) {
    if (event.target === this.element) this.element.close();
  }
}

/** @param {Group} group */
function keyTable(group) {
  const rows = sheetLines(group).flatMap(({ label, keys }) => [el("dt", {}, ...(keys.length > 2 ? family(keys) : either(keys))), el("dd", {}, label)]);
  return el("dl", { class: "keys" }, ...rows);
}

/** One combination or the other. @param {readonly string[]} keys */
function either(keys) {
  return keys.flatMap((combination, i) => [i ? el("span", { class: "or" }, "or") : null, caps(combination)]);
}

/** Combinations that differ in their last key: what they share stands once. @param {readonly string[]} keys */
function family(keys) {
  const shared = keycaps(keys[0] ?? "").slice(0, -1);
  return [...shared, ...keys.map((combination) => keycaps(combination).at(-1) ?? "")].map((cap) => el("span", { class: "caps" }, el("kbd", {}, cap)));
}

/** @param {string} combination */
function caps(combination) {
  return el("span", { class: "caps" }, ...keycaps(combination).map((cap) => el("kbd", {}, cap)));
}
