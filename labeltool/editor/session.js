/**
 * The labelling session: which image is open, what is selected, what was edited, and what the server has taken of it. It knows
 * neither canvas nor panel; they listen to it and call its methods.
 */

import { Activity } from "./activity.js";
import {
  acceptPeople,
  applyEdit,
  difference,
  isLocked,
  jointOf,
  moveJoint,
  personOf,
  placeJoint,
  sameJoint,
  say,
  setDeleted,
  setFlag,
  submitImage,
  swapSides,
} from "./edits.js";
import { clampToPhoto } from "./geometry.js";
import { History } from "./history.js";
import { newEditId, Outbox } from "./outbox.js";
import { Docs, Photos } from "./photos.js";
import { Queue } from "./queue.js";

/** @import {Api} from "./api.js" */
/** @import {Saved, Stale, Refused, Save} from "./outbox.js" */
/** @import {Photo} from "./photos.js" */
/** @import {Filter} from "./queue.js" */
/** @import {Edit, Flag, ImageDoc, ImageRecord, JointRef, Person, Project, Skeleton, Status} from "./types.js" */

/**
 * @typedef {"queue" | "image" | "photo" | "doc" | "selection" | "preview" | "mode" | "outbox" | "notice"} Topic
 * @typedef {Readonly<{person: number, joint: string, x: number, y: number, kind: "drag" | "nudge"}>} Preview
 *   A joint on its way: drawn there, saved when it arrives.
 * @typedef {Readonly<{person: number | null, joint: string | null}>} Selection
 * @typedef {Readonly<{text: string, tone: "info" | "warning" | "error", at: number}>} Notice
 */

/** Images whose labels and photos are fetched ahead. */
const PREFETCH = 2;

/** Images whose labels are kept, besides those with unsaved edits. */
const MAX_DOCS = 200;

export class Session {
  /** @type {Project | null} */
  project = null;
  queue = new Queue([], "");
  /** @type {Filter} */
  filter = "all";
  /** @type {number | null} */
  imageId = null;
  /** @type {Photo | null} null while it is being fetched */
  photo = null;
  /** @type {Selection} */
  selection = { person: null, joint: null };
  /** @type {JointRef | null} the joint under the pointer */
  hover = null;
  /** @type {Preview | null} */
  preview = null;
  /** @type {0 | 1 | 2} the flag that a click places the selected joint with; 0 when not placing */
  placing = 0;
  /** @type {Notice | null} */
  notice = null;
  activity = new Activity();

  /** @type {Map<number, ImageDoc>} what the labeller sees, unsaved edits included */
  #docs = new Map();
  /** @type {Map<number, History>} */
  #histories = new Map();
  /** @type {Map<number, ImageDoc>} what arrived while a joint was on its way */
  #deferred = new Map();
  /** @type {Set<(topic: Topic) => void>} */
  #listeners = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #nudgeTimer;

  /**
   * @param {Api} api
   * @param {object} [parts] replaced in tests
   * @param {Photos} [parts.photos]
   * @param {(id: number) => void} [parts.remember] called with the id of each image opened
   */
  constructor(api, { photos = new Photos(api), remember = () => {} } = {}) {
    this.api = api;
    this.photos = photos;
    this.remember = remember;
    this.docs = new Docs(api);
    this.outbox = new Outbox({
      send: (save, base) => api.save(save, base),
      onAnswer: (save, answer) => this.#answered(save, answer),
      onChange: () => this.#emit("outbox"),
    });
  }

  // --- who listens ------------------------------------------------------------------------------------------------------

  /**
   * Calls a function on every change until the returned function is called.
   * @param {(topic: Topic) => void} listener
   */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // --- what there is ----------------------------------------------------------------------------------------------------

  /** @returns {Skeleton} */
  get skeleton() {
    return this.project?.skeleton ?? { name: "", joints: [], limbs: [], flip_pairs: [] };
  }

