// A transcript with its settings, token by token as JSON, and to be read as Markdown.
import { meanLog } from "./token_stream.js";
import { asPython, asShell, given, isFast } from "./transcript_code.js";

export function asJson(now, source) {
  const { place, tokens, promptIds, vocabulary, settings, text } = now,
    { max_new_tokens, ...drawn } = settings;
  return `${JSON.stringify(
    {
      model: place.model,
      checkpoint: source.folder,
      step: source.step,
      prompt: place.prompt,
      prompt_ids: promptIds,
      text,
      settings: drawn,
      tokens: tokens.map((token) => ({
        id: token.id,
        token: vocabulary.label(token.id),
        probability: token.p,
        model_probability: token.raw,
        rank: token.rank,
        ...(token.forced
          ? { chosen_by_hand: true }
          : { random_number: token.share, settings: given(token.settings), seed: token.settings.seed }),
        ...(!token.forced && isFast(token.settings) ? { weights: "int8" } : {}),
        ...(token.begins ? { drawing_begins: true } : {}),
      })),
      mean_log_probability: meanLog(tokens),
      python: asPython(now, source.folder),
      command_line: asShell(now, source.folder),
    },
    null,
    2,
  )}\n`;
}

/** A fence longer than any row of backticks in the text. */
function fenced(text, language = "") {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length)),
    fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

export function asMarkdown(now, source) {
  const { place, tokens, settings, text } = now,
    shell = asShell(now, source.folder),
    mean = meanLog(tokens);
  const used = tokens.find((token) => !token.forced)?.settings ?? settings;
  const rows = Object.entries({
    ...given(used),
    seed: used.seed,
    ...(used.stop.length ? { stop: used.stop } : {}),
    ...(isFast(used) ? { weights: used.weights } : {}),
  }).map(([name, value]) => `| ${name} | \`${JSON.stringify(value)}\` |`);
  return [
    "# Written with Glassbox",
    "",
    `Model ${source.title}${source.step === null ? "" : `, step ${source.step}`}; ${tokens.length} tokens` +
      `${mean === null ? "" : `, mean log-probability ${mean.toFixed(3)} nats`}.`,
    "",
    "## Prompt",
    "",
    fenced(place.prompt),
    "",
    "## Text",
    "",
    fenced(text),
    "",
    "## Settings",
    "",
    "| setting | value |",
    "|---|---|",
    ...rows,
    "",
    "## The same again",
    "",
    ...(shell ? [fenced(shell, "bash"), ""] : []),
    fenced(asPython(now, source.folder).trimEnd(), "python"),
    "",
  ].join("\n");
}
