/**
 * What a session holds and how it stays true: the project, the queue's statuses, the labels of images, and the saves on their way.
 * The lowest layer: it takes what the server says and tells those who listen; the layers above decide what is shown.
 */

import { Activity } from "./activity.js";
import { Labels } from "./labels.js";
import { isOfFilter } from "./marks.js";
import { Outbox } from "./outbox.js";
import { Docs, Photos } from "./photos.js";
import { isMark, Queue } from "./queue.js";
import { Seen } from "./unsure.js";
import { Worklist } from "./worklist.js";

/** @import {Api} from "./api.js" */
/** @import {Merged, Saved, Stale, Refused} from "./outbox.js" */
/** @import {Save} from "./saves.js" */
/** @import {SaveStore} from "./store.js" */
/** @import {Photo} from "./photos.js" */
/** @import {Filter} from "./queue.js" */
/** @import {ImageDoc, ImageRecord, JointRef, Person, Project, Skeleton, Status} from "./types.js" */

/**
 * @typedef {"queue" | "image" | "photo" | "doc" | "selection" | "preview" | "mode" | "outbox" | "notice"} Topic
 * @typedef {Readonly<{person: number | null, joint: string | null}>} Selection
 * @typedef {Readonly<{text: string, tone: "info" | "warning" | "error", at: number}>} Notice
 */

export class Syncing {
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
  /** Was the selection made by a key since the pointer moved? Then what lies under the resting pointer is not meant. */
  aside = false;
  /** @type {Notice | null} */
  notice = null;
  /** @type {readonly Merged[]} the edits of two labellers that were put together, until the labeller has seen them */
  merges = [];
  activity = new Activity();
  /** The predictions that were looked at. */
  seen = new Seen();

  /** @type {Set<(topic: Topic) => void>} */
  #listeners = new Set();
  /** @type {Map<number, number>} the ids that new people had before the server named them, with those that it gave */
  #names = new Map();

