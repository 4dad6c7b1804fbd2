import assert from "node:assert/strict";
import { test } from "node:test";

import { doc, joint, person, settle, SKELETON, UNLABELLED } from "./samples.js";
import { sent, sessionOf, shown } from "./sessions.js";

/** @import {Session} from "../../labeltool/editor/session.js" */

/** @param {Session} session @param {number} id */
const find = (session, id) => /** @type {NonNullable<typeof session.person>} */ (session.doc?.people.find((p) => p.id === id));

const guess = (/** @type {number | null} */ confidence, x = 5) => joint(x, 5, { source: "predicted", confidence });

// --- new people ---------------------------------------------------------------------------------------------------------

test("a drawn box makes a person, who is selected and gets the server's id everywhere", async () => {
  const { session, server } = await sessionOf([doc([person(1)])]);
  session.setBoxing(true);
  assert.equal(session.boxing, true);
  session.drawnBox([60, 10, 20, 30]);
  assert.equal(session.boxing, false);
  const temporary = session.selection.person ?? 0;
  assert.ok(temporary < 0);
  session.setPlacing(2);
  session.place(70, 15);
  await settle();
  assert.deepEqual(sent(server), ["POST 1 add", "PUT 2 place head"]);
  assert.equal(session.selection.person, 2);
  assert.deepEqual(server.find(2).box, [60, 10, 20, 30]);
  assert.deepEqual(server.find(2).joints, find(session, 2).joints);
  session.undo();
  session.undo();
  await settle();
  assert.deepEqual(sent(server).slice(2), ["PUT 2 undo head", "PUT 2 undo"]);
  assert.equal(server.find(2).deleted, true);
  assert.equal(session.selection.person, 1);
  session.redo();
  session.redo();
  await settle();
  assert.equal(server.find(2).deleted, false);
  assert.equal(server.find(2).joints.head?.x, 70);
});

test("edits made before the server has named the person, undone after, go to the right one", async () => {
  const { session, server } = await sessionOf([doc([])]);
  server.reachable = false;
  session.setBoxing(true);
  session.drawnBox([60, 10, 20, 30]);
  const temporary = /** @type {number} */ (session.selection.person);
  session.setBox(temporary, [50, 10, 20, 30]);
  await settle();
  assert.deepEqual(sent(server), []);
  server.reachable = true;
  session.outbox.retry();
  await settle();
  session.moveAll(temporary, 1, 1);
  session.setBox(temporary, [40, 10, 20, 30]);
  await settle();
  assert.deepEqual(sent(server), ["POST 1 add", "PUT 1 box", "PUT 1 box"]);
  session.undo();
  session.undo();
  await settle();
  assert.deepEqual(server.find(1).box, [60, 10, 20, 30]);
  assert.deepEqual(session.doc?.people.map((p) => p.id), [1]);
});

test("a slip of the hand makes nobody, and the box can be drawn again", async () => {
  const { session } = await sessionOf([doc([])]);
  session.setBoxing(true);
  session.drawnBox([60, 10, 1, 1]);
  assert.equal(session.boxing, true);
  assert.match(session.notice?.text ?? "", /too small/);
  assert.deepEqual(session.doc?.people, []);
  session.setPlacing(2);
  assert.equal(session.boxing, true, "nobody is selected: placing does not begin");
});

test("a person whom the server refuses goes, with everything that was done to it", async () => {
  const { session, server } = await sessionOf([doc([person(1)])]);
  server.save = async () => ({ kind: "refused", message: "no box" });
  session.setBoxing(true);
  session.drawnBox([60, 10, 20, 30]);
  await settle();
  assert.equal(session.notice?.text, "Not saved: no box");
  assert.deepEqual(session.doc?.people.map((p) => p.id), [1]);
  assert.equal(session.history.undoable, null);
  assert.equal(session.outbox.state.waiting, 0);
});

