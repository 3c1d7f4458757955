// A run to take along: the figure as PNG, SVG or a page of its own, metrics, and all of it as a zip.
(() => {
  "use strict";
  const { el } = glassbox;

  function save(url, name) {
    const link = el("a", { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
  }

  /** Bring the buttons to life; current(): { run, name } of the run on show. */
  function trainExports({ all, ask, chart, guarded, current }) {
    /** Fetch what the server writes of a run: "csv", "jsonl" or "zip". */
    glassbox.exportRun = async (run, kind) => {
      const { path, name } = await ask("export_run", { run, kind });
      save(`${window.gradio_config?.root || ""}/gradio_api/file=${path}`, name);
    };
    for (const button of all("[data-export]")) {
      button.addEventListener("click", guarded(() => glassbox.exportRun(current().run, button.dataset.export)));
    }
    for (const button of all("[data-figure]")) {
      button.addEventListener("click", guarded(async () => {
        const kind = button.dataset.figure, url = URL.createObjectURL(await glassbox.chartFile(chart, kind, current().name));
        save(url, `${current().name.replace(/[^A-Za-z0-9]+/g, "-")}.${kind}`);
        setTimeout(() => URL.revokeObjectURL(url), 60_000);
      }));
    }
  }

  glassbox.trainExports = trainExports;
})();
