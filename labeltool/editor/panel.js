/** The panel beside the photo: people, and the joints of the selected one with their flags, sources and confidences. */

import { action, tooltip } from "./actions.js";
import { sidesOf } from "./colours.js";
import { el, icon, setAttribute, setText } from "./dom.js";
import { isLocked, jointOf, say } from "./edits.js";

/** @import {Commands} from "./actions.js" */
/** @import {Session} from "./session.js" */
/** @import {Flag, Person, Source} from "./types.js" */

/** @type {Readonly<Record<Source, string>>} */
const SOURCE_NAMES = { imported: "imported", predicted: "predicted", accepted: "accepted", moved: "moved", added: "added", removed: "removed" };

/** @type {readonly {v: Flag, id: string, name: string}[]} */
const FLAGS = [
  { v: 2, id: "visible", name: "visible" },
  { v: 1, id: "hidden", name: "hidden" },
  { v: 0, id: "not-labelled", name: "not labelled" },
];

/**
 * @typedef {{
 *   row: HTMLElement, name: HTMLButtonElement, flags: Map<Flag, HTMLButtonElement>, source: HTMLElement, confidence: HTMLElement,
 * }} JointRow
 */

export class Panel {
  /** @type {Map<string, JointRow>} */
  #rows = new Map();
  #built = "";
  #shownPeople = "";

  /** @param {Session} session @param {Commands} commands */
  constructor(session, commands) {
    this.session = session;
    this.count = el("span", { class: "count" });
    this.people = el("ul", { class: "people-list" });
    this.title = el("h2", {}, "Joints");
    const tool = (/** @type {string} */ id, /** @type {import("./dom.js").IconName} */ name, /** @type {() => void} */ run) =>
      el("button", { type: "button", class: "tool", title: tooltip(id), "aria-label": tooltip(id), onclick: run }, icon(name));
    this.accept = el("button", { type: "button", class: "tool wide", title: tooltip("accept"), onclick: () => commands.acceptPerson() }, icon("check"), "Accept");
    this.place = tool("place", "place", () => commands.togglePlacing());
    this.swapAll = tool("swap-all", "swap", () => commands.swap(true));
    this.remove = tool("delete-person", "trash", () => commands.removePerson());
    this.columns = el(
      "div",
      { class: "columns", "aria-hidden": true },
      el("span", {}, "joint"), el("span", { class: "v" }, ...FLAGS.map(({ v }) => el("span", {}, String(v)))), el("span", {}, "source"), el("span", {}, "conf."),
    );
    this.joints = el("ul", { class: "joint-list", "aria-label": "Joints" });
    this.empty = el("p", { class: "empty" });
    this.element = el(
      "aside",
      { class: "panel", "aria-label": "People and joints" },
      el("section", { class: "people-section" }, el("div", { class: "head" }, el("h2", {}, "People"), this.count), this.people),
      el("section", { class: "joints-section" },
        el("div", { class: "head" }, this.title, el("span", { class: "tools" }, this.accept, this.place, this.swapAll, this.remove)),
        this.columns, this.joints, this.empty),
      legend(),
    );
  }

  render() {
    this.#renderPeople();
    this.#buildJoints();
    this.#renderJoints();
  }

  /** Scrolls the selected person and joint into sight. */
  reveal() {
    const { joint } = this.session.selection;
    this.people.querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest" });
    if (joint !== null) this.#rows.get(joint)?.row.scrollIntoView({ block: "nearest" });
  }

  #renderPeople() {
    const { session } = this;
    const people = session.doc?.people ?? [];
    const numbers = new Map(people.filter((p) => !p.crowd).map((p, i) => [p.id, i + 1]));
    const items = people.map((person) => ({
      person,
      label: person.crowd ? "Crowd region" : `Person ${numbers.get(person.id)}`,
      conflict: session.outbox.conflicts.has(person.id),
      what: session.outbox.conflicts.has(person.id) ? "conflict" : summary(person),
      pressed: person.id === session.selection.person ? "true" : "false",
    }));
    const signature = JSON.stringify(items.map(({ person, label, what, pressed }) => [person.id, label, what, pressed]));
    if (signature === this.#shownPeople) return;
    this.#shownPeople = signature;
    setText(this.count, String(people.filter((p) => !isLocked(p)).length));
    const rows = items.map(({ person, label, conflict, what, pressed }) => {
      const button = el(
        "button",
        { type: "button", class: "person", disabled: isLocked(person), "aria-pressed": pressed, onclick: () => session.select(person.id, null) },
        person.crowd ? icon("lock") : null, el("span", { class: "who" }, label), el("span", { class: "what" }, what),
      );
      const restore = person.deleted && !person.crowd
        ? el("button", { type: "button", class: "tool wide", onclick: () => session.removePerson(person.id, false) }, icon("restore"), "Restore")
        : null;
      return el("li", { class: conflict ? "in-conflict" : null }, button, restore);
    });
    const focused = this.#focusedPerson();
    this.people.replaceChildren(...rows);
    if (focused >= 0) this.people.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
  }

