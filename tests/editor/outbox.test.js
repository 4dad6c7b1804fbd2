import assert from "node:assert/strict";
import { test } from "node:test";

import { newEditId, newPersonId, Outbox } from "../../labeltool/editor/outbox.js";
import { changedByThem, chosen, differences, resolution } from "../../labeltool/editor/saves.js";
import { FakeServer, FakeStore, doc, joint, person, settle } from "./samples.js";

/** @import {CreateSave, Merged, PersonSave, Refused, Save, Saved, Stale} from "../../labeltool/editor/outbox.js" */
/** @import {Rows} from "./samples.js" */

/** @param {number} id @param {number} x @param {string} [name] @returns {PersonSave} */
function save(id, x, name = "head") {
  const patch = { joints: { [name]: joint(x, 1, { source: "moved" }) } };
  const before = { joints: { [name]: /** @type {any} */ (person(id).joints)[name] } };
  return { kind: "person", editId: newEditId(), imageId: 1, person: id, patch, before, action: `move${x}`, activeSeconds: 1 };
}

/** @param {number} id @returns {CreateSave} */
function create(id) {
  return { kind: "create", editId: newEditId(), imageId: 1, person: id, box: [1, 2, 3, 4], joints: {}, action: "add", activeSeconds: 2 };
}

/** A page of a browser: its outbox, the server, and the storage that it shares with the other pages of that browser. */
function setUp({ server = new FakeServer([doc([person(1), person(2)])]), rows = /** @type {Rows} */ (new Map()), alive = new Set() } = {}) {
  /** @type {(() => void)[]} */
  const timers = [];
  /** @type {[Save, string][]} */
  const answers = [];
  /** @type {(Saved | Stale | Refused | Merged)[]} */
  const whole = [];
  /** @type {Save[]} */
  const taken = [];
  const store = new FakeStore(rows, alive);
  const outbox = new Outbox({
    send: (s, base) => server.save(s, base),
    onAnswer: (s, answer) => {
      answers.push([s, answer.kind]);
      whole.push(answer);
    },
    onChange: () => {},
    onTaken: (saves) => taken.push(...saves),
    store,
    now: () => 1000,
    later: (run) => timers.push(run),
    cancel: () => {},
  });
  for (const p of server.docs.get(1)?.people ?? []) outbox.loaded(p);
  return { server, outbox, timers, answers, whole, taken, store, rows, alive };
}

/** A page that is open, and one that was killed. @param {ReturnType<typeof setUp>} page */
async function die(page) {
  page.outbox.send = () => new Promise(() => {}); // Nothing it does reaches anybody any more.
  await settle();
  page.alive.delete(page.store.owner);
}

test("saves go out in order, each from the revision the one before it made", async () => {
  const { server, outbox } = setUp();
  for (let x = 1; x <= 5; x++) outbox.add(save(1 + (x % 2), x));
  assert.equal(outbox.state.state, "saving");
  await settle();
  assert.deepEqual(server.log, [1, 2, 3, 4, 5].map((x) => `PUT ${1 + (x % 2)} move${x} head`));
  assert.deepEqual([server.find(1).revision, server.find(2).revision], [2, 3]);
  assert.deepEqual(outbox.state, { state: "idle", waiting: 0, savedAt: 1000, message: null, kept: true, storage: false });
});

test("an unreachable server keeps every edit, and they arrive once, in order, when it is back", async () => {
  const { server, outbox, timers } = setUp();
  server.reachable = false;
  for (let x = 1; x <= 20; x++) outbox.add(save(1, x));
  await settle();
  assert.equal(outbox.state.state, "offline");
  assert.equal(outbox.state.waiting, 20);
  for (let i = 0; i < 3; i++) {
    timers.pop()?.();
    await settle();
  }
  assert.equal(outbox.state.waiting, 20);
  server.reachable = true;
  outbox.retry();
  await settle();
  assert.deepEqual(server.log, Array.from({ length: 20 }, (_, i) => `PUT 1 move${i + 1} head`));
  assert.equal(server.find(1).revision, 20);
});

test("an edit whose answer was lost is not made twice", async () => {
  const { server, outbox, timers } = setUp();
  const real = server.save.bind(server);
  let lose = true;
  outbox.send = async (s, base) => {
    const answer = await real(s, base);
    if (!lose) return answer;
    lose = false;
    return { kind: "unreachable", message: "the answer was lost" };
  };
  outbox.add(save(1, 7));
  outbox.add(save(1, 8));
  await settle();
  timers.pop()?.();
  await settle();
  assert.deepEqual(server.log, ["PUT 1 move7 head", "PUT 1 move8 head"]);
  assert.equal(outbox.state.state, "idle");
});