test("fitting the box, changing it and moving the person are edits of their own; joints and box do not move each other", async () => {
  const { session, server } = await sessionOf([doc([person(1)])]);
  const { box, joints } = find(session, 1);
  session.fitBox();
  assert.deepEqual(find(session, 1).joints, joints);
  assert.notDeepEqual(find(session, 1).box, box);
  session.moveAll(1, 2, 3);
  assert.equal(find(session, 1).joints.head?.x, 32.25);
  await settle();
  assert.deepEqual(sent(server), ["PUT 1 fit_box", "PUT 1 move_all head,left_hand,right_hand,left_foot"]);
  session.undo();
  session.undo();
  assert.deepEqual(shown(session)[0], { id: 1, box, joints, deleted: false });
});

test("while the stage holds a box, what arrives waits, and keys but Escape are off", async () => {
  const { session, server } = await sessionOf([doc([person(1)])]);
  session.hold(true);
  assert.equal(session.dragging, true);
  server.put({ ...server.find(1), revision: 3, joints: { ...server.find(1).joints, head: joint(1, 1) } });
  session.received(await server.image(1));
  assert.equal(find(session, 1).joints.head?.x, 30.25);
  session.hold(false);
  assert.equal(find(session, 1).joints.head?.x, 1);
  assert.equal(session.dragging, false);
});

// --- help -----------------------------------------------------------------------------------------------------------------

test("M lays the model's joints on the person, but not over a human's; Shift+M over those too", async () => {
  const { session, server } = await sessionOf([doc([person(1)])]);
  session.model = "toy";
  await session.prefillPerson();
  assert.deepEqual(sent(server).slice(0, 1), ["PREDICT 1 1 toy"]);
  assert.deepEqual(find(session, 1).joints.head, joint(30.25, 15.5), "imported stays");
  assert.equal(find(session, 1).joints.right_hand?.v, 0, "an earlier prediction that the model does not repeat goes");
  await session.prefillPerson(true);
  await settle();
  assert.deepEqual(find(session, 1).joints.head, joint(11, 12, { source: "predicted", confidence: 0.9 }), "the confidence outlives the save");
  assert.deepEqual(sent(server).slice(1), ["PUT 1 prefill right_hand", "PREDICT 1 1 toy", "PUT 1 prefill head,left_foot"]);
  session.undo();
  session.undo();
  assert.deepEqual(shown(session)[0]?.joints, person(1).joints);
});

test("a new person is pre-filled as soon as the server has named it: its number decides whether it is labelled blind", async () => {
  const { session, server } = await sessionOf([doc([])]);
  session.setBoxing(true);
  session.drawnBox([60, 10, 20, 30]);
  await session.prefillPerson();
  await settle();
  assert.deepEqual(sent(server), ["POST 1 add", "PREDICT 1 1 null", "PUT 1 prefill head,left_foot"]);
  assert.equal(server.find(1).joints.head?.source, "predicted");
});

test("what the model says during a drag waits for its end; of another image it goes where it belongs", async () => {
  const { session } = await sessionOf([doc([person(1)], 1), doc([person(2)], 2)]);
  const asked = session.prefillPerson(true);
  session.beginDrag({ person: 1, joint: "left_hand" });
  session.dragTo(50, 50);
  await asked;
  assert.equal(find(session, 1).joints.head?.x, 30.25);
  session.commitPreview();
  assert.equal(find(session, 1).joints.head?.x, 11);
  assert.equal(find(session, 1).joints.left_hand?.x, 50);
  const later = session.prefillPerson(true);
  await session.open(2);
  await later;
  assert.deepEqual(shown(session)[0]?.joints, person(2).joints);
  assert.equal(session.history.undoable, null);
});

test("blind people, crowds and an unreachable server get no help, and it is said", async () => {
  const { session, server } = await sessionOf([doc([person(1, { blind: true }), person(2, { box: null }), person(3)])]);
  session.select(1, null);
  await session.prefillPerson();
  assert.match(session.notice?.text ?? "", /blind/);
  session.select(2, null);
  await session.prefillPerson();
  assert.match(session.notice?.text ?? "", /no box/);
  session.select(3, null);
  server.reachable = false;
  await session.prefillPerson();
  assert.match(session.notice?.text ?? "", /Not pre-filled: the label server cannot be reached/);
  assert.equal(session.predicting, false);
  assert.deepEqual(server.log.filter((line) => line.startsWith("PUT")), []);
});

