// What was written: the prompt, then a chip for each token, coloured by how much it surprised the
// model. A character that tokens cut in two shows its bytes until its last one comes.
(() => {
  "use strict";
  const { el, format } = glassbox;

  /** What read_vocabulary sent: each token's bytes, its visible name, and the text of a row of ids. */
  glassbox.vocabulary = ({ tokenizer, eot_id, lengths, bytes }) => {
    const all = glassbox.bytes(bytes), sizes = new Uint32Array(glassbox.bytes(lengths).buffer);
    const starts = new Uint32Array(sizes.length + 1);
    sizes.forEach((size, i) => { starts[i + 1] = starts[i] + size; });
    const of = (id) => all.subarray(starts[id], starts[id + 1]);
    const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const hex = (byte) => byte.toString(16).toUpperCase().padStart(2, "0");
    return {
      hash: tokenizer, size: sizes.length, eot: eot_id, bytes: of,
      label(id) {
        try { return glassbox.visible(strict.decode(of(id))); } catch {
          return `‹${Array.from(of(id), hex).join(" ")}›`;  // a piece of a character shows its bytes
        }
      },
      text(ids) {
        const reader = new TextDecoder("utf-8", { ignoreBOM: true });
        const parts = ids.filter((id) => id !== eot_id).map((id) => reader.decode(of(id), { stream: true }));
        return parts.join("") + reader.decode();
      },
    };
  };

  const MOST_BITS = 10;  // the right end of the colours
  const bits = (token) => -Math.log2(Math.max(token.raw, 1e-30));

  function paint(chip, token) {
    const rgb = glassbox.palette("surprise")[Math.round((255 * Math.min(MOST_BITS, bits(token))) / MOST_BITS)];
    const light = (0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]) / 255;
    chip.style.backgroundColor = glassbox.rgb(rgb);
    chip.style.color = light > 0.45 ? "#16191f" : "#e8ebf0";
  }

  /** written(box, ramp): the text in `box`, the legend of its colours on the canvas `ramp`. */
  glassbox.written = (box, ramp) => {
    let vocabulary = null, tokens = [];  // those that are shown: { id, p, raw, rank, forced, begins }
    let reader = null, unfinished = [];  // joins cut characters; the chips that show their first bytes
    let pointed = -1;

    function drawRamp() {
      const context = glassbox.canvas2d(ramp, 96, 10);
      glassbox.palette("surprise").forEach((rgb, i) => {
        context.fillStyle = glassbox.rgb(rgb);
        context.fillRect((i * 96) / 256, 0, 1, 10);
      });
    }

    /** Start over with a prompt; tokens are then added one by one. */
    function reset(prompt, words) {
      vocabulary = words;
      tokens = [];
      reader = new TextDecoder("utf-8", { ignoreBOM: true });
      unfinished = [];
      box.replaceChildren(el("span", { class: "gb-written-prompt" }, prompt));
    }

    function add(token) {
      const bytes = vocabulary.bytes(token.id);
      const chip = el("span", { class: "gb-written-token", data: { at: tokens.length } });
      const special = token.id === vocabulary.eot;
      const words = special ? vocabulary.label(token.id) : reader.decode(bytes, { stream: true });
      if (words || !bytes.length) {
        // The character is whole: what showed its first bytes shrinks to a sliver.
        unfinished.splice(0).forEach((part) => { part.textContent = ""; part.classList.add("gb-part"); });
        chip.textContent = words.replace(/\n/g, "⏎\n");
      } else {
        chip.textContent = vocabulary.label(token.id);
        unfinished.push(chip);
      }
      chip.classList.toggle("gb-forced", Boolean(token.forced));
      chip.classList.toggle("gb-begins", Boolean(token.begins) && tokens.length > 0);
      paint(chip, token);
      box.append(chip);
      tokens.push(token);
    }

    function describe(chip) {
      const at = Number(chip.dataset.at), token = tokens[at];
      const rank = `rank ${format.whole(token.rank)} of ${format.whole(vocabulary.size)}`;
      const rows = [el("span", { class: "gb-mono" }, `${vocabulary.label(token.id)}  id ${token.id}`),
        `the model's own: ${format.probability(token.raw)}, ${rank}, ${format.number(bits(token))} bits of surprise`,
        token.forced ? `you chose it; after filtering it had ${format.probability(token.p)}`
          : `drawn with ${format.probability(token.p)}, after filtering`];
      return token.begins && at > 0 ? [...rows, "here the drawing began anew with the seed"] : rows;
    }

    const beside = glassbox.explainOn(box, ".gb-written-token", describe);
    box.addEventListener("click", (event) => {
      const chip = event.target.closest(".gb-written-token");
      if (chip && event.pointerType === "touch") beside(chip);
    });
    box.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], last = tokens.length - 1;
      if (!step || last < 0) return;
      event.preventDefault();
      const outside = pointed < 0 || pointed > last;
      pointed = outside ? (step > 0 ? 0 : last) : Math.min(last, Math.max(0, pointed + step));
      const chip = box.querySelector(`[data-at="${pointed}"]`);
      chip.scrollIntoView({ block: "nearest" });
      beside(chip);
    });

    drawRamp();
    return {
      reset, add,
      count: () => tokens.length,
      follow() { box.scrollTop = box.scrollHeight; },
      theme() {
        drawRamp();
        box.querySelectorAll(".gb-written-token").forEach((chip) => paint(chip, tokens[Number(chip.dataset.at)]));
      },
    };
  };
})();
