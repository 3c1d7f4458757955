// What the Run view shows, for the views beside it. Until that view is on the page there is no run.
export const shownRun = {
  /** The id of the run on show, or null. */
  id: () => null,
  /** What the form says, or null. */
  settings: () => null,
  /** The ids of the runs that are drawn behind it. */
  ghosts: () => [],
};
