/** Two small dialogs of the queue: jump to an image by name or id, and say what has to be fixed on an image. */

import { el, setAttribute } from "./dom.js";
import { STATUS_NAMES } from "./queue.js";

/** @import {FindAnswer} from "./api.js" */
/** @import {ImageRecord} from "./types.js" */

/** How long typing must rest before the server is asked, in milliseconds. */
const REST = 120;

export class Finder {
  /** @type {FindAnswer["matches"]} */
  #matches = [];
  #chosen = 0;
  #asked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {(text: string) => Promise<FindAnswer>} find
   * @param {(id: number) => void} onFound
   * @param {() => void} onClose
   */
  constructor(find, onFound, onClose) {
    this.find = find;
    this.onFound = onFound;
    this.list = el("ul", { class: "finder-list", id: "lt-finder-list", role: "listbox", "aria-label": "Images found" });
    this.field = el("input", {
      class: "finder-field", type: "text", autocomplete: "off", spellcheck: "false", placeholder: "Name or id of an image", role: "combobox",
      "aria-label": "Name or id of an image", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "lt-finder-list",
      oninput: () => this.#typed(), onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
    });
    this.note = el("p", { class: "finder-note", role: "status" });
    this.element = el("dialog", { class: "finder", "aria-label": "Go to an image", onclose: onClose, onclick: (/** @type {Event} */ event) => {
      if (event.target === this.element) this.element.close();
    } }, this.field, this.list, this.note);
  }

  open() {
    this.field.value = "";
    this.#show([], "");
    this.element.showModal();
    this.field.focus();
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), REST);
  }

  async #ask() {
    const text = this.field.value.trim();
    const asked = ++this.#asked;
    if (!text) return this.#show([], "");
    try {
      const { matches } = await this.find(text);
      if (asked === this.#asked) this.#show(matches, matches.length ? "" : "No image has that name or id.");
    } catch {
      if (asked === this.#asked) this.#show([], "The label server cannot be reached.");
    }
  }

  /** @param {FindAnswer["matches"]} matches @param {string} note */
  #show(matches, note) {
    this.#matches = matches;
    this.#chosen = 0;
    this.list.replaceChildren(...matches.map(({ id, file_name: name, status }, i) =>
      el("li", { role: "option", id: `lt-found-${i}`, onclick: () => this.#go(i) },
        el("span", { class: "found-name" }, name), el("span", { class: "found-id" }, `image ${id}`), el("span", { class: "chip", "data-status": status }, STATUS_NAMES[status]))));
    this.list.hidden = matches.length === 0;
    this.note.textContent = note;
    setAttribute(this.field, "aria-expanded", String(matches.length > 0));
    this.#mark();
  }

  #mark() {
    for (const [i, item] of [...this.list.children].entries()) setAttribute(item, "aria-selected", String(i === this.#chosen));
    setAttribute(this.field, "aria-activedescendant", this.#matches.length ? `lt-found-${this.#chosen}` : null);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const n = this.#matches.length;
    if (event.key === "Enter") {
      event.preventDefault();
      void this.#enter();
    } else if (n && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      this.#chosen = (this.#chosen + (event.key === "ArrowDown" ? 1 : n - 1)) % n;
      this.#mark();
    }
  }

  /** Enter means what stands in the field now, also when the answer to it is still on its way. */
  async #enter() {
    const chosen = this.#chosen;
    clearTimeout(this.#timer);
    if (!chosen) await this.#ask();
    this.#go(chosen);
  }

  /** @param {number} i */
  #go(i) {
    const match = this.#matches[i];
    if (!match) return;
    this.element.close();
    this.onFound(match.id);
  }
}

export class FixDialog {
  /** @type {ImageRecord | null} */
  #image = null;

  /** @param {(id: number, note: string | null) => void} onNote @param {() => void} onClose */
  constructor(onNote, onClose) {
    this.field = el("input", { class: "finder-field", type: "text", maxlength: 500, autocomplete: "off", placeholder: "What has to be fixed", "aria-label": "What has to be fixed" });
    this.found = el("p", { class: "finder-note" });
    this.clear = el("button", { type: "button", class: "tool wide", onclick: () => this.#end(() => this.#image && onNote(this.#image.id, null)) }, "It is fixed");
    const save = el("button", { type: "submit", class: "primary" }, "Needs fix");
    const form = el("form", { method: "dialog", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      const note = this.field.value.trim();
      if (note) this.#end(() => this.#image && onNote(this.#image.id, note));
    } }, this.field, this.found, el("div", { class: "finder-foot" }, this.clear, save));
    this.element = el("dialog", { class: "finder", "aria-label": "Needs fix", onclose: onClose, onclick: (/** @type {Event} */ event) => {
      if (event.target === this.element) this.element.close();
    } }, form);
  }

  /** @param {ImageRecord} image */
  open(image) {
    this.#image = image;
    this.field.value = image.fix_note ?? "";
    this.clear.hidden = !image.fix_note;
    const by = image.fix_note && image.fix_author ? `Flagged by ${image.fix_author}.` : "";
    this.found.textContent = [by, image.finding ? `The check found: ${image.finding}` : "", image.problem ? `The photo: ${image.problem}` : ""].filter(Boolean).join(" ");
    this.element.showModal();
    this.field.focus();
  }

  /** @param {() => void} run */
  #end(run) {
    this.element.close();
    run();
  }
}
