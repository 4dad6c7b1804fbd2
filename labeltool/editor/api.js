/** Requests to the label server: the bearer token on each, renewed once when it has expired, and errors of two kinds. */

/** @import {Box, ImageDoc, ImageRecord, JointValue, Mark, Project, Size, Status} from "./types.js" */
/** @import {Model} from "./models.js" */
/** @import {Answer, Save} from "./outbox.js" */

/** The server answered, but not with what was asked for. */
export class ServerAnswer extends Error {
  /** @param {number} status @param {string} message @param {any} body */
  constructor(status, message, body) {
    super(message);
    this.name = "ServerAnswer";
    this.status = status;
    this.body = body;
  }
}

/** A request is given up, and tried again later, after so many milliseconds. */
const TIMEOUT = 20_000;

/** Signs that the body of a request that outlives its page may have; browsers refuse more than 64 KiB. */
const KEEPALIVE = 20_000;

/**
 * @typedef {Readonly<{
 *   joints: Readonly<Record<string, Readonly<{x: number, y: number, confidence: number, below?: number}>>>, model: string, version: string, seconds: number,
 * }>} PredictAnswer
 */
/**
 * @typedef {{
 *   total: number, counts: Record<Status, number>, ids: number[], statuses: string, fixes?: string, chosen?: string,
 *   marks?: readonly (readonly [source: string, kind: string, images: number])[], labellers?: readonly string[],
 * }} QueueAnswer
 */
/** @typedef {{id: number | null, exact: boolean, matches: {id: number, file_name: string, status: Status}[]}} FindAnswer */
/**
 * @typedef {Readonly<{done: number, total: number}>} Share
 * @typedef {Readonly<{
 *   images: Readonly<Record<Status, number>>, needs_fix: number, people: Share, joints: Share, seconds_left: number | null,
 *   rate: Readonly<{author: string, people: number, active_seconds: number, people_per_hour: number | null}>,
 * }>} ProgressAnswer
 */

export class Api {
  /** @type {Promise<void> | null} */
  #renewal = null;

  /**
   * @param {string} root the path that the routes lie below, such as `/api`
   * @param {string} token
   * @param {typeof fetch} [fetcher]
   */
  constructor(root, token, fetcher = (input, init) => fetch(input, init)) {
    this.root = root;
    this.token = token;
    this.fetcher = fetcher;
  }

  /** @returns {Promise<Project>} */
  project() {
    return this.#json("GET", "/project");
  }

  /** @param {string} [part] of which images `chosen` is 1: `mark:SOURCE`, `mark:SOURCE:KIND` or `by:LABELLER` @returns {Promise<QueueAnswer>} */
  queue(order = "position", seed = 0, part = "") {
    return this.#json("GET", `/queue?order=${order}&seed=${seed}${part && `&part=${encodeURIComponent(part)}`}`);
  }

  /**
   * Says of some marks of an image that they were looked at and the labels are right; the marks that are left.
   * @param {number} id @param {readonly number[]} marks @returns {Promise<{marks: readonly Mark[]}>}
   */
  settleMarks(id, marks) {
    return this.#json("PUT", `/images/${id}/marks`, { right: marks });
  }

  /** @param {string} text an id or a file name, or a part of one @returns {Promise<FindAnswer>} */
  find(text) {
    return this.#json("GET", `/find?text=${encodeURIComponent(text)}`);
  }

  /** @returns {Promise<ProgressAnswer>} */
  progress() {
    return this.#json("GET", "/progress");
  }

  /**
   * Says what has to be fixed on an image; null: nothing any more.
   * @param {number} id @param {string | null} note @returns {Promise<ImageRecord>}
   */
  fix(id, note) {
    return this.#json("PUT", `/images/${id}/fix`, { note });
  }

