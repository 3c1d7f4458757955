// What this browser remembers. Storage can be forbidden; then nothing is remembered, and nothing breaks.

/** What was kept under a key, or null. */
export function kept(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function keep(key, text) {
  try {
    localStorage.setItem(key, text);
  } catch {
    // then it is forgotten
  }
}

/** Whether what is kept now is there after a reload. */
export function remembers() {
  keep("glassbox.probe", "1");
  return kept("glassbox.probe") !== null;
}