test("a conflict holds that person's saves and lets the others through", async () => {
  const { server, outbox } = setUp();
  server.put({ ...server.find(1), revision: 3, joints: { ...server.find(1).joints, head: joint(50, 5) } });
  outbox.add(save(1, 1));
  outbox.add(save(2, 2));
  outbox.add(save(1, 3));
  await settle();
  assert.deepEqual(server.log, ["PUT 2 move2 head"]);
  assert.equal(outbox.state.state, "conflict");
  assert.equal(outbox.conflicts.get(1)?.revision, 3);
  assert.equal(outbox.holds(1), true);
  assert.equal(outbox.holdsImage(1), true);
});

test("keeping mine saves one edit on top of the other version", async () => {
  const { server, outbox } = setUp();
  server.put({ ...server.find(1), revision: 3, joints: { ...server.find(1).joints, head: joint(50, 5) } });
  outbox.add(save(1, 1));
  await settle();
  outbox.keepMine(1, save(1, 9));
  await settle();
  assert.deepEqual(server.log, ["PUT 1 move9 head"]);
  assert.equal(server.find(1).revision, 4);
  assert.equal(outbox.state.state, "idle");
});

test("taking theirs drops what waits for that person, and the next edit starts from their revision", async () => {
  const { server, outbox } = setUp();
  server.put({ ...server.find(1), revision: 3, joints: { head: joint(77, 7) } });
  outbox.add(save(1, 1));
  outbox.add(save(1, 2));
  await settle();
  outbox.takeTheirs(1);
  await settle();
  assert.deepEqual(server.log, []);
  assert.equal(outbox.state.state, "idle");
  outbox.add(save(1, 5));
  await settle();
  assert.equal(server.find(1).revision, 4);
});

test("a refused save leaves the box and is told, and the next one goes on", async () => {
  const { server, outbox, answers } = setUp();
  const real = server.save.bind(server);
  outbox.send = async (s, base) => (s.kind === "person" && s.action === "move1" ? { kind: "refused", message: "no" } : real(s, base));
  outbox.add(save(1, 1));
  outbox.add(save(1, 2));
  await settle();
  assert.deepEqual(answers.map(([, kind]) => kind), ["refused", "saved"]);
  assert.equal(outbox.state.waiting, 0);
});

test("a send that throws counts as unreachable", async () => {
  const { outbox } = setUp();
  outbox.send = async () => {
    throw new Error("boom");
  };
  outbox.add(save(1, 1));
  await settle();
  assert.equal(outbox.state.state, "offline");
  assert.equal(outbox.state.waiting, 1);
});

test("edit ids differ and are hexadecimal", () => {
  const ids = new Set(Array.from({ length: 1000 }, newEditId));
  assert.equal(ids.size, 1000);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});

test("different joints of one person, changed by two labellers, are put together and told", async () => {
  const { server, outbox, whole } = setUp();
  server.put({ ...server.find(1), revision: 3, joints: { ...server.find(1).joints, left_foot: joint(5, 5, { source: "moved" }) } });
  outbox.add(save(1, 1));
  outbox.add(save(1, 2, "left_hand"));
  await settle();
  assert.deepEqual(server.log, ["PUT 1 move1 head", "PUT 1 move2 left_hand"]);
  const { head, left_foot, left_hand } = /** @type {any} */ (server.find(1).joints);
  assert.deepEqual([head.x, left_hand.x, left_foot.x], [1, 2, 5]);
  const [merged] = whole;
  assert.ok(merged?.kind === "merged");
  assert.deepEqual(merged.theirs, ["left_foot"]);
  assert.deepEqual([merged.versions.mine.joints.head?.x, merged.versions.mine.joints.left_foot?.x], [1, 5]);
  assert.equal(outbox.state.state, "idle");
});

test("a joint that both changed is a conflict, whatever else they changed", async () => {
  const { server, outbox } = setUp();
  const theirs = { ...server.find(1).joints, head: joint(50, 5), left_foot: joint(5, 5) };
  server.put({ ...server.find(1), revision: 1, joints: theirs });
  outbox.add(save(1, 1));
  outbox.add(save(1, 2, "left_hand"));
  await settle();
  assert.deepEqual(server.log, []);
  const conflict = outbox.conflict(1);
  assert.deepEqual(conflict && differences(conflict).map(({ what, both }) => [what, both]), [["head", true], ["left_hand", false]]);
  assert.deepEqual(conflict && changedByThem(conflict), ["left_foot"]);
});

