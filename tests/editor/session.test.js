import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Session } from "../../labeltool/editor/session.js";
import { doc, FakeServer, joint, person, settle, UNLABELLED } from "./samples.js";

/** @import {ImageDoc} from "../../labeltool/editor/types.js" */

/** @param {readonly ImageDoc[]} [docs] */
async function setUp(docs = [doc([person(1), person(2, { box: [0, 0, 5, 5] })], 1), doc([person(3)], 2), doc([], 3, "done"), doc([person(4)], 4)]) {
  const server = new FakeServer(docs);
  /** @type {number[]} */
  const fetched = [];
  const photos = /** @type {any} */ ({
    get: async (/** @type {number} */ id) => {
      fetched.push(id);
      return { kind: "ready", bitmap: { width: 100, height: 80 } };
    },
  });
  /** @type {number[]} */
  const remembered = [];
  const session = new Session(/** @type {any} */ (server), { photos, remember: (id) => remembered.push(id) });
  await session.start(null);
  await settle();
  server.log.length = 0;
  return { server, session, fetched, remembered };
}

/** @param {Session} session @param {string} name @param {number} [id] */
const at = (session, name, id = 1) => session.doc?.people.find((p) => p.id === id)?.joints[name];

test("it starts at the first unfinished image, with the largest person selected and the next two fetched", async () => {
  const { session, fetched, remembered } = await setUp();
  assert.equal(session.imageId, 1);
  assert.deepEqual(session.selection, { person: 1, joint: null });
  assert.deepEqual(fetched, [1, 2, 3]);
  assert.deepEqual(remembered, [1]);
});

test("dragging sends nothing until the joint is let go, then one PUT with that joint", async () => {
  const { session, server } = await setUp();
  session.beginDrag({ person: 1, joint: "head" });
  for (let i = 0; i < 50; i++) session.dragTo(30 + i * 0.5, 20.5);
  await settle();
  assert.deepEqual(server.log, []);
  assert.deepEqual(at(session, "head"), joint(30.25, 15.5));
  session.commitPreview();
  await settle();
  assert.deepEqual(server.log, ["PUT 1 move head"]);
  assert.deepEqual(at(session, "head"), joint(54.5, 20.5, { source: "moved" }));
});

test("what arrives during a drag waits for its end", async () => {
  const { session, server } = await setUp();
  await session.open(2);
  const fetchNow = server.image.bind(server);
  let arrive = () => {};
  server.image = async (id) => {
    await new Promise((resolve) => (arrive = () => resolve(null)));
    return fetchNow(id);
  };
  void session.open(1);
  session.beginDrag({ person: 1, joint: "head" });
  session.dragTo(50, 50);
  server.put({ ...server.find(2), revision: 5, joints: { ...server.find(2).joints, head: joint(1, 1) } });
  arrive();
  await settle();
  assert.equal(at(session, "head", 2)?.x, 30.25, "not yet");
  session.commitPreview();
  assert.equal(at(session, "head", 2)?.x, 1);
  assert.equal(at(session, "head")?.x, 50);
  await settle();
  assert.equal(server.find(1).joints.head?.x, 50);
});

test("a cancelled drag leaves everything as it was", async () => {
  const { session, server } = await setUp();
  const before = session.doc;
  session.beginDrag({ person: 1, joint: "head" });
  session.dragTo(1, 1);
  session.cancelPreview();
  await settle();
  assert.deepEqual(session.doc, before);
  assert.deepEqual(server.log, []);
  assert.equal(session.history.undoable, null);
});

test("undo and redo go to the server too, and bring back sources", async () => {
  const { session, server } = await setUp();
  session.flag(1, { person: 1, joint: "right_hand" });
  session.undo();
  await settle();
  assert.deepEqual(at(session, "right_hand"), joint(20, 30, { source: "predicted", confidence: 0.8 }));
  assert.deepEqual(server.find(1).joints.right_hand, at(session, "right_hand"));
  session.redo();
  await settle();
  assert.deepEqual(server.log, ["PUT 1 flag right_hand", "PUT 1 undo right_hand", "PUT 1 redo right_hand"]);
  assert.equal(at(session, "right_hand")?.v, 1);
});

