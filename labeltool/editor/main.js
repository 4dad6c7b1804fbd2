/**
 * The Streamlit component: mounts the editor once for each place on the page, and passes new data on to it.
 *
 * Streamlit calls the default export again on every change of data or theme, with the same `parentElement`; the function it
 * returns runs when the component leaves the page. A session outlives its place on the page: going to another page and back
 * finds the same image, undo stack and unsaved edits.
 */

import { usePreset } from "./actions.js";
import { Api } from "./api.js";
import { el } from "./dom.js";
import { Editor } from "./editor.js";
import { preference, prefer } from "./preferences.js";
import { isPreset } from "./presets.js";
import { FILTERS } from "./queue.js";
import { Session } from "./session.js";
import { IndexedStore } from "./store.js";

/** @import {PresetName} from "./presets.js" */
/** @import {Filter} from "./queue.js" */

/**
 * @typedef {Readonly<{api: string, token: string, project: string}>} Data
 *   Where the routes lie, the bearer token for them, and the project's id.
 * @typedef {Readonly<{data: Data, parentElement: HTMLElement | ShadowRoot}>} Component
 */

/** @type {WeakMap<Node, Mounted>} */
const MOUNTED = new WeakMap();

/** @type {Map<string, Session>} */
const SESSIONS = new Map();

class Mounted {
  /** @type {Editor | null} */
  editor = null;
  left = false;

  /** @param {Component} component */
  constructor({ data, parentElement }) {
    this.parent = parentElement;
    const known = SESSIONS.get(data.project);
    const session = known ?? newSession(data);
    SESSIONS.set(data.project, session);
    this.session = session;
    this.update(data);
    const preset = preference("keys");
    if (isPreset(preset)) usePreset(preset);
    this.editor = this.#build();
    if (session.project) session.refreshQueue().catch(() => {});
    else void this.#start(data.project);
  }

  /** @param {Data} data */
  update(data) {
    this.session.api.token = data.token;
  }

  #build() {
    return new Editor(this.session, this.parent, (preset) => this.#usePreset(preset));
  }

  /** Every tooltip names keys: with other keys the editor is made anew, in the same view, with the sheet of keys open again. @param {PresetName} preset */
  #usePreset(preset) {
    prefer("keys", preset);
    usePreset(preset);
    const before = this.editor?.stage;
    this.editor?.dispose();
    this.editor = this.#build();
    if (before) this.editor.stage.takeView(before);
    this.editor.toggleHelp();
    this.editor.help.preset.focus();
  }

  unmount() {
    this.left = true;
    this.session.commitPreview();
    this.editor?.dispose();
    MOUNTED.delete(this.parent);
  }

  /** Starts the session, and starts it again while the server cannot be reached. @param {string} project */
  async #start(project) {
    for (let wait = 500; !this.left; wait = Math.min(wait * 2, 8000)) {
      try {
        const { image, ...rest } = asked();
        await this.session.start(image ?? (rest.filter ? null : remembered(project)), rest);
        return;
      } catch (error) {
        const reason = error instanceof Error && error.name === "ServerAnswer" ? error.message : "the label server cannot be reached";
        this.session.say(`The project cannot be opened: ${reason}. Trying again…`, "error");
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }
}

/** @param {Data} data */
function newSession(data) {
  return new Session(new Api(data.api, data.token), { remember: (id) => keep(data.project, id), store: new IndexedStore() });
}

/**
 * What the page's address asks for (`?image=7&person=12`, `?filter=mark:suspects:limb`), once: a reload finds what is open then.
 * @returns {{image: number | null, person: number | null, filter?: Filter}}
 */
function asked() {
  const address = new URL(location.href);
  const take = (/** @type {string} */ name) => {
    const text = address.searchParams.get(name);
    address.searchParams.delete(name);
    return text;
  };
  const number = (/** @type {string | null} */ text) => (text !== null && /^-?\d+$/.test(text) ? Number(text) : null);
  const [image, person, filter] = [number(take("image")), number(take("person")), take("filter")];
  history.replaceState(history.state, "", address);
  const known = filter !== null && (FILTERS.some(([name]) => name === filter) || /^(mark|by):./.test(filter));
  return known ? { image, person, filter: /** @type {Filter} */ (filter) } : { image, person };
}

/** @param {string} project @returns {number | null} the image that was open last in this browser */
function remembered(project) {
  try {
    const text = localStorage.getItem(`labeltool:${project}:image`);
    return text === null ? null : Number(text);
  } catch {
    return null; // No storage (private window): the queue's first unfinished image will do.
  }
}

/** @param {string} project @param {number} id */
function keep(project, id) {
  try {
    localStorage.setItem(`labeltool:${project}:image`, String(id));
  } catch {
    // As above.
  }
}

/** @param {Component} component @returns {() => void} */
export default function mount(component) {
  const known = MOUNTED.get(component.parentElement);
  if (known) known.update(component.data);
  else if (component.data?.token) MOUNTED.set(component.parentElement, new Mounted(component));
  else component.parentElement.append(el("p", {}, "The editor got no data."));
  return () => MOUNTED.get(component.parentElement)?.unmount();
}
