/**
 * Two labellers, one person: the panel in which a labeller chooses between both versions joint by joint, and the note that says
 * what was put together because the changes left each other alone.
 */

import { el, setAttribute } from "./dom.js";
import { say } from "./edits.js";
import { changedByThem, chosen, differences } from "./saves.js";

/** @import {Difference, ThreeWay} from "./saves.js" */
/** @import {Session} from "./session.js" */
/** @import {Box, ImageRecord, Joint, Person} from "./types.js" */

/** @typedef {"mine" | "theirs"} Side */

export class ConflictPanel {
  #shown = "";
  /** The person whose conflict is shown. @type {number | null} */
  #person = null;
  /** @type {Map<string, Side>} what the labeller has chosen so far */
  #choices = new Map();

  /** @param {Session} session @param {() => void} onDone where the focus goes when nothing is left to choose */
  constructor(session, onDone) {
    this.session = session;
    this.onDone = onDone;
    this.body = el("div", {});
    this.note = el("div", { class: "merged", role: "status", hidden: true });
    this.conflict = el("section", { class: "conflict", role: "region", "aria-label": "Conflict", tabindex: -1, hidden: true }, this.body);
    this.told = el("p", { class: "sr-only", role: "alert" });
    this.element = el("div", { class: "conflicts" }, this.told, this.note, this.conflict);
  }

  /** Does the panel have the focus? */
  get focused() {
    const root = /** @type {Document | ShadowRoot} */ (this.element.getRootNode());
    return this.element.contains(root.activeElement);
  }

  /** Brings the panel into view, on the image it is about, with the focus on its first choice. */
  show() {
    const [conflict] = this.session.conflicts;
    if (conflict && conflict.theirs.image_id !== this.session.imageId) void this.session.open(conflict.theirs.image_id);
    const first = this.conflict.querySelector(".choice, button");
    if (first instanceof HTMLElement) first.focus();
    else this.conflict.focus();
  }

