/** What a labeller prefers, kept in this browser under `labeltool.<name>`. Without storage (a private window) it lasts as long as the page. */

/** @type {Map<string, string>} */
const HERE = new Map();

/**
 * A preference as it was last set; null when it never was.
 * @param {string} name @returns {string | null}
 */
export function preference(name) {
  try {
    return localStorage.getItem(`labeltool.${name}`) ?? HERE.get(name) ?? null;
  } catch {
    return HERE.get(name) ?? null;
  }
}

/**
 * Sets a preference.
 * @param {string} name @param {string} value
 */
export function prefer(name, value) {
  HERE.set(name, value);
  try {
    localStorage.setItem(`labeltool.${name}`, value);
  } catch {
    // Kept for this page alone.
  }
}
