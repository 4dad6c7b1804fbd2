/**
 * Presets: the keys that labellers bring along from other tools. A preset names only the actions whose keys differ from the
 * registry's own; every action keeps a key in every preset, and no key does two things.
 *
 * CVAT's come from its list of shortcuts (F1 there), SLEAP's from its `shortcuts.yaml` and its use of the arrows for frames.
 * Keys that a browser keeps for itself (Ctrl+T, Ctrl+N, Ctrl+W, Ctrl+Tab) cannot be given to a page and are left out.
 */

/** @typedef {"labeltool" | "cvat" | "sleap"} PresetName */
/** @typedef {Readonly<{label: string, keys: Readonly<Record<string, readonly string[]>>}>} Preset */

/** Where arrows go from image to image, nudging takes a modifier. */
const NUDGE_WITH_SHIFT = {
  left: ["Shift+Left"],
  right: ["Shift+Right"],
  up: ["Shift+Up"],
  down: ["Shift+Down"],
  "left-10": ["Ctrl+Shift+Left"],
  "right-10": ["Ctrl+Shift+Right"],
  "up-10": ["Ctrl+Shift+Up"],
  "down-10": ["Ctrl+Shift+Down"],
};

/** @type {Readonly<Record<PresetName, Preset>>} */
export const PRESETS = {
  labeltool: { label: "labeltool", keys: {} },
  cvat: {
    label: "CVAT-like",
    keys: {
      ...NUDGE_WITH_SHIFT,
      "next-image": ["F"],
      "previous-image": ["D"],
      "next-unfinished": ["Right", "Space"],
      "previous-unfinished": ["Left", "Shift+Space"],
      "next-person": ["Tab"],
      "previous-person": ["Shift+Tab"],
      "next-joint": ["`", "J"],
      "previous-joint": ["Shift+`", "Shift+J"],
      "new-person": ["N"],
      hidden: ["Q", "1"],
      "not-labelled": ["O", "0"],
      help: ["F1", "?"],
    },
  },
  sleap: {
    label: "SLEAP-like",
    keys: {
      ...NUDGE_WITH_SHIFT,
      "next-image": ["Right", "F"],
      "previous-image": ["Left", "D"],
      "next-unfinished": ["F3", "Space"],
      "previous-unfinished": ["Shift+F3", "Shift+Space"],
      "next-unsure": ["Ctrl+.", "U"],
      "new-person": ["Ctrl+I", "B"],
      "delete-person": ["Ctrl+Backspace", "Shift+Delete"],
      "fit-image": ["Ctrl+=", "Shift+Z"],
    },
  },
};

/**
 * Is this the name of a preset?
 * @param {string | null} name @returns {name is PresetName}
 */
export function isPreset(name) {
  return name !== null && Object.hasOwn(PRESETS, name);
}
