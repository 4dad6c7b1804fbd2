/** The bar above the photo: the queue, where the labeller is in it, and the tools. */

import { tooltip } from "./actions.js";
import { el, icon, setAttribute, setText } from "./dom.js";
import { STATUS_NAMES, STATUSES } from "./queue.js";

/** @import {Commands} from "./actions.js" */
/** @import {IconName} from "./dom.js" */
/** @import {Filter} from "./queue.js" */
/** @import {Session} from "./session.js" */

/** @type {readonly (readonly [Filter, string])[]} */
const FILTERS = [["all", "All"], ["unfinished", "Unfinished"], ...STATUSES.map((status) => /** @type {const} */ ([status, STATUS_NAMES[status]]))];

export class Bar {
  /** @param {Session} session @param {Commands} commands */
  constructor(session, commands) {
    this.session = session;
    const tool = (/** @type {string} */ id, /** @type {IconName} */ name, /** @type {() => void} */ run) =>
      el("button", { type: "button", class: "tool", title: tooltip(id), "aria-label": tooltip(id), onclick: run }, icon(name));

    this.filter = el("select", { class: "filter", "aria-label": "Show images that are", onchange: () => session.setFilter(/** @type {Filter} */ (this.filter.value)) });
    for (const [value] of FILTERS) this.filter.append(el("option", { value }));
    this.previous = tool("previous-image", "previous", () => commands.goImage(-1));
    this.next = tool("next-image", "next", () => commands.goImage(1));
    this.position = el("input", {
      class: "position", inputmode: "numeric", autocomplete: "off", "aria-label": "Place in the queue: type a number to go there", onchange: () => this.#jump(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#leave(event), onfocus: () => this.position.select(),
    });
    this.total = el("span", { class: "total" });
    this.name = el("span", { class: "name" });
    this.status = el("span", { class: "chip" });
    this.undo = tool("undo", "undo", () => commands.undo());
    this.redo = tool("redo", "redo", () => commands.redo());
    this.submit = el("button", { type: "button", class: "primary", title: tooltip("submit"), onclick: () => commands.submit() }, icon("check"), "Submit");
    this.element = el(
      "header",
      { class: "bar", "aria-label": "Queue and tools" },
      el("span", { class: "group" }, this.filter),
      el("span", { class: "group pager" }, this.previous, this.position, this.total, this.next),
      el("span", { class: "group title" }, this.name, this.status),
      el("span", { class: "group" }, this.undo, this.redo),
      el("span", { class: "group" },
        tool("fit-person", "fitPerson", () => commands.fitView(false)),
        tool("fit-image", "fitImage", () => commands.fitView(true)),
        el("button", { type: "button", class: "tool", title: tooltip("help"), "aria-label": tooltip("help"), onclick: () => commands.toggleHelp() }, "?")),
      this.submit,
    );
  }

  render() {
    const { session } = this;
    const { queue, filter, imageId, doc } = session;
    for (const [i, [value, name]] of FILTERS.entries()) {
      const option = this.filter.options[i];
      if (option) setText(option, `${name} (${queue.count(value).toLocaleString("en")})`);
    }
    if (this.filter.value !== filter) this.filter.value = filter;
    const known = imageId !== null && queue.has(imageId);
    const total = queue.count(filter);
    const rank = known ? queue.rank(imageId, filter) : 0;
    const inside = known && (filter === "all" || filter === "unfinished" || queue.status(imageId) === filter);
    const root = /** @type {Document | ShadowRoot} */ (this.element.getRootNode());
    if (root.activeElement !== this.position) this.position.value = inside ? String(rank) : "–";
    this.position.style.width = `${Math.max(String(total).length, 2) + 2}ch`;
    setText(this.total, `/ ${total.toLocaleString("en")}`);
    this.previous.disabled = !known || queue.neighbour(imageId, -1, filter) === null;
    this.next.disabled = !known || queue.neighbour(imageId, 1, filter) === null;
    setText(this.name, doc?.image.file_name ?? "");
    setAttribute(this.name, "title", doc ? `${doc.image.file_name} (image ${doc.image.id}, ${doc.image.width} × ${doc.image.height})` : null);
    setText(this.status, doc ? STATUS_NAMES[doc.image.status] : "");
    setAttribute(this.status, "data-status", doc?.image.status ?? null);
    const { undoable, redoable } = session.history;
    this.undo.disabled = undoable === null;
    this.redo.disabled = redoable === null;
    setAttribute(this.undo, "title", undoable ? `${tooltip("undo")}: ${undoable.label}` : tooltip("undo"));
    setAttribute(this.redo, "title", redoable ? `${tooltip("redo")}: ${redoable.label}` : tooltip("redo"));
    this.submit.disabled = doc === null;
  }

  #jump() {
    const rank = Number(this.position.value.trim());
    if (Number.isInteger(rank) && rank >= 1) this.session.goRank(Math.min(rank, this.session.queue.count(this.session.filter)));
    this.position.blur();
    this.render();
  }

  /** @param {KeyboardEvent} event */
  #leave(event) {
    if (event.key === "Enter") this.#jump();
    if (event.key !== "Escape") return;
    this.position.blur();
    this.render();
  }
}
