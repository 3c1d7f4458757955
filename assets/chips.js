// Tokens as chips. A chip shows its token's text with blanks made visible, and as hex the bytes that
// are no character of their own. Its tint comes from its id, so it stays put while the text changes.
(() => {
  "use strict";
  const { el, visible } = glassbox;
  const BLANK = /([ \n\r\t\u0000-\u001f]+)/;
  const TINTS = 7;

  /** Without marks: blanks as themselves, but a line break inside a chip takes no room. */
  const plain = (blank) =>
    visible(blank.replace(/[\r\n]/g, "\u200b").replace(/ /g, "\u00a0").replace(/\t/g, "\u00a0\u00a0"));

  /** Append a token's parts, each {text} or {hex}, to a node. */
  function write(node, parts, marks = true) {
    for (const part of parts) {
      if (part.hex !== undefined) {
        node.append(el("span", { class: "gb-tk-hex" }, part.hex));
        continue;
      }
      part.text.split(BLANK).forEach((piece, i) => {
        if (!piece) return;
        if (i % 2 === 0) node.append(piece);
        else node.append(marks ? el("span", { class: "gb-tk-blank" }, visible(piece)) : plain(piece));
      });
    }
    return node;
  }

  /** A token in one line of plain text, for tooltips and labels. */
  const spoken = (parts) => parts.map((part) => part.hex ?? visible(part.text)).join(" ");

  function chip(id, parts, { marks = true, more = "" } = {}) {
    return write(el("span", { class: `gb-token gb-tk-chip gb-tk-${id % TINTS} ${more}` }), parts, marks);
  }

  const endsLine = (parts) => parts[parts.length - 1]?.text?.endsWith("\n") ?? false;

  /**
   * The tokens of an answer of read_tokens as running text: pieces of the first cut stand apart,
   * tokens that share a character stand in a frame with that character.
   * Returns { nodes, chips }: what to put on the page, and chip i for token i.
   */
  function flow(answer, { limit, marks, unread }) {
    const { ids, tokens } = answer;
    const starts = answer.pieces && new Set(answer.pieces);
    const clusters = new Map(answer.clusters.map(([first, count, text]) => [first, { end: first + count, text }]));
    const unknown = new Set(answer.unknown.map(([i]) => i));
    const nodes = [], chips = [];
    let cluster = null;
    for (let i = 0; i < Math.min(limit, ids.length); i += 1) {
      const parts = tokens[ids[i]].parts;
      const apart = !starts || starts.has(i + 1);
      const chipNode = chip(ids[i], parts, { marks });
      chipNode.classList.toggle("gb-tk-apart", apart);
      chipNode.classList.toggle("gb-tk-unread", i < unread);
      chipNode.classList.toggle("gb-tk-unknown", unknown.has(i));
      chipNode.dataset.i = i;
      chipNode.tabIndex = i === 0 ? 0 : -1;
      chips.push(chipNode);
      if (clusters.has(i)) {
        const { end, text } = clusters.get(i);
        const whole = write(el("span", { class: "gb-tk-whole", title: "One text, several tokens" }), [{ text }], marks);
        cluster = { end, node: el("span", { class: "gb-tk-cluster" }, whole) };
        nodes.push(cluster.node);
      }
      if (cluster) cluster.node.append(chipNode);
      else nodes.push(chipNode);
      if (cluster?.end === i + 1) cluster = null;
      if (endsLine(parts)) nodes.push(el("br"));
    }
    return { nodes, chips };
  }

  glassbox.chips = { write, chip, spoken, flow };
})();