test("undo stays within the image", async () => {
  const { session } = await setUp();
  session.flag(0, { person: 1, joint: "head" });
  await session.open(2);
  session.undo();
  assert.equal(session.notice?.text, "Nothing to undo.");
  await session.open(1);
  session.undo();
  assert.deepEqual(at(session, "head"), joint(30.25, 15.5));
});

test("nudges in a row are one edit and one save", async () => {
  const { session, server } = await setUp();
  session.select(1, "left_hand");
  session.nudge(1, 0);
  session.nudge(1, 0);
  session.nudge(0, -10);
  await settle();
  assert.deepEqual(server.log, []);
  session.commitPreview();
  await settle();
  assert.deepEqual(server.log, ["PUT 1 move left_hand"]);
  assert.deepEqual(at(session, "left_hand"), joint(42, 20, { v: 1, source: "moved" }));
  session.undo();
  assert.deepEqual(at(session, "left_hand"), joint(40, 30, { v: 1 }));
});

test("a flag on a joint without a place asks for the place, and the click gives it", async () => {
  const { session } = await setUp();
  session.select(1, "right_foot");
  session.flag(1);
  assert.equal(session.placing, 1);
  session.place(25, 60);
  assert.deepEqual(at(session, "right_foot"), joint(25, 60, { v: 1, source: "added" }));
  assert.equal(session.placing, 0);
});

test("placing walks through the joints that are not labelled", async () => {
  const bare = person(1, { joints: { head: UNLABELLED, left_hand: joint(9, 9), right_hand: UNLABELLED, left_foot: UNLABELLED, right_foot: UNLABELLED } });
  const { session } = await setUp([doc([bare])]);
  session.setPlacing(2);
  const walked = [];
  while (session.placing) {
    walked.push(session.selection.joint);
    session.place(10, 10);
  }
  assert.deepEqual(walked, ["head", "right_hand", "left_foot", "right_foot"]);
});

test("submitting accepts what is predicted, sets the status and opens the next unfinished image", async () => {
  const { session, server } = await setUp();
  session.submit();
  await settle();
  assert.deepEqual(server.log.filter((l) => !l.startsWith("GET")), ["PUT 1 submit right_hand", "PUT 2 submit right_hand", "STATUS 1 done"]);
  assert.equal(session.imageId, 2);
  assert.equal(session.queue.status(1), "done");
});

test("the first edit makes the image in progress, here as on the server", async () => {
  const { session } = await setUp();
  session.flag(0, { person: 1, joint: "head" });
  await settle();
  assert.equal(session.doc?.image.status, "in_progress");
  assert.equal(session.queue.status(1), "in_progress");
});

test("next and previous follow the filter; the ends say so", async () => {
  const { session } = await setUp();
  session.goImage(-1);
  assert.match(session.notice?.text ?? "", /first image/);
  session.goImage(1);
  session.goImage(1);
  assert.equal(session.imageId, 3);
  session.goUnfinished(1);
  assert.equal(session.imageId, 4);
  session.goUnfinished(1);
  assert.equal(session.imageId, 1);
  session.setFilter("done");
  assert.equal(session.imageId, 3);
  session.goRank(9);
  assert.equal(session.imageId, 3);
});

test("Tab walks the joints and comes round; people too, crowds left out", async () => {
  const { session } = await setUp([doc([person(1), person(2, { crowd: true }), person(3)])]);
  session.goJoint(1);
  assert.equal(session.selection.joint, "head");
  session.goJoint(-1);
  assert.equal(session.selection.joint, "right_foot");
  session.goPerson(1);
  assert.equal(session.selection.person, 3);
  session.goPerson(1);
  assert.equal(session.selection.person, 1);
});

test("keys act on the joint under the pointer before the selected one", async () => {
  const { session } = await setUp();
  session.select(1, "head");
  session.setHover({ person: 2, joint: "left_foot" });
  session.flag(1);
  assert.equal(at(session, "left_foot", 2)?.v, 1);
  assert.equal(at(session, "head")?.v, 2);
  assert.deepEqual(session.selection, { person: 2, joint: "left_foot" });
});

