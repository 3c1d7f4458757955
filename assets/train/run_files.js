// A run to take along: the figure as PNG, SVG or a page of its own, metrics, and all of it as a zip.

import { onServer } from "../shared/connection.js";
import { el } from "../shared/elements.js";
import { chartFile } from "./run_chart.js";

/** @import { Ask } from "../shared/server.js" */

function save(url, name) {
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

/**
 * Fetch what the server writes of a run.
 * @param {Ask} ask
 * @param {string} run its id
 * @param {"csv" | "jsonl" | "zip"} kind
 */
export async function saveRun(ask, run, kind) {
  const { address, name } = await ask("export_run", { run, kind });
  save(onServer(address), name);
}

/**
 * Bring the buttons to life.
 * @param {object} parts
 * @param {(selector: string) => any[]} parts.all
 * @param {Ask} parts.ask
 * @param {import("./run_chart.js").Chart} parts.chart
 * @param {(work: () => unknown) => () => void} parts.guarded says what goes wrong
 * @param {() => { run: string, name: string }} parts.current the run on show
 */
export function runFiles({ all, ask, chart, guarded, current }) {
  for (const button of all("[data-export]")) {
    button.addEventListener(
      "click",
      guarded(() => saveRun(ask, current().run, button.dataset.export)),
    );
  }
  for (const button of all("[data-figure]")) {
    button.addEventListener(
      "click",
      guarded(async () => {
        const kind = button.dataset.figure,
          url = URL.createObjectURL(await chartFile(chart, kind, current().name));
        save(url, `${current().name.replace(/[^A-Za-z0-9]+/g, "-")}.${kind}`);
        setTimeout(() => URL.revokeObjectURL(url), 60_000);
      }),
    );
  }
}