  /**
   * @param {Api} api
   * @param {object} [parts] replaced in tests
   * @param {Photos} [parts.photos]
   * @param {(id: number) => void} [parts.remember] called with the id of each image opened
   * @param {SaveStore | null} [parts.store] where edits are kept until the server has them
   */
  constructor(api, { photos = new Photos(api), remember = () => {}, store = null } = {}) {
    this.api = api;
    this.photos = photos;
    this.remember = remember;
    this.docs = new Docs(api);
    this.work = new Worklist(api, () => this.emit("queue"));
    this.outbox = new Outbox({
      send: (save, base) => api.save(save, base),
      onAnswer: (save, answer) => this.answered(save, answer),
      onTaken: (saves) => this.#taken(saves),
      onChange: () => this.emit("outbox"),
      store,
    });
    this.labels = new Labels({
      outbox: this.outbox,
      activeSeconds: (person) => this.activity.take(person),
      onDoc: (id) => {
        if (id === this.imageId) this.emit("doc");
      },
      onStatus: (id, status) => this.#noteStatus(id, status),
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

  /** @param {Topic} topic */
  emit(topic) {
    for (const listener of [...this.#listeners]) listener(topic);
  }

  /** @param {string} text @param {Notice["tone"]} [tone] */
  say(text, tone = "info") {
    this.notice = { text, tone, at: Date.now() };
    this.emit("notice");
  }

  // --- what there is ----------------------------------------------------------------------------------------------------

  /** @returns {Skeleton} */
  get skeleton() {
    return this.project?.skeleton ?? { name: "", joints: [], limbs: [], flip_pairs: [] };
  }

  /** The open image with its people; null while it is being fetched. */
  get doc() {
    return this.imageId === null ? null : this.labels.get(this.imageId);
  }

  /** The undo stack of the open image. */
  get history() {
    return this.labels.historyOf(this.imageId ?? -1);
  }

  /** @returns {Person | null} */
  get person() {
    return personById(this.doc, this.selection.person);
  }

  // --- what the server says ---------------------------------------------------------------------------------------------

  /**
   * Takes an image as the server has it.
   * @param {ImageDoc} doc
   */
  received(doc) {
    this.labels.receive(doc);
    this.noteFix(doc.image);
    this.#noteMarks(doc.image);
    this.labels.forgetOld(this.imageId);
  }

  /**
   * Takes what the server said to a save.
   * @param {Save} save @param {Saved | Stale | Refused | Merged} answer
   */
  answered(save, answer) {
    if (answer.kind === "saved") {
      this.work.worked();
      this.docs.changed(save.imageId);
      const { person } = answer;
      if (!person) return;
      if (save.kind === "create") this.#named(save.imageId, save.person, person.id);
      if (!this.outbox.holds(person.id)) this.#arrived(person);
      if (person.image_status && !this.outbox.holdsImage(person.image_id)) this.labels.setStatus(person.image_id, person.image_status);
    } else if (answer.kind === "merged") {
      this.merges = [...this.merges, answer];
      this.labels.historyOf(save.imageId).forgetFields(answer.versions.theirs.id, answer.theirs);
      this.labels.put(answer.versions.mine);
    } else if (answer.kind === "refused") {
      this.say(`Not saved: ${answer.message}`, "error");
      if (save.kind === "create") this.labels.drop(save.imageId, save.person);
      else if (save.kind === "person") this.labels.historyOf(save.imageId).forget(save.person);
      this.docs.fetch(save.imageId).then((doc) => this.received(doc), ignore);
    }
  }

  /** @param {readonly Save[]} saves that an earlier page of this browser left behind */
  #taken(saves) {
    this.labels.take(saves);
    for (const save of saves) if (save.kind === "status") this.#noteStatus(save.imageId, save.status);
  }

  /**
   * Takes a person as a save left it. The save may have been sent before, by a page that did not hear the answer: what this page
   * shows then is newer, and the image is fetched once more.
   * @param {Person} person
   */
  #arrived(person) {
    const shown = personById(this.labels.get(person.image_id), person.id);
    if (shown && shown.revision > person.revision) this.docs.fetch(person.image_id).then((doc) => this.received(doc), ignore);
    else this.receivedPerson(person);
  }

  /** @param {Person} person the server's version */
  receivedPerson(person) {
    const doc = this.labels.get(person.image_id);
    if (!doc) return;
    const { image_finding: finding = doc.image.finding } = person;
    const marks = doc.image.marks?.filter((mark) => mark.person !== person.id); // An edit settles them, here as on the server.
    const image = finding === doc.image.finding && marks?.length === doc.image.marks?.length ? doc.image : { ...doc.image, finding, marks };
    this.received({ image, people: doc.people.map((p) => (p.id === person.id ? person : p)) });
  }

  /** The server has given a new person an id. @param {number} imageId @param {number} from @param {number} to */
  #named(imageId, from, to) {
    this.#names.set(from, to);
    if (this.selection.person === from) this.selection = { ...this.selection, person: to };
    if (this.hover?.person === from) this.hover = { ...this.hover, person: to };
    this.activity.rename(from, to);
    this.renamed(from, to);
    this.labels.rename(imageId, from, to);
    this.emit("selection");
  }

  /**
   * The id of a person by an id that it had when a gesture began.
   * @param {number} id
   */
  idOf(id) {
    return this.#names.get(id) ?? id;
  }

  /** A person has another id now. @param {number} _from @param {number} _to */
  renamed(_from, _to) {}

  /**
   * Notes whether an image needs a fix.
   * @param {ImageRecord} image
   */
  noteFix(image) {
    const digit = Number(image.problem !== null) + 2 * Number(Boolean(image.finding)) + 4 * Number(Boolean(image.fix_note));
    if (!this.queue.has(image.id) || this.queue.fix(image.id) === digit) return;
    this.queue.setFix(image.id, digit);
    this.emit("queue");
  }

  /** Notes whether an image still has a mark of those that are shown. @param {ImageRecord} image */
  #noteMarks(image) {
    const { filter, queue } = this;
    if (!isMark(filter) || queue.part !== filter || !image.marks || !queue.has(image.id)) return;
    const chosen = image.marks.some((mark) => isOfFilter(mark, filter));
    if (queue.passes(image.id, filter) === chosen) return;
    queue.setChosen(image.id, chosen);
    this.emit("queue");
  }

  /** @param {number} imageId @param {Status} status */
  #noteStatus(imageId, status) {
    if (!this.queue.has(imageId) || this.queue.status(imageId) === status) return;
    this.queue.setStatus(imageId, status);
    this.emit("queue");
  }
}

/**
 * The person of that id; null when there is none.
 * @param {ImageDoc | null} doc @param {number | null} id
 */
export function personById(doc, id) {
  return doc?.people.find((p) => p.id === id) ?? null;
}

/** For requests whose failure changes nothing. */
export function ignore() {}