test("Ctrl+B brings the people of the image before, as unsure predictions; one undo takes them back", async () => {
  const { session, server } = await sessionOf([doc([person(1), person(2, { crowd: true })], 1), doc([], 2)]);
  await session.copyPrevious();
  assert.match(session.notice?.text ?? "", /no image before/);
  await session.open(2);
  await session.copyPrevious();
  await settle();
  assert.deepEqual(sent(server), ["POST 2 copy"]);
  const copy = find(session, 3);
  assert.deepEqual(copy.box, [10, 10, 40, 60]);
  assert.deepEqual(copy.joints.left_hand, { x: 40, y: 30, v: 1, source: "predicted", confidence: null });
  assert.equal(session.selection.person, 3);
  session.undo();
  await settle();
  assert.equal(server.find(3).deleted, true);
  assert.deepEqual(server.find(1), { ...person(1), image_id: 1 }, "the image before stays as it was");
});

test("a copied person is looked at as a whole: one key accepts it, and Submit shows each person that was not looked at", async () => {
  const { session } = await sessionOf([doc([person(1), person(2, { box: [0, 0, 5, 5], joints: { head: joint(2, 2) } })], 1), doc([], 2), doc([person(3)], 3)]);
  await session.open(2);
  await session.copyPrevious();
  await settle();
  const [first, second] = session.doc?.people.map((p) => p.id) ?? [];
  assert.equal(session.selection.person, first);
  session.moveAll(first ?? 0, 1, 1);
  session.acceptPerson();
  assert.equal(find(session, first ?? 0).joints.head?.source, "accepted");
  session.submit();
  assert.deepEqual(session.selection, { person: second, joint: null });
  assert.match(session.notice?.text ?? "", /a copy that nobody has looked at\. Submitting goes on after this one\./);
  session.submit();
  await settle();
  assert.equal(session.imageId, 3);
});

// --- unsure joints --------------------------------------------------------------------------------------------------------

const UNSURE = person(1, { joints: { ...person(1).joints, head: guess(0.3), left_foot: guess(0.2, 9) } });

test("U walks the unsure joints of all people and goes round", async () => {
  const { session } = await sessionOf([doc([UNSURE, person(2, { joints: { head: guess(0.1) }, box: [0, 0, 5, 5] })])]);
  const walked = [];
  for (let i = 0; i < 4; i++) {
    session.goUnsure();
    walked.push(`${session.selection.person} ${session.selection.joint}`);
  }
  assert.deepEqual(walked, ["1 head", "1 left_foot", "2 head", "1 head"]);
});

test("Submit takes the labeller to each unsure joint that was not looked at, and submits when none is left", async () => {
  const { session, server } = await sessionOf([doc([UNSURE], 1), doc([person(2)], 2)]);
  session.submit();
  assert.deepEqual(session.selection, { person: 1, joint: "head" });
  assert.match(session.notice?.text ?? "", /Look at the head: the model is unsure\. .*after this one and 1 more/);
  await settle();
  assert.deepEqual(sent(server), []);
  session.submit();
  assert.deepEqual(session.selection, { person: 1, joint: "left_foot" });
  session.submit();
  await settle();
  assert.deepEqual(sent(server), ["PUT 1 submit head,right_hand,left_foot", "STATUS 1 done"]);
  assert.equal(session.imageId, 2);
});

test("looking by U, moving the joint or confirming its flag counts; then one Submit is enough", async () => {
  const { session, server } = await sessionOf([doc([UNSURE], 1)]);
  session.goUnsure();
  session.flag(2, { person: 1, joint: "left_foot" });
  assert.equal(find(session, 1).joints.left_foot?.source, "accepted");
  session.submit();
  await settle();
  assert.equal(server.docs.get(1)?.image.status, "done");
});

test("a new prediction has to be looked at again", async () => {
  const { session, server } = await sessionOf([doc([person(1, { joints: { head: guess(0.3), left_foot: UNLABELLED } })])]);
  session.goUnsure();
  server.guess = { ...server.guess, joints: { head: { x: 50, y: 5, confidence: 0.2 } } };
  await session.prefillPerson();
  session.submit();
  await settle();
  assert.equal(server.docs.get(1)?.image.status, "in_progress");
});

