/**
 * The shapes that the editor's modules share. Field names are those of the server's JSON.
 *
 * @typedef {0 | 1 | 2} Flag 0 not labelled (x = y = 0), 1 labelled but hidden, 2 visible.
 * @typedef {"imported" | "predicted" | "accepted" | "moved" | "added" | "removed"} Source
 * @typedef {"unlabelled" | "prefilled" | "in_progress" | "done" | "skipped"} Status
 * @typedef {readonly [number, number, number, number]} Box x, y, width, height in pixels, measured at pixel edges.
 *
 * @typedef {Readonly<{x: number, y: number, v: Flag, source: Source}>} JointValue
 * @typedef {JointValue & Readonly<{confidence?: number | null, below?: number}>} Joint
 *   `below`: the confidence below which the joint is unsure, where an audit chose one for the model that predicted it.
 * @typedef {Readonly<Record<string, Joint>>} Joints
 *
 * @typedef {Readonly<{
 *   id: number, image_id: number, revision: number, box: Box | null, joints: Joints,
 *   crowd: boolean, deleted: boolean, blind?: boolean, area_source?: string, image_status?: Status,
 *   image_finding?: string | null, saved_by?: string, saved_at?: string,
 * }>} Person
 *   A person that the server has not named yet has a negative id. `saved_by` and `saved_at` come with the version of a conflict;
 *   `image_status` and `image_finding`, with the answer to a save, are the image's.
 * @typedef {Readonly<{
 *   id: number, file_name: string, width: number, height: number, status: Status, reason?: string | null, problem: string | null,
 *   finding?: string | null, fix_note?: string | null, fix_author?: string | null, marks?: readonly Mark[],
 * }>} ImageRecord
 * @typedef {Readonly<{
 *   id: number, source: string, kind: string, person: number | null, joints: readonly string[], score: number, note: string | null,
 * }>} Mark What is wanted looked at on an image or one of its people, and why.
 * @typedef {Readonly<{image: ImageRecord, people: readonly Person[]}>} ImageDoc
 *
 * @typedef {Readonly<{
 *   name: string, joints: readonly string[], limbs: readonly (readonly [string, string])[],
 *   flip_pairs: readonly (readonly [string, string])[],
 * }>} Skeleton
 * @typedef {Readonly<{name: string, user: string, skeleton: Skeleton, id?: string, guideline?: boolean}>} Project
 *
 * @typedef {Readonly<{joints?: Joints, box?: Box | null, deleted?: boolean}>} Patch
 *   The part of a person that an edit changes, and nothing else. A joint without a confidence keeps the one it has.
 * @typedef {Readonly<{person: number, before: Patch, after: Patch}>} Change
 * @typedef {Readonly<{before: Status, after: Status, reason?: Readonly<{before: string | null, after: string | null}>}>} StatusChange
 * @typedef {Readonly<{
 *   action: string, label: string, changes: readonly Change[], status?: StatusChange, created?: readonly Person[],
 * }>} Edit
 *   `created`: people that the edit brings into the image when they are not in it yet; they come deleted, and one of the
 *   changes restores them, so that taking the edit back leaves a deleted person, as it does on the server.
 *
 * @typedef {Readonly<{person: number, joint: string}>} JointRef
 * @typedef {Readonly<{scale: number, tx: number, ty: number}>} View
 *   screen = edge * scale + t, in CSS pixels of the canvas; edge coordinates are joint coordinates + 0.5.
 * @typedef {Readonly<{width: number, height: number}>} Size
 */

export {};
