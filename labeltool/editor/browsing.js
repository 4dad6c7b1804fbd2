/**
 * Going about: the project, its queue, the image that is open with its photo and labels, and what is selected in it. The lowest
 * layer of a session; edits come on top.
 */

import { Activity } from "./activity.js";
import { isLocked } from "./edits.js";
import { Labels } from "./labels.js";
import { Outbox } from "./outbox.js";
import { Docs, Photos } from "./photos.js";
import { Queue } from "./queue.js";
import { Seen } from "./unsure.js";
import { Worklist } from "./worklist.js";

/** @import {Api} from "./api.js" */
/** @import {Merged, Saved, Stale, Refused} from "./outbox.js" */
/** @import {Save} from "./saves.js" */
/** @import {SaveStore} from "./store.js" */
/** @import {Photo} from "./photos.js" */
/** @import {Filter} from "./queue.js" */
/** @import {ImageDoc, ImageRecord, JointRef, Person, Project, Skeleton, Status} from "./types.js" */
/** @import {Order} from "./worklist.js" */

/**
 * @typedef {"queue" | "image" | "photo" | "doc" | "selection" | "preview" | "mode" | "outbox" | "notice"} Topic
 * @typedef {Readonly<{person: number | null, joint: string | null}>} Selection
 * @typedef {Readonly<{text: string, tone: "info" | "warning" | "error", at: number}>} Notice
 */

/** Images whose labels and photos are fetched ahead. */
const PREFETCH = 2;

export class Browsing {
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

  // --- images -----------------------------------------------------------------------------------------------------------

  /**
   * Fetches the project and its queue and opens an image: the remembered one, or the first unfinished one.
   * @param {number | null} remembered
   */
  async start(remembered) {
    const [project] = await Promise.all([this.api.project(), this.refreshQueue()]);
    this.project = project;
    await this.outbox.open(`${project.id ?? project.name} ${project.user}`);
    this.emit("queue");
    void this.work.refresh();
    const known = remembered !== null && this.queue.has(remembered) ? remembered : null;
    const first = known ?? this.queue.first("unfinished") ?? this.queue.first("all");
    if (first !== null) await this.open(first);
  }

  /** Fetches the queue again: what other labellers did shows. */
  async refreshQueue() {
    const { ids, statuses, fixes } = await this.api.queue(this.work.order, this.work.seed);
    const queue = new Queue(ids, statuses, fixes);
    for (const save of this.outbox.waiting) if (save.kind === "status") queue.setStatus(save.imageId, save.status);
    this.queue = queue;
    this.emit("queue");
  }

  /** @param {Filter} filter */
  setFilter(filter) {
    this.filter = filter;
    this.emit("queue");
    this.refreshQueue().catch(() => this.say("The queue could not be fetched; its counts may be old.", "warning"));
    if (this.imageId !== null && filter !== "all") {
      const passes = this.queue.has(this.imageId) && this.queue.passes(this.imageId, filter);
      const first = passes ? null : this.queue.first(filter);
      if (first !== null) void this.open(first);
    }
  }