  /** The place of the focused button among those of the list, -1 for none: the list is made anew, the focus should stay. */
  #focusedPerson() {
    const root = /** @type {Document | ShadowRoot} */ (this.people.getRootNode());
    return root.activeElement ? [...this.people.querySelectorAll("button")].indexOf(/** @type {any} */ (root.activeElement)) : -1;
  }

  /** Makes the rows, once for a skeleton. */
  #buildJoints() {
    const { session } = this;
    const names = session.skeleton.joints;
    if (this.#built === names.join()) return;
    this.#built = names.join();
    this.#rows.clear();
    const sides = sidesOf(session.skeleton);
    for (const joint of names) {
      const name = el("button", { type: "button", class: "joint-name", onclick: () => session.select(session.selection.person, joint) },
        el("span", { class: `dot ${sides.get(joint) ?? "middle"}`, "aria-hidden": true }), el("span", {}, say(joint)));
      /** @type {Map<Flag, HTMLButtonElement>} */
      const flags = new Map();
      for (const { v, id, name: word } of FLAGS) {
        flags.set(v, el("button", {
          type: "button", class: `flag v${v}`, title: `${say(joint)}: ${tooltip(id)}`, "aria-label": `${say(joint)}: ${word} (${v})`,
          onclick: () => this.#flag(joint, v),
        }, el("span", { "aria-hidden": true })));
      }
      const source = el("span", { class: "source" });
      const confidence = el("span", { class: "confidence" });
      const row = el("li", { class: "joint" }, name, el("span", { class: "flags", role: "group", "aria-label": `Flag of ${say(joint)}` }, ...flags.values()), source, confidence);
      this.#rows.set(joint, { row, name, flags, source, confidence });
    }
    this.joints.replaceChildren(...[...this.#rows.values()].map(({ row }) => row));
  }

  #renderJoints() {
    const { session } = this;
    const { person, selection, hover, doc } = session;
    const locked = !person || isLocked(person);
    this.joints.hidden = this.columns.hidden = !person;
    this.empty.hidden = person !== null;
    setText(this.empty, doc?.people.length ? "Click a person to see the joints." : doc ? "There are no people in this image." : "");
    for (const button of [this.place, this.swapAll, this.remove]) button.disabled = locked;
    this.accept.disabled = locked || !Object.values(person.joints).some((joint) => joint.source === "predicted" && joint.v > 0);
    setAttribute(this.place, "aria-pressed", session.placing ? "true" : "false");
    if (!person) return;
    for (const [joint, parts] of this.#rows) {
      const value = jointOf(person, joint);
      const selected = selection.joint === joint;
      setAttribute(parts.row, "data-selected", selected ? "" : null);
      setAttribute(parts.row, "data-hover", hover?.person === person.id && hover.joint === joint ? "" : null);
      setAttribute(parts.row, "data-v", String(value.v));
      setAttribute(parts.name, "aria-current", selected ? "true" : null);
      for (const [v, button] of parts.flags) {
        setAttribute(button, "aria-pressed", value.v === v ? "true" : "false");
        button.disabled = locked;
      }
      const known = value.v > 0 || value.source === "removed";
      setText(parts.source, known ? SOURCE_NAMES[value.source] : "");
      setAttribute(parts.source, "data-source", known ? value.source : null);
      const fromModel = value.source === "predicted" || value.source === "accepted";
      const confidence = fromModel && value.v > 0 ? (value.confidence ?? null) : null;
      setText(parts.confidence, confidence === null ? "" : confidence.toFixed(2));
      setAttribute(parts.confidence, "title", confidence === null ? null : "The model's confidence in its prediction");
    }
  }

  /** @param {string} joint @param {Flag} v */
  #flag(joint, v) {
    const { person } = this.session;
    if (!person) return;
    if (jointOf(person, joint).v === v) this.session.select(person.id, joint);
    else this.session.flag(v, { person: person.id, joint });
  }
}

/** @param {Person} person */
function summary(person) {
  if (person.deleted) return "deleted";
  if (person.crowd) return "locked";
  const joints = Object.values(person.joints);
  const predicted = joints.filter((joint) => joint.source === "predicted" && joint.v > 0).length;
  const labelled = joints.filter((joint) => joint.v > 0).length - predicted;
  const parts = [];
  if (labelled || !predicted) parts.push(labelled === 1 ? "1 joint" : `${labelled} joints`);
  if (predicted) parts.push(`${predicted} predicted`);
  return parts.join(", ");
}

function legend() {
  const sign = (/** @type {string} */ kind, /** @type {string} */ text) => el("span", {}, el("i", { class: kind, "aria-hidden": true }), text);
  return el(
    "section",
    { class: "legend", "aria-label": "What the signs mean" },
    sign("sign v2", "2 visible"),
    sign("sign v1", "1 labelled, but hidden"),
    sign("sign v0", "0 not labelled"),
    sign("dot left", "their left"),
    sign("dot right", "their right"),
    sign("sign dashed", "predicted: not yet a label"),
    el("span", { class: "help-line" }, "All keys: press ", el("kbd", {}, action("help").keys[0] ?? "?")),
  );
}