  /** The project's guideline as HTML that may be shown as it is. @returns {Promise<string>} */
  async guideline() {
    return (await this.#json("GET", "/guideline")).html;
  }

  /** @param {number} id @returns {Promise<ImageDoc>} */
  image(id) {
    return this.#json("GET", `/images/${id}`);
  }

  /**
   * A photo, or a part of it, and the size of the whole where the server says it.
   * @param {number} id @param {string} query which part: `max=` or `tile=`
   * @returns {Promise<{blob: Blob, size: Size | null}>}
   */
  async photo(id, query) {
    const response = await this.#request("GET", `/images/${id}/photo?${query}`, undefined, 60_000);
    const [width, height] = (response.headers.get("x-photo-size") ?? "").split("x").map(Number);
    return { blob: await response.blob(), size: width && height ? { width, height } : null };
  }

  /**
   * A model's joints for the person in a box.
   * @param {number} imageId @param {{person: number | null, box: Box, model: string | null}} body @returns {Promise<PredictAnswer>}
   */
  predict(imageId, body) {
    return this.#json("POST", `/images/${imageId}/predict`, body);
  }

  /** The models that can pre-fill this project's people. @returns {Promise<Model[]>} */
  models() {
    return this.#json("GET", "/models");
  }

  /**
   * Sends one save. Never throws: whatever happens is one of the outbox' answers.
   * @param {Save} save @param {number} base @returns {Promise<Answer>}
   */
  async save(save, base) {
    try {
      const [method, path, body] = requestOf(save, base);
      const answer = await (await this.#request(method, path, body, TIMEOUT)).json();
      return { kind: "saved", person: save.kind === "status" ? null : answer };
    } catch (error) {
      return answerOf(error);
    }
  }

  /**
   * @param {string} method @param {string} path @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async #json(method, path, body) {
    return (await this.#request(method, path, body, TIMEOUT)).json();
  }

  /**
   * @param {string} method @param {string} path @param {unknown} body @param {number} timeout
   * @returns {Promise<Response>}
   */
  async #request(method, path, body, timeout) {
    let response = await this.#fetch(method, path, body, timeout);
    if (response.status === 401) {
      await this.#renew();
      response = await this.#fetch(method, path, body, timeout);
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  /** @param {string} method @param {string} path @param {unknown} body @param {number} timeout */
  #fetch(method, path, body, timeout) {
    /** @type {Record<string, string>} */
    const headers = { Authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const text = body === undefined ? null : JSON.stringify(body);
    return this.fetcher(this.root + path, {
      method,
      headers,
      body: text,
      keepalive: text !== null && text.length < KEEPALIVE, // A save on its way outlives the page that sent it.
      credentials: "same-origin",
      signal: AbortSignal.timeout(timeout),
    });
  }

  /** One renewal serves every request that found its token expired. */
  #renew() {
    this.#renewal ??= this.#fetch("POST", "/token", undefined, TIMEOUT)
      .then(async (response) => {
        if (!response.ok) throw await errorOf(response);
        this.token = (await response.json()).token;
      })
      .finally(() => {
        this.#renewal = null;
      });
    return this.#renewal;
  }
}

/**
 * The request that a save is.
 * @param {Save} save @param {number} base @returns {[method: string, path: string, body: Record<string, unknown>]}
 */
function requestOf(save, base) {
  if (save.kind === "status") {
    const { status, reason } = save;
    return ["PUT", `/images/${save.imageId}/status`, reason === undefined ? { status } : { status, reason }];
  }
  const { editId: edit_id, action, activeSeconds: active_seconds } = save;
  const common = { edit_id, action, active_seconds };
  if (save.kind === "create") {
    return ["POST", `/images/${save.imageId}/people`, { ...common, box: save.box, joints: plain(save.joints) }];
  }
  const { joints, ...rest } = save.patch;
  return ["PUT", `/people/${save.person}`, { base, ...common, ...rest, ...(joints && { joints: plain(joints) }) }];
}

/** The joints without what the server knows by itself. @param {Readonly<Record<string, JointValue>>} joints */
function plain(joints) {
  return Object.fromEntries(Object.entries(joints).map(([name, { x, y, v, source }]) => [name, { x, y, v, source }]));
}

/** @param {unknown} error @returns {Answer} */
function answerOf(error) {
  if (!(error instanceof ServerAnswer)) return { kind: "unreachable", message: "the label server cannot be reached" };
  if (error.status === 409 && error.body?.current) {
    const { current, offered = null } = error.body;
    return { kind: "stale", current, offered };
  }
  if (error.status === 401) return { kind: "unreachable", message: "signed out: open the server's link again", signedOut: true };
  if (error.status >= 500 || error.status === 408 || error.status === 429) return { kind: "unreachable", message: error.message };
  return { kind: "refused", message: error.message };
}

/** @param {Response} response */
async function errorOf(response) {
  /** @type {any} */
  let body = null;
  try {
    body = await response.json();
  } catch {
    // Not JSON: a proxy's page, say. The status line has to do.
  }
  const message = typeof body?.error === "string" ? body.error : `the server answered ${response.status} ${response.statusText}`.trim();
  return new ServerAnswer(response.status, message, body);
}
