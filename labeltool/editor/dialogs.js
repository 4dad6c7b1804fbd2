/** The help sheet and the conflict panel. */

import { GESTURES, sheetLines } from "./actions.js";
import { el } from "./dom.js";
import { jointOf, sameJoint, say } from "./edits.js";
import { keycaps } from "./keys.js";

/** @import {Group} from "./actions.js" */
/** @import {Session} from "./session.js" */
/** @import {Joint, Person} from "./types.js" */

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

export class ConflictPanel {
  #shown = "";

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.body = el("div", {});
    this.element = el("section", { class: "conflict", role: "region", "aria-label": "Conflict", tabindex: -1, hidden: true }, this.body);
  }

  /** Brings the panel into view, on the image it is about. */
  show() {
    const [conflict] = this.session.conflicts;
    if (conflict && conflict.theirs.image_id !== this.session.imageId) void this.session.open(conflict.theirs.image_id);
    this.element.focus();
  }

  render() {
    const [conflict] = this.session.conflicts;
    this.element.hidden = !conflict;
    if (!conflict) {
      this.#shown = "";
      return;
    }
    const { mine, theirs, image } = conflict;
    const signature = JSON.stringify([mine, theirs, this.session.imageId]);
    if (signature === this.#shown) return;
    this.#shown = signature;
    const here = theirs.image_id === this.session.imageId;
    const rows = mine ? differences(this.session.skeleton.joints, mine, theirs) : [];
    this.body.replaceChildren(
      el("h2", {}, "Somebody else saved this person first"),
      el("p", {}, here ? "Theirs is drawn in pink. Nothing is overwritten until you choose." : `It is about ${image?.file_name ?? `image ${theirs.image_id}`}.`),
      rows.length
        ? el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, ""), el("th", {}, "Mine"), el("th", {}, "Theirs"))),
            el("tbody", {}, ...rows.map(([name, a, b]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, a), el("td", {}, b)))))
        : el("p", {}, "The two versions do not differ."),
      el("div", { class: "choices" },
        el("button", { type: "button", class: "primary", disabled: mine === null, onclick: () => this.session.keepMine(theirs.id) }, "Keep mine"),
        el("button", { type: "button", class: "tool wide", onclick: () => this.session.takeTheirs(theirs.id) }, "Take theirs"),
        here ? null : el("button", { type: "button", class: "link", onclick: () => this.show() }, "Go to the image")),
    );
  }
}

/**
 * What two versions of a person differ in, as rows of text: what, mine, theirs.
 * @param {readonly string[]} names @param {Person} mine @param {Person} theirs
 * @returns {[string, string, string][]}
 */
export function differences(names, mine, theirs) {
  /** @type {[string, string, string][]} */
  const rows = [];
  for (const name of names) {
    const [a, b] = [jointOf(mine, name), jointOf(theirs, name)];
    if (!sameJoint(a, b)) rows.push([say(name), describeJoint(a), describeJoint(b)]);
  }
  if (String(mine.box) !== String(theirs.box)) rows.push(["box", describeBox(mine), describeBox(theirs)]);
  if (mine.deleted !== theirs.deleted) rows.push(["person", mine.deleted ? "deleted" : "kept", theirs.deleted ? "deleted" : "kept"]);
  return rows;
}

/** @param {Joint} joint */
function describeJoint(joint) {
  if (joint.v === 0) return "not labelled";
  return `${round(joint.x)}, ${round(joint.y)} ${joint.v === 2 ? "visible" : "hidden"}${joint.source === "predicted" ? ", predicted" : ""}`;
}

/** @param {Person} person */
function describeBox(person) {
  return person.box ? person.box.map(round).join(", ") : "none";
}

/** @param {number} value */
function round(value) {
  return String(Math.round(value * 10) / 10);
}