test("a conflict: keeping mine saves what I changed, and leaves what only they changed", async () => {
  const { session, server } = await setUp();
  const theirs = { ...server.find(1).joints, head: joint(9, 9, { source: "moved" }), left_foot: joint(1, 1, { source: "moved" }) };
  server.put({ ...server.find(1), revision: 1, joints: theirs });
  session.flag(0, { person: 1, joint: "head" });
  await settle();
  assert.equal(session.outbox.state.state, "conflict");
  assert.equal(session.conflicts[0]?.mine?.joints.head?.v, 0);
  session.keepMine(1);
  await settle();
  assert.deepEqual(server.log, ["PUT 1 keep_mine head"]);
  assert.deepEqual(server.find(1).joints, session.doc?.people[0]?.joints);
  assert.equal(server.find(1).joints.left_foot?.x, 1);
  assert.equal(session.outbox.state.state, "idle");
});

test("edits of different joints are put together: both show, and the labeller is told until it is seen", async () => {
  const { session, server } = await setUp();
  server.put({ ...server.find(1), revision: 1, joints: { ...server.find(1).joints, left_foot: joint(1, 1, { source: "moved" }) } });
  session.flag(0, { person: 1, joint: "head" });
  await settle();
  assert.deepEqual(session.doc?.people[0]?.joints, server.find(1).joints);
  assert.deepEqual([server.find(1).joints.head?.v, server.find(1).joints.left_foot?.x], [0, 1]);
  assert.deepEqual(session.merges.map((m) => m.theirs), [["left_foot"]]);
  session.dismissMerges();
  assert.deepEqual(session.merges, []);
});

test("a conflict: taking theirs shows theirs, and their edits cannot be undone from here", async () => {
  const { session, server } = await setUp();
  const theirs = { ...server.find(1).joints, head: joint(9, 9, { source: "moved" }), left_foot: joint(1, 1, { source: "moved" }) };
  server.put({ ...server.find(1), revision: 1, joints: theirs });
  session.flag(0, { person: 1, joint: "head" });
  await settle();
  session.takeTheirs(1);
  await settle();
  assert.deepEqual(server.log, []);
  assert.deepEqual(session.doc?.people[0]?.joints, server.find(1).joints);
  assert.equal(session.history.undoable, null);
  session.flag(1, { person: 1, joint: "head" });
  await settle();
  assert.equal(server.find(1).revision, 2);
});

test("another labeller's save shows when the image is opened again, and does not undo unsaved edits", async () => {
  const { session, server } = await setUp();
  await session.open(2);
  server.put({ ...server.find(1), revision: 4, joints: { ...server.find(1).joints, head: joint(3, 3) } });
  await session.open(1);
  assert.equal(at(session, "head")?.x, 3);
  server.reachable = false;
  session.flag(0, { person: 1, joint: "head" });
  await settle();
  await session.open(1);
  await settle();
  assert.equal(at(session, "head")?.v, 0);
  assert.equal(session.outbox.state.waiting, 1);
  server.reachable = true;
  session.outbox.retry();
  await settle();
  assert.equal(server.find(1).joints.head?.v, 0);
});

test("labels that were read before a save of an earlier page was taken are asked for again", async () => {
  const { session, server } = await setUp();
  const read = server.image.bind(server);
  let arrive = () => {};
  server.image = async (id) => {
    const answer = await read(id);
    await new Promise((resolve) => (arrive = () => resolve(null)));
    return answer;
  };
  const opened = session.open(4);
  await settle();
  const [patch, before] = [{ joints: { head: joint(7, 8) } }, { joints: { head: UNLABELLED } }];
  const left = { kind: /** @type {const} */ ("person"), editId: "left", imageId: 4, person: 4, patch, before, action: "move", activeSeconds: 0 };
  session.outbox.add(left);
  session.outbox.add({ kind: "status", editId: "handed in", imageId: 4, status: "done" });
  await settle();
  assert.deepEqual(server.log, ["GET 4", "PUT 4 move head", "STATUS 4 done"]);
  server.image = read;
  arrive();
  await opened;
  await settle();
  assert.deepEqual(at(session, "head", 4), joint(7, 8));
  assert.equal(session.doc?.image.status, "done");
  session.flag(1, { person: 4, joint: "head" });
  await settle();
  assert.deepEqual(server.log.slice(3), ["GET 4", "PUT 4 flag head"], "the next edit starts from the revision that the save made");
});

