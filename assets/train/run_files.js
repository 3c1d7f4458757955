// A run to take along: the figure as PNG, SVG or a page of its own, metrics, and all of it as a zip.
import { el } from "../shared/elements.js";
import { fileUrl } from "../shared/server.js";
import { chartFile } from "./run_chart.js";

function save(url, name) {
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

/** Fetch what the server writes of a run: "csv", "jsonl" or "zip". */
export async function saveRun(ask, run, kind) {
  const { path, name } = await ask("export_run", { run, kind });
  save(fileUrl(path), name);
}

/** Bring the buttons to life; current(): { run, name } of the run on show. */
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
