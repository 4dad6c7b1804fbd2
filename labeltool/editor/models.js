/** The choice of the model that pre-fills; shown when there is a choice. */

import { el } from "./dom.js";
import { preference, prefer } from "./preferences.js";

/** @import {Session} from "./session.js" */

/** @typedef {Readonly<{name: string, version: string, skeleton: string, default: boolean, loaded: boolean}>} Model */

const PREFERRED = "model";

/** Milliseconds until a server that did not answer is asked again. */
const RETRY = 10_000;

export class ModelPicker {
  #asked = false;

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.element = el("select", { class: "choice model", "aria-label": "Model that pre-fills", title: "Model that pre-fills", hidden: true, onchange: () => this.#choose() });
  }

  /** Asks the server once what there is to choose from. */
  render() {
    if (this.#asked || !this.session.project) return;
    this.#asked = true;
    this.session.api.models().then((models) => this.#offer(models), () => setTimeout(() => (this.#asked = false), RETRY));
  }

  /** @param {readonly Model[]} models */
  #offer(models) {
    this.element.replaceChildren(...models.map(({ name, version }) => el("option", { value: name, title: `${name}, version ${version}` }, name)));
    const known = (/** @type {string | null} */ wanted) => models.find(({ name }) => name === wanted)?.name;
    const chosen = known(this.session.model) ?? known(preference(PREFERRED)) ?? models.find((model) => model.default)?.name ?? models[0]?.name ?? null;
    this.session.model = chosen;
    this.element.value = chosen ?? "";
    this.element.hidden = models.length < 2;
  }

  #choose() {
    this.session.model = this.element.value;
    prefer(PREFERRED, this.element.value);
  }
}