test("a deleted person is deselected, and comes back by undo", async () => {
  const { session } = await setUp();
  session.removePerson();
  assert.equal(session.doc?.people[0]?.deleted, true);
  assert.equal(session.selection.person, 2);
  session.undo();
  assert.equal(session.doc?.people[0]?.deleted, false);
});

test("a refused save is said and the server's version comes back", async () => {
  const { session, server } = await setUp();
  server.save = async () => ({ kind: "refused", message: "v is 3" });
  session.flag(0, { person: 1, joint: "head" });
  await settle();
  assert.equal(session.notice?.text, "Not saved: v is 3");
  assert.deepEqual(at(session, "head"), joint(30.25, 15.5));
});

test("an undo does not take away what another labeller did since: such edits are forgotten", async () => {
  const { session, server } = await setUp();
  session.flag(1, { person: 1, joint: "left_foot" });
  await settle();
  const { revision, joints } = server.find(1);
  server.put({ ...server.find(1), revision: revision + 1, joints: { ...joints, left_foot: joint(1, 1, { source: "moved" }) } });
  session.flag(1, { person: 1, joint: "head" });
  await settle();
  assert.deepEqual(session.merges.map((m) => m.theirs), [["left_foot"]]);
  session.undo();
  session.undo();
  await settle();
  assert.match(session.notice?.text ?? "", /Nothing to undo/);
  assert.equal(at(session, "head")?.v, 2);
  assert.equal(server.find(1).joints.left_foot?.x, 1);
});

test("what the open image lacks is asked for until the server gives it", async () => {
  const { session, server } = await setUp();
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    let down = true;
    session.photos.get = async () => {
      if (down) throw new TypeError("fetch failed");
      return /** @type {any} */ ({ kind: "ready", bitmap: { width: 100, height: 80 } });
    };
    server.reachable = false;
    void session.open(4);
    await settle();
    assert.equal(session.labels.has(4), false);
    assert.match(session.photo?.kind === "broken" ? session.photo.message : "", /trying again/);
    mock.timers.tick(2000);
    await settle();
    assert.equal(session.labels.has(4), false);
    server.reachable = true;
    down = false;
    mock.timers.tick(2000);
    await settle();
    assert.deepEqual(session.doc, server.docs.get(4));
    assert.equal(session.photo?.kind, "ready");
    assert.equal(session.selection.person, 4);
  } finally {
    mock.timers.reset();
  }
});

test("the answer to a save says what the check finds wrong with the image", async () => {
  const { session, server } = await setUp();
  const save = server.save.bind(server);
  /** @type {string | null} */
  let finding = "A311: outside";
  server.save = async (s, base) => {
    const answer = await save(s, base);
    return answer.kind === "saved" && answer.person ? { ...answer, person: { ...answer.person, image_finding: finding } } : answer;
  };
  session.flag(1, { person: 1, joint: "head" });
  await settle();
  assert.equal(session.doc?.image.finding, "A311: outside");
  assert.equal(session.queue.fix(1), 2);
  finding = null;
  session.flag(2, { person: 1, joint: "head" });
  await settle();
  assert.equal(session.queue.fix(1), 0);
});

test("0 while placing passes over a joint, and after the last one placing ends", async () => {
  const { session } = await setUp([doc([person(1, { joints: {} })])]);
  const names = session.skeleton.joints;
  session.setPlacing(1);
  for (const name of names) {
    assert.equal(session.selection.joint, name);
    assert.notEqual(session.placing, 0);
    session.flag(0);
  }
  assert.equal(session.placing, 0);
  session.flag(0);
  assert.equal(session.placing, 0);
  assert.equal(session.history.undoable, null, "nothing was changed");
});
