/** The project's written guideline beside the canvas: how this project labels, in its own words. */

import { tooltip } from "./actions.js";
import { el, setAttribute } from "./dom.js";

/** @import {Api} from "./api.js" */

/** Where the browser remembers whether the panel is open. */
const REMEMBERED = "labeltool.guideline";

export class GuidelinePanel {
  #fetched = false;

  /** @param {Api} api @param {() => void} onClose called when the panel was closed from within */
  constructor(api, onClose) {
    this.api = api;
    this.onClose = onClose;
    this.body = el("div", { class: "guideline-body", tabindex: 0, role: "group", "aria-label": "Guideline text", "data-arrows": "" });
    const close = el("button", { type: "button", class: "tool", "aria-label": "Close the guideline", title: "Close the guideline", onclick: () => {
      this.toggle(false);
      onClose();
    } }, "×");
    this.element = el("aside", { class: "guideline", id: "lt-guideline", "aria-label": "Guideline", hidden: true }, el("div", { class: "head" }, el("h2", {}, "Guideline"), el("span", { class: "tools" }, close)), this.body);
    this.button = el("button", {
      type: "button", class: "link", "aria-controls": "lt-guideline", "aria-expanded": "false", title: tooltip("guideline"), hidden: true,
      onclick: () => this.toggle(),
    }, "Guideline");
  }

  /** The project has a guideline: shows the button, and the panel when it was open in this browser last. */
  offer() {
    if (!this.button.hidden) return;
    this.button.hidden = false;
    if (remembered()) this.toggle(true);
  }

  /** Does the panel have the focus? */
  get focused() {
    const root = /** @type {Document | ShadowRoot} */ (this.element.getRootNode());
    return this.element.contains(root.activeElement);
  }

  /** Opens the panel with its text in focus, so that arrows scroll it, or closes it. */
  toggleByKey() {
    const { focused } = this;
    this.toggle();
    if (!this.element.hidden) this.body.focus({ preventScroll: true });
    else if (focused) this.onClose();
  }

  /** @param {boolean} [open] */
  toggle(open = this.element.hidden) {
    this.element.hidden = !open;
    setAttribute(this.button, "aria-expanded", String(open));
    remember(open);
    if (open) void this.#fetch();
  }

  /** Fetches the text each time the panel opens: the guideline grows while people label. */
  async #fetch() {
    if (!this.#fetched) this.body.replaceChildren(el("p", { class: "dim" }, "Loading…"));
    try {
      const html = await this.api.guideline();
      // The server made this HTML: no markup of the file's own is in it, no script, no address but http, https and mail.
      this.body.innerHTML = html;
      this.#fetched = true;
    } catch (error) {
      const reason = error instanceof Error && error.name === "ServerAnswer" ? error.message : "the label server cannot be reached";
      if (!this.#fetched) this.body.replaceChildren(el("p", { class: "dim" }, `The guideline cannot be shown: ${reason}.`));
    }
  }
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED) === "open";
  } catch {
    return false; // No storage: the panel begins closed.
  }
}

/** @param {boolean} open */
function remember(open) {
  try {
    localStorage.setItem(REMEMBERED, open ? "open" : "closed");
  } catch {
    // As above.
  }
}