  /**
   * Opens an image. The labels known from before show at once; the server's are fetched all the same.
   * @param {number} id
   */
  async open(id) {
    this.settle();
    this.hover = null;
    this.imageId = id;
    this.photo = null;
    this.remember(id);
    this.choose(firstPerson(this.doc), null);
    this.emit("image");
    await Promise.all([this.#openDoc(id), this.#openPhoto(id)]);
    if (this.imageId === id) this.#prefetch(id);
  }

  /** @param {number} id */
  async #openDoc(id) {
    try {
      this.received(await this.docs.fetch(id));
    } catch (error) {
      if (this.imageId === id) this.say(`Labels: ${messageOf(error)}`, "error");
      return;
    }
    if (this.imageId === id && this.selection.person === null) this.choose(firstPerson(this.doc), null);
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
    this.emit("photo");
  }

  /** @param {number} id */
  #prefetch(id) {
    const unfinished = this.queue.unfinished(id, 1, this.filter);
    const ahead = new Set([...this.queue.following(id, PREFETCH, this.filter), ...(unfinished === null ? [] : [unfinished])]);
    for (const next of ahead) {
      if (!this.labels.has(next)) this.docs.fetch(next).then((doc) => this.received(doc), ignore);
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
    const next = this.queue.unfinished(this.imageId, step, this.filter);
    if (next === null) this.say("No other image is unfinished.");
    else void this.open(next);
  }

  /**
   * Puts the queue in another order; the open image stays open.
   * @param {Order} order @param {number} seed of the order `random`
   */
  setOrder(order, seed) {
    this.work.choose(order, seed);
    this.refreshQueue().catch(() => this.say("The queue could not be fetched; it stays in the order it was in.", "warning"));
  }

  /**
   * Opens an image that was searched for, whether or not the filter shows it.
   * @param {number} id
   */
  async goTo(id) {
    if (!this.queue.has(id)) await this.refreshQueue().catch(ignore);
    if (!this.queue.has(id)) return this.say(`Image ${id} is not in the queue.`, "warning");
    return this.open(id);
  }

  /**
   * Says what has to be fixed on an image; null: it is fixed.
   * @param {number} id @param {string | null} note
   */
  async setFix(id, note) {
    try {
      const image = await this.api.fix(id, note);
      const doc = this.labels.get(id);
      if (doc) this.received({ ...doc, image: { ...doc.image, fix_note: image.fix_note, fix_author: image.fix_author } });
      this.#noteFix(image);
      this.say(note === null ? "The flag is cleared." : "Flagged: the image is among those that need a fix.");
    } catch (error) {
      this.say(`Not flagged: ${messageOf(error)}`, "error");
    }
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
    this.choose(person, joint);
  }

  /** @param {JointRef | null} ref */
  setHover(ref) {
    if (ref?.person === this.hover?.person && ref?.joint === this.hover?.joint) return;
    this.hover = ref;
    this.emit("selection");
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

  // --- for the layers above ---------------------------------------------------------------------------------------------

  /** Brings to an end what the labeller has in hand; called before another image is opened. */
  settle() {}

  /**
   * Selects, and notes that a selected joint was looked at.
   * @param {number | null} person @param {string | null} joint
   */
  choose(person, joint) {
    this.selection = { person, joint };
    this.activity.about(person);
    if (this.doc && person !== null && joint !== null) this.seen.note(this.doc, person, joint);
    this.emit("selection");
  }

  /**
   * Takes an image as the server has it.
   * @param {ImageDoc} doc
   */
  received(doc) {
    this.labels.receive(doc);
    this.#noteFix(doc.image);
    this.labels.forgetOld(this.imageId);
  }

  /**
   * Takes what the server said to a save.
   * @param {Save} save @param {Saved | Stale | Refused | Merged} answer
   */
  answered(save, answer) {
    if (answer.kind === "saved") this.work.worked();
    if (answer.kind === "saved" && answer.person) {
      const { person } = answer;
      if (save.kind === "create") this.#named(save.imageId, save.person, person.id);
      if (!this.outbox.holds(person.id)) this.#arrived(person);
      if (person.image_status && !this.outbox.holdsImage(person.image_id)) this.labels.setStatus(person.image_id, person.image_status);
    } else if (answer.kind === "merged") {
      this.merges = [...this.merges, answer];
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
    if (doc) this.received({ ...doc, people: doc.people.map((p) => (p.id === person.id ? person : p)) });
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

  /** @param {ImageRecord} image */
  #noteFix(image) {
    const digit = Number(image.problem !== null) + 2 * Number(Boolean(image.finding)) + 4 * Number(Boolean(image.fix_note));
    if (!this.queue.has(image.id) || this.queue.fix(image.id) === digit) return;
    this.queue.setFix(image.id, digit);
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
 * The person a labeller most likely starts with: the largest one that is not locked.
 * @param {ImageDoc | null} doc
 */
export function firstPerson(doc) {
  let best = null;
  let size = -1;
  for (const person of doc?.people ?? []) {
    const area = person.box ? person.box[2] * person.box[3] : 0;
    if (!isLocked(person) && area > size) [best, size] = [person.id, area];
  }
  return best;
}

/**
 * The person of that id; null when there is none.
 * @param {ImageDoc | null} doc @param {number | null} id
 */
export function personById(doc, id) {
  return doc?.people.find((p) => p.id === id) ?? null;
}

/**
 * What went wrong with a request, in words.
 * @param {unknown} error
 */
export function messageOf(error) {
  if (error instanceof Error && error.name === "ServerAnswer") return error.message;
  return "the label server cannot be reached";
}

function ignore() {}