  render() {
    this.#renderNote();
    const { conflicts, imageId } = this.session;
    const found = conflicts.find((c) => c.theirs.id === this.#person) ?? conflicts.find((c) => c.theirs.image_id === imageId) ?? conflicts[0];
    this.conflict.hidden = !found;
    if (!found) {
      this.#shown = "";
      this.#person = null;
      this.told.textContent = "";
      return;
    }
    if (found.theirs.id !== this.#person) {
      this.#person = found.theirs.id;
      this.#choices.clear();
      this.told.textContent = "Conflict: somebody else saved this person first. The button Show in the status line leads to it.";
    }
    const signature = JSON.stringify([found.mine, found.theirs, imageId, conflicts.length, [...this.#choices]]);
    if (signature === this.#shown) return;
    this.#shown = signature;
    const focus = this.focused ? keyOf(this.element) : null;
    this.body.replaceChildren(...this.#content(found, found.image, conflicts.length));
    if (focus !== null) this.#focus(focus);
  }

  /** @param {ThreeWay} versions @param {ImageRecord | null} image @param {number} many @returns {(Node | string)[]} */
  #content(versions, image, many) {
    const { theirs } = versions;
    const here = theirs.image_id === this.session.imageId;
    const found = differences(versions, this.session.skeleton.joints);
    const whole = found.find((d) => d.what === "person");
    const rows = whole ? [whole] : found;
    const also = changedByThem(versions);
    const open = rows.filter((d) => this.#side(d) === null);
    const where = here ? null : el("p", {}, `It is about ${image?.file_name ?? `image ${theirs.image_id}`}. `, this.#button("go", "link", "Go to the image", () => this.show()));
    return [
      el("h2", {}, `Somebody else saved this person first${many > 1 ? ` (1 of ${many})` : ""}`),
      el("p", {}, `${who(theirs)}. ${here ? "Theirs is drawn in pink. " : ""}Nothing is overwritten until you choose.`),
      ...(where ? [where] : []),
      rows.length ? this.#table(rows) : el("p", {}, "The two versions do not differ."),
      ...(also.length ? [el("p", { class: "also" }, `Changed by them alone, and kept: ${also.map(say).join(", ")}.`)] : []),
      el("div", { class: "choices" },
        this.#button("save", "primary", "Save my choices", () => this.#decide((d) => this.#side(d) ?? "theirs", "choose"), open.length > 0 || !rows.length),
        this.#button("mine", "tool wide", "Keep mine", () => this.#decide(() => "mine", "keep_mine")),
        this.#button("theirs", "tool wide", "Take theirs", () => this.#decide(() => "theirs", "take_theirs"))),
      el("p", { class: "left", role: "status" }, open.length ? `${open.length} of ${rows.length} still to choose` : ""),
    ];
  }

  /** @param {readonly Difference[]} rows */
  #table(rows) {
    const head = ["", "Mine", "Theirs", "px"].map((text) => el("th", { scope: "col", ...(text === "px" && { title: "How far apart, in photo pixels" }) }, text));
    return el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows.map((row) => this.#row(row))));
  }

  /** @param {Difference} row */
  #row(row) {
    const point = (/** @type {boolean} */ on) => () => {
      const joint = on && this.session.skeleton.joints.includes(row.what) && this.#person !== null;
      this.session.setHover(joint ? { person: /** @type {number} */ (this.#person), joint: row.what } : null);
    };
    const gap = distance(row);
    return el(
      "tr",
      { onpointerenter: point(true), onpointerleave: point(false), onfocusin: point(true), onfocusout: point(false) },
      el("th", { scope: "row" }, say(row.what), row.both ? null : el("small", {}, " only you")),
      el("td", {}, this.#choice(row, "mine")),
      el("td", {}, this.#choice(row, "theirs")),
      el("td", { class: "gap" }, gap === null ? "" : gap.toFixed(1)),
    );
  }

  /** @param {Difference} row @param {Side} side */
  #choice(row, side) {
    const text = describe(row.what, side === "mine" ? row.mine : row.theirs);
    const pick = () => {
      this.#choices.set(row.what, side);
      this.render();
    };
    const button = this.#button(`${row.what} ${side}`, `choice ${side}`, text, pick);
    setAttribute(button, "aria-pressed", String(this.#side(row) === side));
    setAttribute(button, "aria-label", `${say(row.what)}, ${side}: ${text}`);
    return button;
  }

  /** What is chosen for a field; what only this labeller changed is theirs to keep unless they say otherwise. @param {Difference} row */
  #side(row) {
    return this.#choices.get(row.what) ?? (row.both ? null : "mine");
  }

  /** @param {(row: Difference) => Side} choose @param {string} action */
  #decide(choose, action) {
    const person = this.#person;
    const versions = person === null ? null : this.session.outbox.conflict(person);
    if (person === null || !versions) return;
    const sides = new Map(differences(versions).map((d) => [d.what, choose(d)]));
    // Of a person that one side deleted, one version is taken whole.
    const whole = sides.get("person");
    const wanted = whole === "theirs" ? versions.theirs : whole === "mine" ? versions.mine : chosen(versions, (what) => sides.get(what) ?? "theirs");
    const focused = this.focused;
    this.session.setHover(null);
    this.session.settleConflict(person, wanted, action);
    this.render();
    if (!focused) return;
    if (this.session.conflicts.length) this.show();
    else this.onDone();
  }

  /** @param {string} key @param {string} kind @param {string} text @param {() => void} run @param {boolean} [disabled] */
  #button(key, kind, text, run, disabled = false) {
    return el("button", { type: "button", class: kind, "data-key": key, disabled, onclick: run }, text);
  }

  /** @param {string} key */
  #focus(key) {
    const same = [...this.body.querySelectorAll("button")].find((button) => button.dataset.key === key && !button.disabled);
    (same ?? this.conflict).focus();
  }

  #renderNote() {
    const { merges } = this.session;
    this.note.hidden = !merges.length;
    setAttribute(this.note, "data-count", String(merges.length));
    if (!merges.length) return this.note.replaceChildren();
    const lines = merges.slice(-4).map(({ versions, theirs }) => {
      const mine = differences(versions, this.session.skeleton.joints).map((d) => say(d.what));
      return el("li", {}, `${who(versions.theirs)}: ${theirs.map(say).join(", ") || "nothing else"}. Yours: ${mine.join(", ") || "the same"}.`);
    });
    const dismiss = () => {
      const focused = this.focused;
      this.session.dismissMerges();
      if (focused) this.onDone();
    };
    return this.note.replaceChildren(
      el("p", {}, merges.length === 1 ? "Two labellers changed different joints of one person. Both are kept:" : `${merges.length} people were changed by two labellers, in different joints. Both are kept:`),
      el("ul", {}, ...lines),
      this.#button("ok", "tool wide", "OK", dismiss),
    );
  }
}

/** The button that has the focus inside an element. @param {HTMLElement} element */
function keyOf(element) {
  const root = /** @type {Document | ShadowRoot} */ (element.getRootNode());
  return root.activeElement instanceof HTMLElement ? (root.activeElement.dataset.key ?? "") : "";
}

/** Who saved a version, and when. @param {Person} person */
function who({ saved_by, saved_at }) {
  const at = saved_at === undefined ? "" : ` at ${new Date(saved_at).toLocaleTimeString("en-GB")}`;
  return `Saved by ${saved_by ?? "somebody else"}${at}`;
}

/**
 * A joint, a box or whether a person is deleted, in words.
 * @param {string} what @param {unknown} value
 */
export function describe(what, value) {
  if (what === "person") return value ? "deleted" : "kept";
  if (what === "box") return value ? /** @type {Box} */ (value).map(round).join(", ") : "none";
  const { x, y, v, source } = /** @type {Joint} */ (value);
  if (v === 0) return "not labelled (v\u00a00)";
  return `${round(x)}, ${round(y)} ${v === 2 ? "visible" : "hidden"} (v\u00a0${v})${source === "predicted" ? ", predicted" : ""}`;
}

/** How far apart two places of a joint are, in photo pixels; null where that is no question. @param {Difference} row */
function distance({ what, mine, theirs }) {
  if (what === "box" || what === "person") return null;
  const [a, b] = [/** @type {Joint} */ (mine), /** @type {Joint} */ (theirs)];
  return a.v === 0 || b.v === 0 ? null : Math.hypot(a.x - b.x, a.y - b.y);
}

/** @param {number} value */
function round(value) {
  return String(Math.round(value * 10) / 10);
}