  /** The open image with its people; null while it is being fetched. */
  get doc() {
    return this.imageId === null ? null : (this.#docs.get(this.imageId) ?? null);
  }

  /** The undo stack of the open image. */
  get history() {
    return this.#historyOf(this.imageId ?? -1);
  }

  /** @returns {Person | null} */
  get person() {
    return this.doc?.people.find((p) => p.id === this.selection.person) ?? null;
  }

  get dragging() {
    return this.preview?.kind === "drag";
  }

  /** The joint that a flag key means: the one under the pointer, or else the selected one. */
  get target() {
    if (this.hover) return this.hover;
    const { person, joint } = this.selection;
    return person !== null && joint !== null ? { person, joint } : null;
  }

  /** The people in conflict: the labeller's version, where it is known, and the server's. */
  get conflicts() {
    return [...this.outbox.conflicts.values()].map((theirs) => ({
      theirs,
      mine: this.#docs.get(theirs.image_id)?.people.find((p) => p.id === theirs.id) ?? null,
      image: this.#docs.get(theirs.image_id)?.image ?? null,
    }));
  }

  // --- images -----------------------------------------------------------------------------------------------------------

  /**
   * Fetches the project and its queue and opens an image: the remembered one, or the first unfinished one.
   * @param {number | null} remembered
   */
  async start(remembered) {
    const [project] = await Promise.all([this.api.project(), this.refreshQueue()]);
    this.project = project;
    this.#emit("queue");
    const known = remembered !== null && this.queue.has(remembered) ? remembered : null;
    const first = known ?? this.queue.first("unfinished") ?? this.queue.first("all");
    if (first !== null) await this.open(first);
  }

  /** Fetches the queue again: what other labellers did shows. */
  async refreshQueue() {
    const { ids, statuses } = await this.api.queue();
    const queue = new Queue(ids, statuses);
    for (const save of this.outbox.waiting) if (save.kind === "status") queue.setStatus(save.imageId, save.status);
    this.queue = queue;
    this.#emit("queue");
  }

  /** @param {Filter} filter */
  setFilter(filter) {
    this.filter = filter;
    this.#emit("queue");
    this.refreshQueue().catch(() => this.say("The queue could not be fetched; its counts may be old.", "warning"));
    if (this.imageId !== null && filter !== "all") {
      const passes = this.queue.status(this.imageId) === filter;
      const first = passes ? null : this.queue.first(filter);
      if (first !== null) void this.open(first);
    }
  }

  /**
   * Opens an image. The labels known from before show at once; the server's are fetched all the same.
   * @param {number} id
   */
  async open(id) {
    this.commitPreview();
    this.preview = null;
    this.hover = null;
    this.placing = 0;
    this.imageId = id;
    this.photo = null;
    this.remember(id);
    this.#select(firstPerson(this.doc), null);
    this.#emit("image");
    await Promise.all([this.#openDoc(id), this.#openPhoto(id)]);
    if (this.imageId === id) this.#prefetch(id);
  }

  /** @param {number} id */
  async #openDoc(id) {
    try {
      this.#received(await this.docs.fetch(id));
    } catch (error) {
      if (this.imageId === id) this.say(`Labels: ${messageOf(error)}`, "error");
      return;
    }
    if (this.imageId === id && this.selection.person === null) this.#select(firstPerson(this.doc), null);
  }

  /** @param {number} id */
  async #openPhoto(id) {
    /** @type {Photo} */
    let photo;
    try {
      photo = await this.photos.get(id);
    } catch (error) {
      photo = { kind: "broken", message: messageOf(error) };
    }
    if (this.imageId !== id) return;
    this.photo = photo;
    this.#emit("photo");
  }

  /** @param {number} id */
  #prefetch(id) {
    for (const next of this.queue.following(id, PREFETCH, this.filter)) {
      if (!this.#docs.has(next)) this.docs.fetch(next).then((doc) => this.#received(doc), ignore);
      this.photos.get(next).catch(ignore);
    }
  }

  /** @param {1 | -1} step */
  goImage(step) {
    if (this.imageId === null) return;
    const next = this.queue.neighbour(this.imageId, step, this.filter);
    if (next === null) this.say(step === 1 ? "This is the last image of the queue." : "This is the first image of the queue.");
    else void this.open(next);
  }

  /** @param {1 | -1} step */
  goUnfinished(step) {
    if (this.imageId === null) return;
    const next = this.queue.unfinished(this.imageId, step);
    if (next === null) this.say("No other image is unfinished.");
    else void this.open(next);
  }

  /**
   * Opens the image at a 1-based place of the filtered queue.
   * @param {number} rank
   */
  goRank(rank) {
    const id = this.queue.atRank(rank, this.filter);
    if (id !== null) void this.open(id);
  }

  // --- selection --------------------------------------------------------------------------------------------------------

  /** @param {number | null} person @param {string | null} joint */
  select(person, joint) {
    this.commitPreview();
    this.#select(person, joint);
  }

  /** @param {JointRef | null} ref */
  setHover(ref) {
    if (ref?.person === this.hover?.person && ref?.joint === this.hover?.joint) return;
    this.hover = ref;
    this.#emit("selection");
  }

  /** @param {1 | -1} step */
  goPerson(step) {
    const people = this.doc?.people.filter((p) => !isLocked(p)) ?? [];
    if (!people.length) return;
    const at = people.findIndex((p) => p.id === this.selection.person);
    const next = people[at < 0 ? 0 : (at + step + people.length) % people.length];
    if (next) this.select(next.id, null);
  }

  /** @param {1 | -1} step */
  goJoint(step) {
    const person = this.person ?? personById(this.doc, firstPerson(this.doc));
    if (!person) return;
    const names = this.skeleton.joints;
    const at = this.selection.joint === null ? -1 : names.indexOf(this.selection.joint);
    const next = at < 0 ? (step === 1 ? 0 : names.length - 1) : (at + step + names.length) % names.length;
    this.select(person.id, names[next] ?? null);
  }

  // --- edits ------------------------------------------------------------------------------------------------------------

  /**
   * Makes an edit: it shows at once, can be undone, and is on its way to the server.
   * @param {Edit | null} edit
   */
  apply(edit) {
    this.commitPreview();
    this.#apply(edit);
  }

  undo() {
    this.commitPreview();
    this.#replay(this.history.undo(), "Undone");
  }

  redo() {
    this.commitPreview();
    this.#replay(this.history.redo(), "Redone");
  }

  /**
   * Sets the flag of the joint under the pointer, or of the selected one. A joint without a place is placed by the next click.
   * @param {Flag} v @param {JointRef | null} [ref]
   */
  flag(v, ref = this.target) {
    if (!this.doc || !ref) return this.say("Point at a joint or select one first.");
    this.select(ref.person, ref.joint);
    const person = personOf(this.doc, ref.person);
    if (isLocked(person)) return this.say("This person is locked.");
    if (jointOf(person, ref.joint).v === 0) return v === 0 ? undefined : this.setPlacing(v);
    return this.apply(setFlag(this.doc, ref.person, ref.joint, v));
  }

  /** @param {number} dx @param {number} dy whole pixels */
  nudge(dx, dy) {
    const { person, joint } = this.selection;
    if (!this.doc || person === null || joint === null) return;
    const now = this.preview?.kind === "nudge" ? this.preview : jointOf(personOf(this.doc, person), joint);
    if ("v" in now && now.v === 0) return;
    const [x, y] = clampToPhoto(now.x + dx, now.y + dy, this.doc.image);
    this.preview = { person, joint, x, y, kind: "nudge" };
    clearTimeout(this.#nudgeTimer);
    this.#nudgeTimer = setTimeout(() => this.commitPreview(), 600);
    this.#emit("preview");
  }

  /** @param {boolean} all */
  swap(all) {
    const { person, joint } = this.selection;
    if (!this.doc || person === null) return;
    if (!all && joint === null) return this.say("Select a joint first.");
    return this.apply(swapSides(this.doc, person, this.skeleton, all ? null : joint));
  }

  removeJoint() {
    const ref = this.target;
    if (this.doc && ref) this.flag(0, ref);
  }

  /** @param {number | null} [id] @param {boolean} [deleted] */
  removePerson(id = this.selection.person, deleted = true) {
    if (!this.doc || id === null) return;
    this.apply(setDeleted(this.doc, id, deleted));
    if (deleted) this.#select(firstPerson(this.doc), null);
    else this.#select(id, null);
  }

  acceptPerson() {
    if (!this.doc || this.selection.person === null) return;
    const edit = acceptPeople(this.doc, [this.selection.person]);
    if (edit) this.apply(edit);
    else this.say("Nothing to accept: no joint of this person is a prediction.");
  }

  /** Hands the image in (what is still predicted becomes accepted, status done) and opens the next unfinished one. */
  submit() {
    this.commitPreview();
    if (!this.doc) return;
    this.#apply(submitImage(this.doc, "done"));
    const next = this.imageId === null ? null : this.queue.unfinished(this.imageId, 1);
    if (next === null) this.say("Submitted. No other image is unfinished.");
    else void this.open(next);
  }

  /** @param {Status} status */
  setStatus(status) {
    if (!this.doc || this.doc.image.status === status) return;
    const change = { before: this.doc.image.status, after: status };
    this.apply({ action: "status", label: `status ${say(status)}`, changes: [], status: change });
  }

  // --- placing and dragging -----------------------------------------------------------------------------------------------

  /** @param {0 | 1 | 2} v the flag that placed joints get; 0 stops placing */
  setPlacing(v) {
    this.commitPreview();
    if (v !== 0 && !this.person) return this.say("Select a person first.");
    if (v !== 0 && this.selection.joint === null) this.#select(this.selection.person, this.#unlabelled() ?? this.skeleton.joints[0] ?? null);
    this.placing = v;
    this.#emit("mode");
  }

  /**
   * Places the selected joint; an unlabelled one takes the selection on to the next unlabelled one.
   * @param {number} x @param {number} y
   */
  place(x, y) {
    const { person, joint } = this.selection;
    if (!this.doc || this.placing === 0 || person === null || joint === null) return;
    const fresh = jointOf(personOf(this.doc, person), joint).v === 0;
    this.apply(placeJoint(this.doc, person, joint, x, y, this.placing));
    const next = fresh ? this.#unlabelled() : null;
    if (next !== null) this.#select(person, next);
    this.placing = next === null ? 0 : 2;
    this.#emit("mode");
  }

  /** @param {JointRef} ref */
  beginDrag(ref) {
    if (!this.doc || isLocked(personOf(this.doc, ref.person))) return;
    this.select(ref.person, ref.joint);
    const { x, y } = jointOf(personOf(this.doc, ref.person), ref.joint);
    this.preview = { ...ref, x, y, kind: "drag" };
    this.#emit("preview");
  }

  /** @param {number} x @param {number} y */
  dragTo(x, y) {
    if (!this.preview || !this.doc) return;
    const [px, py] = clampToPhoto(x, y, this.doc.image);
    this.preview = { ...this.preview, x: px, y: py };
    this.#emit("preview");
  }

  /** Ends a drag or a series of nudges: the joint is where it is, as one edit. */
  commitPreview() {
    clearTimeout(this.#nudgeTimer);
    const preview = this.preview;
    if (!preview || !this.doc) return;
    this.preview = null;
    this.#apply(moveJoint(this.doc, preview.person, preview.joint, preview.x, preview.y));
    this.#takeDeferred();
    this.#emit("preview");
  }

  /** Ends a drag or a series of nudges as if it had not been. */
  cancelPreview() {
    clearTimeout(this.#nudgeTimer);
    this.preview = null;
    this.#takeDeferred();
    this.#emit("preview");
  }

  // --- conflicts --------------------------------------------------------------------------------------------------------

  /** @param {number} id a person in conflict: the labeller's version is saved on top of the other one */
  keepMine(id) {
    const found = this.conflicts.find((c) => c.theirs.id === id);
    if (!found?.mine) return;
    const patch = difference(found.theirs, found.mine);
    const common = { kind: /** @type {const} */ ("person"), editId: newEditId(), imageId: found.theirs.image_id, person: id };
    this.outbox.keepMine(id, patch && { ...common, patch, action: "keep_mine", activeSeconds: this.activity.take() });
  }

  /** @param {number} id a person in conflict: the labeller's unsaved changes are dropped */
  takeTheirs(id) {
    const found = this.conflicts.find((c) => c.theirs.id === id);
    if (!found) return;
    this.#historyOf(found.theirs.image_id).forget(id);
    this.outbox.takeTheirs(id);
    this.#replacePerson(found.theirs);
  }

  // --- messages ---------------------------------------------------------------------------------------------------------

  /** @param {string} text @param {Notice["tone"]} [tone] */
  say(text, tone = "info") {
    this.notice = { text, tone, at: Date.now() };
    this.#emit("notice");
  }

  // --- inside -----------------------------------------------------------------------------------------------------------

  /** @param {Topic} topic */
  #emit(topic) {
    for (const listener of [...this.#listeners]) listener(topic);
  }

  /** @param {number} imageId */
  #historyOf(imageId) {
    let history = this.#histories.get(imageId);
    if (!history) this.#histories.set(imageId, (history = new History()));
    return history;
  }

  /** @param {number | null} person @param {string | null} joint */
  #select(person, joint) {
    this.selection = { person, joint };
    this.#emit("selection");
  }

  /** The first joint of the selected person, from the selected one on, that is not labelled. */
  #unlabelled() {
    const person = this.person;
    const names = this.skeleton.joints;
    if (!person) return null;
    const from = Math.max(this.selection.joint === null ? 0 : names.indexOf(this.selection.joint), 0);
    return [...names.slice(from), ...names.slice(0, from)].find((name) => jointOf(person, name).v === 0) ?? null;
  }

  /** @param {Edit | null} edit */
  #apply(edit) {
    if (!edit || !this.doc) return;
    this.history.push(edit);
    this.#show(edit);
  }

  /** @param {Edit | null} edit @param {string} word */
  #replay(edit, word) {
    if (!edit || !this.doc) return this.say(word === "Undone" ? "Nothing to undo." : "Nothing to redo.");
    this.#show(edit);
    this.say(`${word}: ${edit.label}`);
  }

