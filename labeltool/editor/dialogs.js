/** The dialogs: the sheet of all keys, and the question why an image is skipped. */

import { currentPreset, GESTURES, GROUPS, sheetLines } from "./actions.js";
import { el } from "./dom.js";
import { keycaps } from "./keys.js";
import { isPreset, PRESETS } from "./presets.js";

/** @import {Group} from "./actions.js" */
/** @import {PresetName} from "./presets.js" */

/** Why images are skipped, most of the time; the number before each chooses it. */
export const REASONS = [
  "Nobody to label in the photo",
  "Too blurred, dark or small to tell",
  "Too crowded to tell who is who",
  "Broken or wrong photo",
  "Not sure how the guideline applies",
];

/** Signs that a reason may have; the server takes no more. */
const LONGEST_REASON = 500;

export class HelpSheet {
  /** @param {(preset: PresetName) => void} onPreset the labeller wants the keys of another preset */
  constructor(onPreset) {
    // The focus goes there, and not into the list of presets, where "?" would be a letter.
    const close = el("button", { type: "button", class: "tool wide", autofocus: true, onclick: () => this.element.close() }, "Close");
    const section = (/** @type {string} */ title, /** @type {HTMLElement} */ content) => el("section", {}, el("h3", {}, title), content);
    const group = (/** @type {Group} */ name) => section(name, keyTable(name));
    const gestures = el("dl", { class: "gestures" }, ...GESTURES.flatMap(({ gesture, label }) => [el("dt", {}, gesture), el("dd", {}, label)]));
    this.preset = el("select", { class: "choice preset", "aria-label": "Keys as in", onchange: () => {
      if (isPreset(this.preset.value)) onPreset(this.preset.value);
    } });
    for (const [value, { label }] of Object.entries(PRESETS)) this.preset.append(el("option", { value }, label));
    this.preset.value = currentPreset();
    const [images, people, joints, view] = GROUPS;
    this.element = el(
      "dialog",
      { class: "help", "aria-labelledby": "help-title", onclick: (/** @type {Event} */ event) => closeFromOutside(this.element, event) },
      el("div", { class: "help-head" }, el("h2", { id: "help-title" }, "Keys"), el("label", { class: "preset-label" }, el("span", {}, "Keys as in"), this.preset), close),
      el("div", { class: "help-body" },
        el("div", {}, group(images ?? "Images"), group(people ?? "People")),
        el("div", {}, group(joints ?? "Joints"), group(view ?? "View"), section("Pointer", gestures))),
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

export class SkipDialog {
  /** @param {(reason: string) => void} onSkip */
  constructor(onSkip) {
    this.onSkip = onSkip;
    const radio = (/** @type {string} */ value, /** @type {number} */ i, /** @type {Node} */ label) =>
      el("label", { class: "reason" }, el("input", { type: "radio", name: "reason", value, onchange: () => this.#chosen() }), el("kbd", { "aria-hidden": true }, String(i + 1)), label);
    this.other = el("input", {
      type: "text", class: "other", maxlength: LONGEST_REASON, "aria-label": "Another reason", placeholder: "Another reason…", autocomplete: "off",
      oninput: () => this.#typed(), onfocus: () => this.#choose(REASONS.length),
    });
    this.reasons = el("div", { class: "reasons", role: "radiogroup", "aria-labelledby": "skip-title" },
      ...REASONS.map((reason, i) => radio(reason, i, el("span", {}, reason))), radio("", REASONS.length, this.other));
    this.submit = el("button", { type: "submit", class: "primary", disabled: true }, "Skip image");
    const form = el("form", { method: "dialog", onsubmit: (/** @type {Event} */ event) => this.#submit(event) },
      el("h2", { id: "skip-title" }, "Why is this image skipped?"),
      this.reasons,
      el("div", { class: "choices" }, this.submit, el("button", { type: "button", class: "tool wide", onclick: () => this.element.close() }, "Cancel")));
    this.element = el("dialog", {
      class: "skip", "aria-labelledby": "skip-title",
      onclick: (/** @type {Event} */ event) => closeFromOutside(this.element, event), onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
    }, form);
  }

  get open() {
    return this.element.open;
  }

  /** Asks for the reason. */
  ask() {
    for (const input of this.#radios()) input.checked = false;
    this.other.value = "";
    this.#chosen();
    this.element.showModal();
    this.#radios()[0]?.focus();
  }

  close() {
    this.element.close();
  }

  /** What was chosen or typed; empty while nothing was. */
  get reason() {
    const chosen = this.#radios().find((input) => input.checked);
    return chosen ? chosen.value || this.other.value.trim() : "";
  }

  #radios() {
    return /** @type {HTMLInputElement[]} */ ([...this.reasons.querySelectorAll("input[type=radio]")]);
  }

  /** @param {number} i */
  #choose(i) {
    const input = this.#radios()[i];
    if (input) input.checked = true;
    this.#chosen();
  }

  #chosen() {
    this.submit.disabled = this.reason === "";
  }

  #typed() {
    this.#choose(REASONS.length);
  }

  /** The number of a reason chooses it, Enter skips. @param {KeyboardEvent} event */
  #key(event) {
    if (event.target === this.other || event.ctrlKey || event.metaKey || event.altKey) return;
    const number = Number(event.key);
    if (event.key === "Enter" && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      if (!this.submit.disabled) this.submit.click();
    } else if (Number.isInteger(number) && number >= 1 && number <= REASONS.length + 1) {
      event.preventDefault();
      this.#choose(number - 1);
      if (number > REASONS.length) this.other.focus();
      else this.#radios()[number - 1]?.focus();
    }
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const { reason } = this;
    if (!reason) return;
    this.element.close();
    this.onSkip(reason);
  }
}

/** @param {HTMLDialogElement} dialog @param {Event} event a click */
function closeFromOutside(dialog, event) {
  if (event.target === dialog) dialog.close();
}
