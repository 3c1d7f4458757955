// What the page's scripts find on `window`.

interface Window {
  /** Gradio's description of the page. */
  gradio_config?: { root: string; api_prefix: string; components: { id: number; props: { elem_id?: string } }[] };
  /** Plotly, once a chart has asked for it. */
  Plotly?: any;
  /** What assets/app.js exports, and every module by its path within assets/. */
  glassbox?: { modules: Record<string, any> } & typeof import("../../assets/app.js");
}