  /** @param {Edit} edit */
  #show(edit) {
    if (!this.doc) return;
    const doc = applyEdit(this.doc, edit);
    this.#docs.set(doc.image.id, doc);
    if (edit.status) this.#noteStatus(doc.image.id, edit.status.after);
    this.#emit("doc");
    this.#enqueue(doc.image, edit);
  }

  /** @param {ImageRecord} image @param {Edit} edit */
  #enqueue(image, edit) {
    let activeSeconds = this.activity.take();
    for (const { person, after } of edit.changes) {
      this.outbox.add({ kind: "person", editId: newEditId(), imageId: image.id, person, patch: after, action: edit.action, activeSeconds });
      activeSeconds = 0;
    }
    if (edit.status) this.outbox.add({ kind: "status", editId: newEditId(), imageId: image.id, status: edit.status.after });
  }

  /** @param {Save} save @param {Saved | Stale | Refused} answer */
  #answered(save, answer) {
    if (answer.kind === "saved" && answer.person) {
      const { person } = answer;
      if (!this.outbox.holds(person.id)) this.#replacePerson(person);
      if (person.image_status && !this.outbox.holdsImage(person.image_id)) this.#noteStatus(person.image_id, person.image_status);
    } else if (answer.kind === "refused") {
      this.say(`Not saved: ${answer.message}`, "error");
      if (save.kind === "person") this.#historyOf(save.imageId).forget(save.person);
      this.docs.fetch(save.imageId).then((doc) => this.#received(doc), ignore);
    }
  }

  /** @param {number} imageId @param {Status} status */
  #noteStatus(imageId, status) {
    const doc = this.#docs.get(imageId);
    if (doc && doc.image.status !== status) this.#docs.set(imageId, { ...doc, image: { ...doc.image, status } });
    if (this.queue.has(imageId) && this.queue.status(imageId) !== status) {
      this.queue.setStatus(imageId, status);
      this.#emit("queue");
    }
  }

  /** @param {Person} person the server's version */
  #replacePerson(person) {
    const doc = this.#docs.get(person.image_id);
    if (!doc) return;
    const people = doc.people.map((p) => (p.id === person.id ? person : p));
    this.#received({ ...doc, people });
  }

  /**
   * Takes an image as the server has it; people with unsaved edits stay as the labeller sees them.
   * @param {ImageDoc} doc
   */
  #received(doc) {
    const id = doc.image.id;
    if (this.preview && id === this.imageId) {
      this.#deferred.set(id, doc);
      return;
    }
    const known = this.#docs.get(id);
    const people = doc.people.map((person) => {
      const mine = known?.people.find((p) => p.id === person.id);
      if (mine && (this.outbox.holds(person.id) || mine.revision > person.revision)) return mine;
      if (mine && !sameLabels(mine, person)) this.#historyOf(id).forget(person.id);
      this.outbox.loaded(person);
      return person;
    });
    const held = this.outbox.waiting.some((save) => save.kind === "status" && save.imageId === id);
    const image = held && known ? { ...doc.image, status: known.image.status } : doc.image;
    this.#docs.delete(id);
    this.#docs.set(id, { image, people });
    this.#noteStatus(id, image.status);
    this.#forgetOldDocs();
    if (id === this.imageId) this.#emit("doc");
  }

  #takeDeferred() {
    const deferred = [...this.#deferred.values()];
    this.#deferred.clear();
    for (const doc of deferred) this.#received(doc);
  }

  #forgetOldDocs() {
    for (const id of [...this.#docs.keys()]) {
      if (this.#docs.size <= MAX_DOCS) return;
      const inConflict = [...this.outbox.conflicts.values()].some((person) => person.image_id === id);
      if (id !== this.imageId && !inConflict && !this.outbox.holdsImage(id)) this.#docs.delete(id);
    }
  }
}

/** The person a labeller most likely starts with: the largest one that is not locked. @param {ImageDoc | null} doc */
function firstPerson(doc) {
  let best = null;
  let size = -1;
  for (const person of doc?.people ?? []) {
    const area = person.box ? person.box[2] * person.box[3] : 0;
    if (!isLocked(person) && area > size) [best, size] = [person.id, area];
  }
  return best;
}

/** @param {ImageDoc | null} doc @param {number | null} id */
function personById(doc, id) {
  return doc?.people.find((p) => p.id === id) ?? null;
}

/** @param {Person} a @param {Person} b */
function sameLabels(a, b) {
  return a.deleted === b.deleted && Object.keys(b.joints).every((name) => sameJoint(jointOf(a, name), jointOf(b, name)));
}

/** @param {unknown} error */
function messageOf(error) {
  if (error instanceof Error && error.name === "ServerAnswer") return error.message;
  return "the label server cannot be reached";
}

function ignore() {}
