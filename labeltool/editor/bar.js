/** The bar above the photo: the queue and its order, where the labeller is in it, how far the work is, and the tools. */

import { tooltip } from "./actions.js";
import { el, giveKeysBack, icon, setAttribute, setText } from "./dom.js";
import { Finder, FixDialog } from "./finder.js";
import { FILTERS, isMark, partOf, STATUS_NAMES } from "./queue.js";
import { ORDERS, summary } from "./worklist.js";

/** @import {Commands} from "./actions.js" */
/** @import {IconName} from "./dom.js" */
/** @import {Filter} from "./queue.js" */
/** @import {Session} from "./session.js" */
/** @import {Order} from "./worklist.js" */

export class Bar {
  /** @param {Session} session @param {Commands} commands @param {() => void} onClose called when one of its dialogs or lists is done with */
  constructor(session, commands, onClose) {
    this.session = session;
    const tool = (/** @type {string} */ id, /** @type {IconName} */ name, /** @type {() => void} */ run) =>
      el("button", { type: "button", class: "tool", title: tooltip(id), "aria-label": tooltip(id), onclick: run }, icon(name));

    this.finder = new Finder((text) => session.work.find(text), (id) => session.goTo(id), onClose);
    this.fixing = new FixDialog((id, note) => void session.setFix(id, note), onClose);
    this.filter = el("select", { class: "filter", "aria-label": "Show images that are", title: "Which images", onchange: () => session.setFilter(/** @type {Filter} */ (this.filter.value)) });
    for (const [value] of FILTERS) this.filter.append(el("option", { value }));
    this.marked = el("optgroup", { label: "Marked" });
    this.labelled = el("optgroup", { label: "Labelled by" });
    this.order = el("select", { class: "choice order", "aria-label": "Order of the images", title: "In which order", onchange: () => this.#reorder() });
    for (const [value, name] of ORDERS) this.order.append(el("option", { value }, name));
    for (const list of [this.filter, this.order]) giveKeysBack(list, onClose);
    this.seed = el("input", {
      class: "seed", inputmode: "numeric", autocomplete: "off", "aria-label": "Seed: the same number shuffles the same way", title: "Seed: the same number shuffles the same way",
      onchange: () => this.#reorder(), onkeydown: (/** @type {KeyboardEvent} */ event) => this.#leave(event, this.seed, () => this.#reorder()),
    });
    this.previous = tool("previous-image", "previous", () => commands.goImage(-1));
    this.next = tool("next-image", "next", () => commands.goImage(1));
    this.position = el("input", {
      class: "position", inputmode: "numeric", autocomplete: "off", "aria-label": "Place in the queue: type a number to go there", onchange: () => this.#jump(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#leave(event, this.position, () => this.#jump()), onfocus: () => this.position.select(),
    });
    this.total = el("span", { class: "total" });
    this.name = el("button", { type: "button", class: "name", title: tooltip("find-image"), onclick: () => commands.findImage() });
    this.status = el("span", { class: "chip" });
    this.fix = el("button", { type: "button", class: "chip fix", hidden: true, onclick: () => commands.fixImage() });
    this.done = el("span", { class: "progress-done" });
    this.pace = el("span", { class: "progress-pace" });
    this.meter = el("span", { class: "progress-meter" }, el("span", {}));
    this.progress = el("span", { class: "group progress", role: "img", hidden: true }, this.done, this.meter, this.pace);
    this.undo = tool("undo", "undo", () => commands.undo());
    this.redo = tool("redo", "redo", () => commands.redo());
    this.flag = tool("needs-fix", "flag", () => commands.fixImage());
    this.submit = el("button", { type: "button", class: "primary", title: tooltip("submit"), onclick: () => commands.submit() }, icon("check"), "Submit");
    this.element = el(
      "header",
      { class: "bar", "aria-label": "Queue and tools" },
      el("span", { class: "group" }, this.filter, this.order, this.seed),
      el("span", { class: "group pager" }, this.previous, this.position, this.total, this.next, tool("find-image", "search", () => commands.findImage())),
      el("span", { class: "group title" }, this.name, this.status, this.fix),
      this.progress,
      el("span", { class: "group" }, this.undo, this.redo),
      el("span", { class: "group" },
        tool("fit-person", "fitPerson", () => commands.fitView(false)),
        tool("fit-image", "fitImage", () => commands.fitView(true)),
        this.flag,
        el("button", { type: "button", class: "tool", title: tooltip("help"), "aria-label": tooltip("help"), onclick: () => commands.toggleHelp() }, "?")),
      this.submit,
      this.finder.element,
      this.fixing.element,
    );
  }

  /** Whether one of its dialogs is open: keys are then its own. */
  get modal() {
    return this.finder.element.open || this.fixing.element.open;
  }

  closeDialogs() {
    for (const { element } of [this.finder, this.fixing]) if (element.open) element.close();
  }

  render() {
    const { session } = this;
    const { queue, filter, imageId, doc } = session;
    for (const [i, [value, name]] of FILTERS.entries()) {
      const option = this.filter.options[i];
      if (option) setText(option, `${name} (${queue.count(value).toLocaleString("en")})`);
    }
    this.#renderParts();
    if (this.filter.value !== filter) this.filter.value = filter;
    if (this.order.value !== session.work.order) this.order.value = session.work.order;
    this.seed.hidden = session.work.order !== "random";
    if (this.#focused() !== this.seed) this.seed.value = String(session.work.seed);
    const known = imageId !== null && queue.has(imageId);
    const total = queue.count(filter);
    const inside = known && queue.passes(imageId, filter);
    if (this.#focused() !== this.position) this.position.value = inside ? String(queue.rank(imageId, filter)) : "–";
    this.position.style.width = `${Math.max(String(total).length, 2) + 2}ch`;
    setText(this.total, `/ ${total.toLocaleString("en")}`);
    this.previous.disabled = !known || queue.neighbour(imageId, -1, filter) === null;
    this.next.disabled = !known || queue.neighbour(imageId, 1, filter) === null;
    setText(this.name, doc?.image.file_name ?? "");
    setAttribute(this.name, "title", doc ? `${doc.image.file_name} (image ${doc.image.id}, ${doc.image.width} × ${doc.image.height}). ${tooltip("find-image")}` : null);
    setText(this.status, doc ? STATUS_NAMES[doc.image.status] : "");
    setAttribute(this.status, "data-status", doc?.image.status ?? null);
    this.#renderFix();
    this.#renderProgress();
    const { undoable, redoable } = session.history;
    this.undo.disabled = undoable === null;
    this.redo.disabled = redoable === null;
    setAttribute(this.undo, "title", undoable ? `${tooltip("undo")}: ${undoable.label}` : tooltip("undo"));
    setAttribute(this.redo, "title", redoable ? `${tooltip("redo")}: ${redoable.label}` : tooltip("redo"));
    this.submit.disabled = doc === null;
    this.flag.disabled = doc === null;
  }

  /** The parts of the queue that only the server knows: marked images by source and kind, and what somebody labelled. */
  #renderParts() {
    const { queue, filter } = this.session;
    /** @type {Map<string, number>} */
    const marked = new Map();
    for (const [source, kind, images] of queue.marks) if (images) marked.set(`mark:${source}`, 0).set(`mark:${source}:${kind}`, images);
    const labelled = new Map(queue.labellers.map((name) => [`by:${name}`, 0]));
    if (partOf(filter)) (isMark(filter) ? marked : labelled).set(filter, queue.count(filter));
    for (const [group, parts] of /** @type {const} */ ([[this.marked, marked], [this.labelled, labelled]])) {
      const lines = [...parts].map(([value, images]) => [value, partName(value) + (images || value === filter ? ` (${images.toLocaleString("en")})` : "")]);
      const signature = JSON.stringify(lines);
      if (group.dataset.shown === signature) continue;
      group.dataset.shown = signature;
      group.replaceChildren(...lines.map(([value = "", text = ""]) => el("option", { value }, text)));
      if (lines.length) this.filter.append(group);
      else group.remove();
    }
  }

  #renderFix() {
    const image = this.session.doc?.image;
    const why = image?.fix_note ?? image?.finding ?? null;
    this.fix.hidden = why === null;
    setText(this.fix, image?.fix_note ? `Fix: ${image.fix_note}` : "Needs fix");
    setAttribute(this.fix, "title", why === null ? null : `${image?.fix_note ? `${image.fix_author ?? "somebody"}: ` : ""}${why}`);
  }

  #renderProgress() {
    const { progress } = this.session.work;
    this.progress.hidden = progress === null;
    if (!progress) return;
    const { done, pace, share, details } = summary(progress);
    setText(this.done, done);
    setText(this.pace, pace);
    setAttribute(this.progress, "title", details);
    setAttribute(this.progress, "aria-label", details.replaceAll("\n", ". "));
    /** @type {HTMLElement} */ (this.meter.firstElementChild).style.width = `${100 * share}%`;
  }

  #focused() {
    return /** @type {Document | ShadowRoot} */ (this.element.getRootNode()).activeElement;
  }

  #reorder() {
    const seed = Number(this.seed.value.trim() || this.session.work.seed);
    if (Number.isSafeInteger(seed)) this.session.setOrder(/** @type {Order} */ (this.order.value), seed);
    this.seed.blur();
    this.render();
  }

  #jump() {
    const rank = Number(this.position.value.trim());
    if (Number.isInteger(rank) && rank >= 1) this.session.goRank(Math.min(rank, this.session.queue.count(this.session.filter)));
    this.position.blur();
    this.render();
  }

  /** @param {KeyboardEvent} event @param {HTMLInputElement} field @param {() => void} run */
  #leave(event, field, run) {
    if (event.key === "Enter") run();
    if (event.key !== "Escape") return;
    field.blur();
    this.render();
  }
}

/**
 * What a part of the queue is called: "suspects", "suspects · limb", "anna".
 * @param {string} part
 */
function partName(part) {
  const [source = "", ...kind] = part.slice(part.indexOf(":") + 1).split(":");
  return part.startsWith("mark:") && kind.length ? `${source} · ${kind.join(":")}` : part.slice(part.indexOf(":") + 1);
}