test("a person whom somebody else deleted is a conflict, and keeping mine brings it back with my edit", async () => {
  const { server, outbox } = setUp();
  server.put({ ...server.find(1), revision: 1, deleted: true });
  outbox.add(save(1, 1));
  await settle();
  const conflict = outbox.conflict(1);
  assert.ok(conflict);
  assert.deepEqual(differences(conflict).map((d) => d.what), ["head", "person"]);
  outbox.resolve(1, resolution(conflict.theirs, conflict.mine, { editId: newEditId(), action: "keep_mine", activeSeconds: 0 }));
  await settle();
  assert.equal(server.find(1).deleted, false);
  assert.equal(server.find(1).joints.head?.x, 1);
});

test("one save takes the place of all that a conflict held, with their seconds", async () => {
  const { server, outbox, rows } = setUp();
  await outbox.open("p anna");
  server.put({ ...server.find(1), revision: 3, joints: { ...server.find(1).joints, head: joint(50, 5) } });
  outbox.add(save(1, 1));
  outbox.add(save(1, 2, "left_hand"));
  await settle();
  const send = outbox.send;
  outbox.send = async () => ({ kind: "unreachable", message: "down" });
  const versions = outbox.conflict(1);
  assert.ok(versions);
  const wanted = chosen(versions, (what) => (what === "head" ? "theirs" : "mine"));
  outbox.resolve(1, resolution(versions.theirs, wanted, { editId: newEditId(), action: "choose", activeSeconds: 3 }));
  await settle();
  const [kept] = [...rows.values()].map((row) => row.save);
  assert.ok(rows.size === 1 && kept?.kind === "person");
  assert.deepEqual([kept.base, kept.activeSeconds, Object.keys(kept.patch.joints ?? {})], [3, 5, ["left_hand"]]);
  outbox.send = send;
  outbox.retry();
  await settle();
  assert.deepEqual(server.log, ["PUT 1 choose left_hand"]);
  assert.equal(server.find(1).joints.head?.x, 50);
});

test("what waits is kept, and a page that follows sends it in order, once", async () => {
  const first = setUp();
  await first.outbox.open("p anna");
  first.server.reachable = false;
  for (let x = 1; x <= 5; x++) first.outbox.add(save(1, x));
  assert.equal(first.outbox.state.kept, false);
  await settle();
  assert.deepEqual([first.outbox.state.kept, first.outbox.state.storage, first.rows.size], [true, true, 5]);
  await die(first);

  first.server.reachable = true;
  const second = setUp(first);
  await second.outbox.open("p anna");
  assert.equal(second.taken.length, 5);
  await settle();
  assert.deepEqual(first.server.log, [1, 2, 3, 4, 5].map((x) => `PUT 1 move${x} head`));
  assert.equal(first.rows.size, 0);
  assert.equal(second.outbox.state.state, "idle");
});

test("a save that was taken before the page died is not made again, and the ones behind it follow", async () => {
  const first = setUp();
  await first.outbox.open("p anna");
  const real = first.server.save.bind(first.server);
  first.outbox.send = async (s, base) => {
    await real(s, base);
    return new Promise(() => {}); // The server has it; the page never hears of it.
  };
  first.outbox.add(save(1, 1));
  first.outbox.add(save(1, 2));
  await die(first);
  const second = setUp(first);
  await second.outbox.open("p anna");
  await settle();
  assert.deepEqual(first.server.log, ["PUT 1 move1 head", "PUT 1 move2 head"]);
  assert.equal(first.server.find(1).revision, 2);
});

test("of two pages that follow one takes what was left; another project's and another labeller's is left alone", async () => {
  const first = setUp();
  await first.outbox.open("p anna");
  first.server.reachable = false;
  first.outbox.add(save(1, 1));
  await settle();
  const [second, third, stranger] = [setUp(first), setUp(first), setUp(first)];
  await Promise.all([second.outbox.open("p anna"), third.outbox.open("p anna"), stranger.outbox.open("p ben")]);
  assert.equal(second.taken.length + third.taken.length, 0, "the first page is alive");
  await die(first);
  for (const page of [stranger, third, second]) page.store.look?.();
  assert.deepEqual([stranger.taken.length, third.taken.length, second.taken.length], [0, 1, 0]);
});