test("A accepts sure joints at once, and unsure ones only after a look; others' unsure joints do not hinder it", async () => {
  const { session } = await sessionOf([doc([person(1), { ...UNSURE, id: 2 }])]);
  session.select(1, null);
  session.acceptPerson();
  assert.equal(find(session, 1).joints.right_hand?.source, "accepted");
  session.select(2, null);
  session.acceptPerson();
  assert.equal(session.selection.joint, "head");
  session.acceptPerson();
  assert.equal(find(session, 2).joints.head?.source, "predicted");
  session.acceptPerson();
  assert.equal(find(session, 2).joints.head?.source, "accepted");
});

test("three joints moved, one hidden and Submit are five actions; accepting is one", async () => {
  const sure = person(1, { joints: Object.fromEntries(SKELETON.joints.map((name, i) => [name, guess(0.8, 10 * i)])) });
  const { session, server } = await sessionOf([doc([sure], 1), doc([{ ...sure, id: 2 }], 2)]);
  for (const name of ["head", "left_hand", "right_hand"]) {
    session.beginDrag({ person: 1, joint: name });
    session.dragTo(60, 60);
    session.commitPreview();
  }
  session.setHover({ person: 1, joint: "left_foot" });
  session.flag(1);
  session.submit();
  await settle();
  assert.equal(server.docs.get(1)?.image.status, "done");
  assert.equal(session.imageId, 2);
  session.submit();
  await settle();
  assert.deepEqual(Object.values(server.find(2).joints).map((j) => j.source), Array(5).fill("accepted"));
});

// --- the image ------------------------------------------------------------------------------------------------------------

test("skipping needs a reason, sends it and goes on; undo brings the status back", async () => {
  const { session, server } = await sessionOf([doc([person(1)], 1), doc([person(2)], 2)]);
  session.skip("  ");
  assert.equal(session.imageId, 1);
  session.skip(" Too blurred ");
  assert.equal(session.imageId, 2);
  await settle();
  assert.deepEqual(sent(server), ["STATUS 1 skipped Too blurred"]);
  await session.open(1);
  assert.equal(session.doc?.image.reason, "Too blurred");
  session.undo();
  await settle();
  assert.deepEqual([session.doc?.image.status, session.doc?.image.reason], ["unlabelled", null]);
  assert.equal(server.docs.get(1)?.image.status, "unlabelled");
});

test("save now ends what is in hand and says that everything is saved", async () => {
  const { session, server } = await sessionOf([doc([person(1)])]);
  session.saveNow();
  assert.equal(session.notice?.text, "Everything is saved.");
  session.select(1, "left_hand");
  session.nudge(1, 0);
  session.saveNow();
  await settle();
  assert.deepEqual(sent(server), ["PUT 1 move left_hand"]);
});

test("a crowd region and a deleted person are locked for every action", async () => {
  for (const locked of [person(1, { crowd: true }), person(1, { deleted: true })]) {
    const { session, server } = await sessionOf([doc([locked])]);
    session.select(1, "head");
    session.flag(1);
    session.flag(0);
    session.nudge(1, 0);
    session.commitPreview();
    session.beginDrag({ person: 1, joint: "head" });
    session.dragTo(1, 1);
    session.commitPreview();
    session.setPlacing(2);
    session.place(5, 5);
    session.swap(false);
    session.swap(true);
    session.removeJoint();
    session.acceptPerson();
    session.fitBox();
    session.setBox(1, [0, 0, 50, 50]);
    session.moveAll(1, 5, 5);
    await session.prefillPerson(true);
    if (locked.crowd) session.removePerson();
    await settle();
    assert.deepEqual(sent(server), []);
    assert.deepEqual(shown(session)[0], { id: 1, box: locked.box, joints: locked.joints, deleted: locked.deleted });
  }
});

test("a deleted person comes back by the button, and is selected", async () => {
  const { session } = await sessionOf([doc([person(1), person(2)])]);
  session.select(1, null);
  session.removePerson();
  assert.equal(find(session, 1).deleted, true);
  session.removePerson(1, false);
  assert.equal(find(session, 1).deleted, false);
  assert.equal(session.selection.person, 1);
});
