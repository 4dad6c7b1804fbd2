/** A session before a label server in memory, for the editor's tests. */

import { Session } from "../../labeltool/editor/session.js";
import { FakeServer, settle } from "./samples.js";

/** @import {ImageDoc} from "../../labeltool/editor/types.js" */

/** @param {readonly ImageDoc[]} docs */
export async function sessionOf(docs) {
  const server = new FakeServer(docs);
  const photos = /** @type {any} */ ({ get: async () => ({ kind: "ready", bitmap: { width: 100, height: 80 } }) });
  const session = new Session(/** @type {any} */ (server), { photos });
  await session.start(null);
  await settle();
  server.log.length = 0;
  return { server, session };
}

/** The people that a session shows, without what only the server counts. @param {Session} session */
export function shown(session) {
  return session.doc?.people.map(({ id, box, joints, deleted }) => ({ id, box, joints, deleted })) ?? [];
}

/** What was sent to change something. @param {FakeServer} server */
export function sent(server) {
  return server.log.filter((line) => !line.startsWith("GET"));
}