test("two dead pages with the same person: the second one's edits meet the first one's, and nothing is overwritten", async () => {
  const first = setUp();
  const second = setUp(first);
  await first.outbox.open("p anna");
  await second.outbox.open("p anna");
  first.server.reachable = false;
  first.outbox.add(save(1, 1));
  first.outbox.add(save(1, 2));
  second.outbox.add(save(1, 9));
  await settle();
  await die(first);
  await die(second);
  first.server.reachable = true;
  const third = setUp(first);
  await third.outbox.open("p anna");
  await settle();
  assert.deepEqual(first.server.log, ["PUT 1 move1 head", "PUT 1 move2 head"]);
  assert.equal(third.outbox.state.state, "conflict");
  assert.equal(third.outbox.conflict(1)?.mine.joints.head?.x, 9);
});

test("saves of a new person go to the id that the server gives it, also those of a page that died in between", async () => {
  const first = setUp();
  await first.outbox.open("p anna");
  const id = newPersonId();
  const real = first.server.save.bind(first.server);
  first.server.reachable = false;
  first.outbox.add(create(id));
  first.outbox.add(save(id, 4));
  first.outbox.add(save(id, 5, "left_foot"));
  await settle();
  first.server.reachable = true;
  first.outbox.send = async (s, base) => (s.kind === "create" ? real(s, base) : new Promise(() => {}));
  first.outbox.retry();
  await settle();
  assert.deepEqual([...first.rows.values()].map(({ save: s }) => s.kind === "person" && [s.person, s.base]), [[3, 1], [3, 2]]);
  assert.equal(first.outbox.holds(3), true);
  await die(first);
  const second = setUp(first);
  await second.outbox.open("p anna");
  await settle();
  assert.deepEqual(first.server.log, ["POST 1 add", "PUT 3 move4 head", "PUT 3 move5 left_foot"]);
  assert.equal(first.server.find(3).revision, 3);
});

test("a new person that the server refuses takes its saves along", async () => {
  const { outbox, server, answers } = setUp();
  const real = server.save.bind(server);
  outbox.send = async (s, base) => (s.kind === "create" ? { kind: "refused", message: "no" } : real(s, base));
  outbox.add(create(-7));
  outbox.add(save(-7, 1));
  outbox.add(save(2, 2));
  await settle();
  assert.deepEqual(server.log, ["PUT 2 move2 head"]);
  assert.deepEqual(answers.map(([, kind]) => kind), ["refused", "saved"]);
  assert.equal(outbox.state.waiting, 0);
});

test("without storage the page keeps what waits, and says so", async () => {
  const { outbox, store, server } = setUp();
  store.failing = true;
  await outbox.open("p anna");
  server.reachable = false;
  outbox.add(save(1, 1));
  await settle();
  assert.deepEqual([outbox.state.kept, outbox.state.storage, outbox.state.waiting], [false, false, 1]);
  server.reachable = true;
  outbox.retry();
  await settle();
  assert.deepEqual(server.log, ["PUT 1 move1 head"]);
  assert.equal(outbox.state.kept, true);
});

test("storage that fails for a while gets everything with the next save", async () => {
  const { outbox, store, server, rows } = setUp();
  await outbox.open("p anna");
  server.reachable = false;
  store.failing = true;
  outbox.add(save(1, 1));
  await settle();
  assert.equal(outbox.state.kept, false);
  store.failing = false;
  outbox.add(save(1, 2));
  await settle();
  assert.equal(outbox.state.kept, true);
  assert.equal(rows.size, 2);
});

test("ids of new people are negative, whole, and differ", () => {
  const ids = Array.from({ length: 1000 }, newPersonId);
  assert.equal(new Set(ids).size, 1000);
  for (const id of ids) assert.ok(Number.isSafeInteger(id) && id < 0);
});

test("an image is not handed in while one of its people is in conflict", async () => {
  const { server, outbox } = setUp();
  server.put({ ...server.find(1), revision: 3, joints: { ...server.find(1).joints, head: joint(5, 5, { source: "moved" }) } });
  outbox.add(save(1, 1));
  outbox.add({ kind: "status", editId: newEditId(), imageId: 1, status: "done" });
  outbox.add(save(2, 2));
  await settle();
  assert.deepEqual(server.log, ["PUT 2 move2 head"]);
  assert.equal(outbox.state.state, "conflict");
  outbox.takeTheirs(1);
  await settle();
  assert.deepEqual(server.log.slice(1), ["STATUS 1 done"]);
  assert.equal(outbox.state.state, "idle");
});
