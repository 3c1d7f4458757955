// What Python answers the page, an interface an endpoint. Written by tests/assets/answers.py from real
// answers: don't edit it. A key with a question mark is missing from some answers.

/** A token's text, in which a piece of a character is U+FFFD. */
export interface Token {
  id: number;
  text: string;
}

/** A stretch of a token's bytes: text that can be shown, or bytes in hexadecimal. */
export interface Part {
  hex?: string;
  text?: string;
}

/** Let phones train and write, or no longer. */
export type AllowClass = Record<string, never>;

/** Start writing `samples` texts after the prompt, with the seed and those that follow it. */
export interface BeginBatch {
  batch: string;
  distinct: (number | null)[];
  done: boolean;
  overlap: (number | null)[];
  seeds: number[];
  stopped: boolean[];
  tokenizer: string;
  tokens: [number, number, number, number, number][][];
}

/** Start drawing after the prompt and `ids`; answers like draw_tokens, which goes on with it. */
export interface BeginGeneration {
  ended: string | null;
  generation: string;
  logits: string;
  reads: number;
  tokens: [number, number, number, number, number][];
  weights: string;
}

/** The prompt's own patterns, before anything is written. */
export interface BeginRows {
  ended: string | null;
  growth: string;
  head: [number, number];
  heads: number;
  layers: number;
  n_ctx: number;
  note: string | null;
  readings: {
    cell: number;
    next: {
      id: number;
      p: number;
      text: string;
    }[];
    p: number | null;
    reads: number;
    rows: string;
    start: number;
    thumbnails: string;
    token: Token | null;
    whole: number;
  }[];
  room: number;
  step: number | null;
  tokens: Token[];
}

/** Fetch it no further. */
export type CancelDownload = Record<string, never>;

/** Other settings from the next step on. */
export interface ChangeRun {
  changes: Record<string, number>;
}

/** Whether a station's task is done where the visitor is now and, if so, what the model there says. */
export interface CheckStation {
  answer: number | null;
  done: boolean;
  finding: string;
}

/** Next tokens and the loss of every token, with all parts on and with some off. */
export interface CompareParts {
  after?: string;
  before?: string;
  heads?: number;
  layers?: number;
  light?: boolean;
  next?: {
    after: number;
    before: number;
    id: number;
    text: string;
  }[];
  note?: string | null;
  off?: string[];
  step?: number | null;
  tokens: Token[];
  vocabulary?: number;
}

/** The learned position vectors, and beside them the sinusoidal code of the same shape. */
export interface ComparePositions {
  every: number;
  learned: {
    curves: string;
    shares: number[];
    similar: string;
  };
  n_ctx: number;
  sinusoidal: {
    curves: string;
    shares: number[];
    similar: string;
  };
}

/** The settings in which some runs differ. */
export interface CompareRuns {
  runs: {
    id: string;
    name: string;
  }[];
  settings: {
    name: string;
    values: (boolean | number | string | null)[];
  }[];
}

/** One text under several tokenizers, aligned. */
export interface CompareTokenizers {
  breaks: number[];
  bytes_drawn: number;
  counts: {
    bytes: number;
    characters: number;
    graphemes: number;
    words: number;
  };
  n_ctx: number;
  rows: {
    about: string;
    cells?: number[];
    error?: string;
    ids?: number[];
    kind: string;
    lost?: string | null;
    name: string;
    ref: string;
    short: string;
    tokens?: {
      [key: string]: {
        hex: string;
        parts: Part[];
        rank: number | null;
      };
    };
    total?: number;
  }[];
}

/** Take up a run where it was last saved. */
export interface ContinueRun {
  run: string;
}

/** Go on with the visitor's sweep where it was. */
export interface ContinueSweep {
  failure: string;
  place: number | null;
  state: string;
  step: number;
  under_way: string;
}

/** Read a model in a folder of this computer; or ask what it leaves unsaid. */
export interface ConvertModel {
  choices: string[];
  guessed: string;
  model: string;
  needs: string;
  notes: string[];
  prompt: string;
  why: string;
}

/** Let a model that was read here compute with another activation than was guessed. */
export type CorrectModel = Record<string, never>;

/** The pieces that a text is first cut into. */
export interface CutText {
  about: string;
  kind: string;
  merges: boolean;
  name: string;
  pieces: {
    kind: string;
    parts: Part[];
    piece: string;
  }[];
  ref: string;
  short: string;
  total: number;
}

/** What a list of ids says, with remarks on those that say nothing alone. */
export interface DecodeIds {
  parts: {
    hex?: string;
    id?: number;
    text?: string;
  }[];
  remarks: string[];
  text: string;
}

/** Delete a run and all that is kept of it. */
export type DeleteRun = Record<string, never>;

/** What a text is like, cut by a tokenizer. */
export interface DescribeCorpus {
  bigram_loss: number;
  bytes_per_token: number;
  even_loss: number;
  floor: {
    standard_error: number;
    value: number;
  } | null;
  licence: string;
  most_frequent: {
    count: number;
    id: number;
    text: string;
  }[];
  n_bytes: number;
  n_characters: number;
  n_tokens: number;
  name: string;
  ref: string;
  sample: string;
  source: string;
  title: string;
  unigram_loss: number;
  vocab_size: number;
  vocab_used: number;
}

/** Fetch a text that isn't here yet. */
export type DownloadCorpus = Record<string, never>;

/** Begin to fetch a model from the Hub. */
export type DownloadModel = Record<string, never>;

/** What a live batch has written since; {"gone": True} when it was put away meanwhile. */
export interface DrawBatch {
  batch?: string;
  distinct?: (number | null)[];
  done?: boolean;
  gone?: boolean;
  overlap?: (number | null)[];
  seeds?: number[];
  stopped?: boolean[];
  tokenizer?: string;
  tokens?: [number, number, number, number, number][][];
}

/** A QR code of a link: a text of 0 and 1 for each of its rows. */
export interface DrawCode {
  rows: string[];
}

/** Up to `count` more tokens of a live generation; {"gone": True} when it was put away meanwhile. */
export interface DrawTokens {
  ended?: string | null;
  generation?: string;
  gone?: boolean;
  logits?: string;
  reads?: number;
  tokens?: [number, number, number, number, number][];
  weights?: string;
}

/** How a token came to be, from its bytes on. */
export interface ExplainToken {
  steps: {
    left: {
      id: number;
      parts: Part[];
    };
    rank: number;
    right: {
      id: number;
      parts: Part[];
    };
    token: {
      id: number;
      parts: Part[];
    };
  }[];
}

/** Make a file of a run; `path` is where the page fetches it. */
export interface ExportRun {
  address: string;
  bytes: number;
  name: string;
}

/** A whole file of one of FORMATS, for the page to save. */
export interface ExportTokenizer {
  name: string;
  text: string;
}

/** The tokens whose vectors point most nearly the same way. */
export interface FindNeighbours {
  id: number;
  neighbours: [number, number][];
}

/** Where to look, and what to look for. */
export interface FindWorkedExample {
  cell: [number, number];
  head: [number, number];
  model: string;
  prompt: string;
  says: string;
  step: number | null;
  steps: number[];
}

/** One law through a sweep, those of the bootstrap around it, and its prediction of the largest size. */
export interface FitSweep {
  count: string;
  floor_known: boolean;
  intervals: {
    A: number[];
    B: number[];
    E: number[];
    a: number[];
    b: number[];
  };
  law: number[];
  others: number[][];
  points: number;
  predicted: {
    interval: number[];
    measured: number;
    width: number;
  } | null;
}

/** Seconds that a point of the shipped sweep takes, measured here. */
export interface ForecastPoint {
  problem: string;
  seconds: number;
}

/** How long it would take. */
export interface ForecastRun {
  busy: boolean;
  measured: boolean;
  seconds: number;
}

/** Seconds that a training of each size takes, and all together, measured here. */
export interface ForecastSweep {
  problem: string;
  seconds: number[];
  total: number;
}

/** Up to `count` more tokens, each with its row; {"gone": True} when the text was put away meanwhile. */
export interface GrowRows {
  ended?: string | null;
  gone?: boolean;
  readings?: {
    cell?: number;
    next: {
      id: number;
      p: number;
      text: string;
    }[];
    p: number;
    reads: number;
    rows: string;
    start?: number;
    thumbnails?: string;
    token: Token;
    whole?: number;
  }[];
}

/** Take in the files of a model, where visitors may bring any; or ask what they leave unsaid. */
export interface KeepModel {
  choices: string[];
  guessed: string;
  model: string;
  needs: string;
  notes: string[];
  prompt: string;
  why: string;
}

/** Take in a pasted text. */
export interface KeepPaste {
  name: string;
}

/** Let a run stay when old ones make room for new ones, or no longer. */
export type KeepRun = Record<string, never>;

/** Take in an uploaded vocabulary file, under its own name. */
export interface KeepTokenizer {
  ref: string;
}

/** Take in a text or table, uploaded or in a folder of this computer; in another encoding, tell which. */
export interface KeepUpload {
  column: string | null;
  columns: string[];
  encodings: {
    name: string;
    sample: string;
  }[];
  found: string;
  name: string;
}

/** All that the form offers, and the visitor's runs. */
export interface ListChoices {
  changeable: string[];
  corpora: {
    bytes: number;
    description: string;
    group: string;
    here: boolean;
    name: string;
    title: string;
  }[];
  gentle: number;
  kept: string[];
  local_texts: {
    bytes: number;
    key: string;
    title: string;
  }[];
  origins: {
    group: string;
    ref: string;
    title: string;
  }[];
  presets: {
    about: string;
    name: string;
    settings: Record<string, boolean | number | string>;
    title: string;
  }[];
  run: string | null;
  runs: string[];
  settings: {
    [key: string]: {
      choices: string[];
      default: boolean | number | string;
      help: string;
      high: number | null;
      kind: string;
      label: string;
      low: number | null;
      unit: string;
    };
  };
  tokenizer_kinds: {
    [key: string]: {
      loses: string;
      origin: string;
      short: string;
      sized: boolean;
      title: string;
      unit: string;
    };
  };
  upload_bytes: number;
  vocabularies: {
    name: string;
    size: number;
    title: string;
  }[];
}

/** The texts in which tokens can be counted. */
export interface ListCorpora {
  texts: {
    bytes: number;
    ref: string;
    title: string;
  }[];
}

/** A row a run, newest first, and how the loss of the newest fell. */
export interface ListLedger {
  curves: {
    id: string;
    loss: [number, number][];
  }[];
  example?: {
    accuracy: number;
    best: number;
    bytes: number;
    corpus: string;
    created: string;
    id: string;
    kept: boolean;
    live: boolean;
    n_params: number;
    name: string;
    parent: string;
    seconds: number;
    state: string;
    step: number;
    train_loss: number;
    validation_loss: number;
  };
  rows: {
    accuracy: number | null;
    best: number | null;
    bytes: number;
    changes: [string, number | string | null, boolean | number | string][];
    corpus: string;
    created: string;
    id: string;
    kept: boolean;
    live: boolean;
    n_params: number;
    name: string;
    parent: string;
    seconds: number | null;
    state: string;
    step: number;
    train_loss: number | null;
    validation_loss: number | null;
  }[];
}

/** Every model that this visitor can point at, with prompts to try on it, and what can be fetched. */
export interface ListModels {
  devices: {
    name: string;
    title: string;
  }[];
  models: {
    closed: boolean;
    examples: string[];
    group: string;
    live: boolean;
    ref: string;
    steps: number[];
    title: string;
  }[];
  offers: {
    bytes: number;
    fetching: boolean;
    name: string;
    title: string;
  }[];
  upload_bytes: number;
}

/** All that the form offers, and the visitor's sweep as it is planned. */
export interface ListPlan {
  chosen: Record<string, number | string>;
  corpora: {
    name: string;
    title: string;
  }[];
  helps: Record<string, string>;
  minutes: number;
  settings: {
    [key: string]: {
      choices: string[];
      default: number;
      help: string;
      high: number;
      kind: string;
      label: string;
      low: number;
      unit: string;
    };
  };
}

/** Every model that this visitor can point at, with its steps. */
export interface ListRivals {
  models: {
    closed: boolean;
    examples: string[];
    group: string;
    live: boolean;
    ref: string;
    steps: number[];
    title: string;
  }[];
}

/** Everything on the menu, in groups; and what each file format is called. */
export interface ListTokenizers {
  groups: {
    title: string;
    tokenizers: {
      name: string;
      ref: string;
    }[];
  }[];
  patterns: string[];
}

/** Those whose model is here. */
export interface ListWorkedExamples {
  examples: {
    name: string;
    title: string;
  }[];
}

/** The share restored by each position, from row `first` on, for a bounded time. */
export interface MapRows {
  first: number;
  rows: number[][];
  total: number;
}

/** All tokens in two dimensions; their names too, unless the page `knows` this vocabulary. */
export interface MapTokens {
  norms: string;
  places: string;
  prompt: number[];
  shares: number[];
  vocabulary:
    | string
    | {
        bytes: string;
        eot_id: number | null;
        lengths: string;
        tokenizer: string;
      };
  width: number;
}

/** How many tokens each of them needs for samples in many languages. */
export interface MeasureSamples {
  rows: {
    about: string;
    kind: string;
    name: string;
    ref: string;
    short: string;
  }[];
  samples: {
    bytes: number;
    language: boolean;
    name: string;
    text: string;
    tokens: (number | null)[];
  }[];
}

/** Whether 8-bit weights can write, do so unless told otherwise, are there, and what they change. */
export interface MeasureWeights {
  cost: {
    agreement: number;
    change: number;
    perplexity: number;
    positions: number;
  } | null;
  ready: boolean;
  usual: boolean;
  why_not: string | null;
}

/** How well the model that is looked at predicts one window of a text. */
export interface MeasureWindow {
  bytes: number;
  model: string;
  nats: number;
  title: string;
  tokens: number;
  whole: boolean;
  windows: number;
  words: number;
}

/** All merges inside one piece. */
export interface MergePiece {
  encoded: number[];
  start: number[];
  steps: {
    candidates: [number, number, number][];
    place: number;
  }[];
  tokens: {
    [key: string]: {
      hex: string;
      parts: Part[];
    };
  };
}

/** Where the model lies, for a transcript that others can follow. */
export interface NameSource {
  folder: string;
  step: number | null;
  title: string;
}

/** A page with runs in training came or went. */
export type NotePresence = Record<string, never>;

/** A head taken apart for a pair of tokens; without a prompt no tokens and nothing else. */
export interface OpenHead {
  column?: number;
  head?: number;
  head_logits?: {
    promoted: {
      by: number;
      id: number;
      text: string;
    }[];
    suppressed: {
      by: number;
      id: number;
      text: string;
    }[];
  };
  heads?: number;
  k?: string;
  layer?: number;
  layers?: number;
  length?: {
    head: number;
    layer: number;
    pair: number;
    stream: number;
  };
  lengths?: string;
  note?: string | null;
  pair_logits?: {
    promoted: {
      by: number;
      id: number;
      text: string;
    }[];
    suppressed: {
      by: number;
      id: number;
      text: string;
    }[];
  };
  q?: string;
  row?: number;
  scale?: number;
  scores?: string;
  shares?: string;
  tokens: Token[];
  v?: string;
  weights?: string;
}

/** All that has happened in a run. */
export interface OpenRun {
  about: {
    corpus: string;
    id: string;
    model: {
      activation_function: string;
      bias: boolean;
      dropout: number;
      layer_norm_epsilon: number;
      n_ctx: number;
      n_embd: number;
      n_head: number;
      n_inner: number;
      n_layer: number;
      tie_word_embeddings: boolean;
      vocab_size: number;
      without: string[];
    };
    name: string;
    path: string | null;
    text: string;
    tokens: string;
  };
  backdrop: {
    baselines: {
      floor: boolean;
      loss: number;
      name: string;
    }[];
    bytes_per_token: number | null;
    exam: [string, string, boolean][];
    passage: string[];
    tokenizer: string;
    unit: string;
  };
  changes: {
    changes: Record<string, number>;
    step: number;
  }[];
  curves: Record<string, [number, number][]>;
  end: {
    reason: string;
    step: number;
    why: string;
  } | null;
  form: Record<string, boolean | number | string>;
  moments: {
    exam?: string[];
    passage: number[];
    sample?: {
      prompt: string;
      text: string;
    };
    step: number;
  }[];
  next?: number;
  standing: PollRun;
}

/** One head's weights and scores as they are, for a file that stands alone. */
export interface PackHead {
  head: number;
  layer: number;
  pattern: string;
  scores: string;
  step: number | null;
  title: string;
  tokens: Token[];
}

/** Queries and keys of all heads, from which a page of its own works out every weight. */
export interface PackHeads {
  heads: number;
  k: string;
  layers: number;
  q: string;
  step: number | null;
  title: string;
  tokens: Token[];
}

/** A .npz of patterns, queries, keys and values: of one head or, if `whole`, of all. */
export interface PackTensors {
  file: string;
}

/** What the base says with the source's activation at some positions, and where the stream moves. */
export interface PatchPositions {
  cone: string;
  next: {
    base: number;
    id: number;
    patched: number;
    source: number;
    text: string;
  }[];
  restored: number;
}

/** What a run would be: its parts, its memory, its way through the text. */
export interface PlanRun {
  baselines: {
    floor: boolean;
    loss: number;
    name: string;
  }[];
  bytes_per_token: number;
  memory: number;
  n_params: number;
  parts: {
    count: number;
    name: string;
  }[];
  passes: number;
  schedule: [number, number][];
  tokens: number;
  vocab_size: number;
}

/** Each size of a plan: parameters, tokens, FLOPs and, where the shipped law holds, the loss to expect. */
export interface PlanSweep {
  sizes: {
    flops: number;
    learning_rate: number;
    loss: number | null;
    n_layer: number;
    n_params: number;
    tokens: number;
    width: number;
  }[];
  trainings: number;
}

/** How the visitor's ablation stands, and how many losses theirs have reached by now. */
export interface PollAblation {
  failure: string;
  losses: number;
  name: string;
  place: number | null;
  state: string;
  step: number;
  steps: number;
  under_way: string;
}

/** How much of it has come. */
export interface PollDownload {
  done: number;
  state: string;
  total: number;
  why: string;
}

/** The merges after the first `since`, of the visitor's training or of the example. */
export interface PollLearning {
  bytes?: Part[][];
  failure: string;
  learnt: number;
  merges: [number, number, number, number, Part[]][];
  n_bytes?: number;
  next: number;
  pairs: [number, number, number, Part[], Part[]][];
  sample?: number[][];
  seconds: number;
  state: string;
  title?: string;
  vocab_size?: number;
}

/** How the visitor's point stands, and how many losses theirs have reached by now. */
export interface PollPoint {
  failure: string;
  losses: number;
  place: number | null;
  state: string;
  step: number;
  steps: number;
  under_way: string;
}

/** What has happened since event `since`, and how things stand. */
export interface PollRun {
  behind: boolean;
  events: (
    | {
        changes: Record<string, number>;
        event: "change";
        step: number;
      }
    | {
        event: "done";
        reason: string;
        step: number;
        why: string;
      }
    | {
        event: "evaluation";
        step: number;
        train_loss: number;
        validation_loss: number;
      }
    | {
        event: "exam";
        exam: string[];
        step: number;
      }
    | {
        event: "layers";
        step: number;
      }
    | {
        event: "passage";
        passage: number[];
        step: number;
      }
    | {
        event: "sample";
        sample: {
          prompt: string;
          text: string;
        };
        step: number;
      }
    | {
        evaluated: boolean;
        event: "snapshot";
        step: number;
      }
    | {
        clipped_norm: number;
        event: "step";
        grad_norm: number;
        learning_rate: number;
        loss: number;
        reports: boolean;
        seconds: number;
        step: number;
        tokens_seen: number;
      }
  )[];
  failure: string;
  joules: number | null;
  joules_of: string | null;
  max_steps: number;
  next: number;
  outside: number | null;
  place: number | null;
  ready: boolean;
  remark: string;
  run: string;
  seconds_left: number | null;
  state: string;
  step: number;
  stopping: boolean;
  tokens_per_second: number | null;
  wait: number | null;
}

/** How the visitor's sweep stands: each of its trainings, and the one under way. */
export interface PollSweep {
  failure: string;
  place: number | null;
  state: string;
  step: number;
  steps: number;
  trainings: {
    ended: boolean;
    id: string;
    loss: number | null;
    ref: string;
    seed: number;
    title: string;
    width: number;
  }[];
  under_way: string;
}

/** What a vocabulary can be learnt from, and whether one is in training already. */
export interface PrepareLearning {
  going: boolean;
  texts: {
    bytes: number;
    ref: string;
    title: string;
  }[];
}

/** All curves, those that ship and the visitor's, and how much each change costs in the end. */
export interface ReadAblations {
  changes: {
    apart: number;
    does: string;
    learnt: string;
    least: number;
    loss: number;
    mine: number | null;
    most: number;
    name: string;
    params: number;
    seeds: number;
    title: string;
  }[];
  csv: string;
  curves: {
    losses: number[];
    mine: boolean;
    name: string;
    ref: string;
    seed: number;
    steps: number[];
  }[];
  floor: number;
  settings: {
    [key: string]: {
      choices: string[];
      default: number;
      help: string;
      high: number;
      kind: string;
      label: string;
      low: number;
      unit: string;
    };
  };
  steps: number;
  text: string;
}

/** The model's operations, counted on its modules, and the file that does them. */
export interface ReadArchitecture {
  context: number;
  file: string;
  flops: number;
  heads: number;
  layers: number;
  operations: {
    flops: number;
    key: string;
    lines: number[];
    parameters: number;
    reads: string;
    title: string;
    weights: number[];
    where: string;
    writes: string;
    writtenOut: number[];
  }[];
  parameters: number;
  sizes: Record<string, number>;
  source: string[];
}

/** The parts of the logit of one token, the likeliest if none is named. */
export interface ReadAttribution {
  biases: number[];
  candidates: Token[];
  heads: number[][];
  logit: number;
  mlps: number[];
  neurons: {
    by: number;
    neuron: number;
  }[][];
  norm: number;
  place: number;
  position: number;
  scale: number;
  target: Token;
  token: number;
}

/** The losses and the best size of each budget, the frontier, and that of the sweep's law; as CSV too. */
export interface ReadBudgets {
  budgets: {
    flops: number;
    lowest: {
      bend: number;
      between: number[];
      loss: number;
      params: number;
      tokens: number;
    } | null;
    reached: {
      loss: number;
      params: number;
      tokens: number;
      width: number;
    }[];
    why_not: string;
  }[];
  counts: string[];
  csv: string;
  each: number[];
  frontier: {
    exponent: number;
    factor: number;
    high: number;
    low: number;
  } | null;
  law: {
    exponent: number;
    factor: number;
    tokens: number;
  } | null;
  text: string;
  whose: string;
  widths: number[];
}

/** The likeliest tokens of one cell, from the same stream. */
export interface ReadCell {
  next: {
    id: number;
    p: number;
    text: string;
  }[];
  position: number;
  row: number;
}

/** Where in the model's validation text a neuron is strongest: each call reads on for a moment. */
export interface ReadContexts {
  contexts: {
    after: string;
    before: string;
    token: string;
    value: number;
  }[];
  layer: number;
  neuron: number;
  own: boolean;
  read: number;
  title: string;
  total: number;
}

/** A finished training that ships, told as `open_run` does: it is shown before the visitor has one. */
export interface ReadExampleRun {
  backdrop: {
    baselines: {
      floor: boolean;
      loss: number;
      name: string;
    }[];
    bytes_per_token: number;
    exam: [string, string, boolean][];
    passage: string[];
    tokenizer: string;
    unit: string;
  };
  curves: {
    accuracy: number[][];
    clipped_norm: number[][];
    grad_norm: number[][];
    learning_rate: number[][];
    loss: number[][];
    seconds: number[][];
    tokens_seen: number[][];
    train_loss: number[][];
    validation_loss: number[][];
  };
  end: {
    reason: string;
    step: number;
    why: string;
  };
  moments: {
    exam: string[];
    sample: {
      prompt: string;
      text: string;
    };
    step: number;
  }[];
  name: string;
}

/** Many heads in one picture. */
export interface ReadFlow {
  weights: string;
}

/** The curves of other runs, to be drawn behind one. */
export interface ReadGhosts {
  ghosts: {
    curves: Record<string, [number, number][]>;
    id: string;
    name: string;
    text: string;
    tokens: string;
  }[];
}

/** A training on sums modulo a prime: its moments after step `after`. */
export interface ReadGrokking {
  complete: boolean;
  live: boolean;
  modulus: number;
  moments: {
    held_out: {
      accuracy: number;
      loss: number;
    };
    norms: number[];
    shown: {
      accuracy: number;
      loss: number;
    };
    step: number;
  }[];
  offered: {
    ref: string;
    title: string;
  }[];
  questions: number[];
  training: string;
}

/** One head's queries and keys. */
export interface ReadHead {
  head: number;
  k: string;
  layer: number;
  q: string;
}

/** What a run measured of its layers after step `since`. */
export interface ReadLayers {
  measured: boolean;
  moments: {
    layers: {
      attention_entropy: number[];
      grad_norm: number;
      name: string;
      update_norm: number;
      weight_norm: number;
    }[];
    step: number;
  }[];
  n_ctx: number;
  name: string;
  run: string;
}

/** The step on a piece of the model's text or the prompt, as far as it is made; without either no tokens. */
export interface ReadLearningStep {
  best?: number[][];
  clipped?: number;
  factors?: number[];
  gradient?: number;
  known?: boolean[];
  layers?: number;
  losses?: string;
  made?: {
    done: number;
    parts: number;
  };
  matrixRate?: number | null;
  odds?: string;
  ofRun?: boolean;
  optimizer?: string;
  own?: boolean;
  parts?: {
    gradient: number;
    key: string;
    parameters: number;
    update: number;
    weight: number;
  }[];
  places?: {
    all: number;
    any: number;
  };
  rate?: number;
  remembered?: boolean;
  rows?: {
    all: number;
    any: number;
    most: {
      gradient: number;
      id: number;
      read: number;
      text: string;
    }[];
    read: number;
    tied: boolean;
  };
  step?: number;
  stream?: string;
  texts?: Record<string, string>;
  title?: string;
  tokens: Token[];
}

/** Figures of rows `below` - 1, `below` - 2, ...: from the output (where `below` is None) down. */
export interface ReadLens {
  below?: number;
  layers?: number;
  note?: string | null;
  rows?: {
    entropy: string;
    p: string;
    rank: string;
    top: string;
    trueP: string;
  };
  step?: number | null;
  texts?: Record<string, string>;
  tokens: number[];
  vocabulary?: number;
}

/** What the model says about the token after the prompt and the `ids` written since. */
export interface ReadLogits {
  logits: string;
  n_ctx: number;
  prompt_ids: number[];
  reads: number;
  tokenizer: string;
}

/** How much a neuron is on here, and the tokens it speaks for and against; of a block its most active one. */
export interface ReadNeuron {
  after: number;
  before: number;
  layer: number;
  neuron: number;
  neurons: number;
  promoted: {
    by: number;
    id: number;
    text: string;
  }[];
  suppressed: {
    by: number;
    id: number;
    text: string;
  }[];
}

/** One LayerNorm at work on one token of the prompt: `norm` counts them from the bottom. */
export interface ReadNorm {
  after?: string;
  before?: string;
  bias?: string;
  gain?: string;
  layers: number;
  mean?: number;
  norm?: number;
  note?: string | null;
  position?: number;
  std?: number;
  tokens: Token[];
}

/** Both prompts side by side and what each is followed by; without a prompt no tokens and nothing else. */
export interface ReadPair {
  answers?: Token[];
  examples?: {
    other: string;
    prompt: string;
    title: string;
  }[];
  heads?: number;
  layers?: number;
  next?: {
    base: number;
    id: number;
    patched: number;
    source: number;
    text: string;
  }[];
  other?: string;
  others?: Token[];
  tokens: Token[];
}

/** The stations in order, and the glossary. No answer is among it. */
export interface ReadPath {
  file: string;
  glossary: {
    name: string;
    says: string;
    title: string;
  }[];
  stations: {
    choices: {
      name: string;
      text: string;
    }[];
    code: string[];
    lines: number[];
    minutes: number;
    name: string;
    paper: {
      by: string;
      link: string;
      section: string;
      title: string;
    };
    start: {
      model: string;
      prompt: string;
      tab: string;
      view: string;
    };
    unit: string | null;
    words: {
      question: string;
      task: string;
      title: string;
      why: string;
    };
  }[];
}

/** The learning rates tried at each width and how they ended: the visitor's, if they try several, or ours. */
export interface ReadRates {
  mine: boolean;
  widths: {
    best: number;
    rule: number;
    tried: number[][];
    width: number;
  }[];
}

/** One head on one prompt, exactly; without a prompt no tokens and nothing else. */
export interface ReadSide {
  head?: number;
  heads?: number;
  k?: string;
  layer?: number;
  layers?: number;
  note?: string | null;
  q?: string;
  step?: number | null;
  title?: string;
  tokens: Token[];
}

/** The four sizes, the scores of the paper's Table 3, and the model that is looked at, measured alike. */
export interface ReadSizes {
  mine: {
    bytes: number;
    forward: number;
    in_blocks: number;
    n_ctx: number;
    n_embd: number;
    n_head: number;
    n_layer: number;
    n_params: number;
    title: string;
    training: number;
    vocab_size: number;
  };
  scores: {
    command: string;
    higher_is_better: boolean;
    how: string;
    measure: string;
    scores: number[];
    text: string;
  }[];
  sizes: {
    bytes: number;
    forward: number;
    in_blocks: number;
    n_ctx: number;
    n_embd: number;
    n_head: number;
    n_layer: number;
    n_params: number;
    name: string;
    printed: string;
    training: number;
    vocab_size: number;
  }[];
  texts: {
    ref: string;
    title: string;
  }[];
}

/** One head's rows of what the picture began with, in full; {"gone": True} when it has begun anew since. */
export interface ReadStart {
  gone?: boolean;
  rows?: string;
}

/** One step for one token; without a prompt no tokens and nothing else. */
export interface ReadStep {
  cell?: [number, number];
  constants?: Record<string, number>;
  formula?: string;
  head?: number;
  key?: string;
  matrix?: string | null;
  named?: Token[];
  note?: string | null;
  numbers?: string;
  position?: number;
  rows?: {
    axis: string;
    name: string;
    role: string;
    title: string;
    values: string;
  }[];
  says?: string;
  terms?: {
    bias: number | null;
    largest: [number, number, number][];
    others: number;
    rest: number;
  } | null;
  tokens: Token[];
  unseen?: Record<string, string>;
}

/** Some windows of a text from number `window` on; `next` is where to go on, None at the end. */
export interface ReadSurprise {
  first: number | null;
  ids: number[];
  lost: string | null;
  met: [number, number, number, number[][]][];
  n_ctx: number;
  next: number | null;
  tokenizer: string;
  windows: number;
}

/** All points of a sweep, also as a CSV file. */
export interface ReadSweep {
  again: {
    last: boolean;
    loss: number;
    point: string;
    tokens: number;
  }[];
  counts: string[];
  csv: string;
  early: number;
  floor: number;
  mine: boolean;
  n_ctx: number;
  points: {
    flops: number;
    last: boolean;
    learning_rate: number;
    loss: number;
    params: number[];
    point: string;
    ref: string;
    seconds: number;
    seed: number;
    step: number;
    title: string;
    tokens: number;
    width: number;
  }[];
  text: string;
  whose: string;
}

/** Tokens of `text`, or of the sheet's text after an edit. `gone`: send the whole text, please. */
export interface ReadText {
  about?: string;
  counts?: {
    bytes: number;
    characters: number;
    graphemes: number;
    words: number;
  };
  first?: number;
  fresh?: boolean;
  gone?: boolean;
  ids?: [number, number, number[]];
  kind?: string;
  last?: number;
  lost?: string | null;
  n_ctx?: number;
  name?: string;
  new?: {
    [key: string]: {
      hex: string;
      parts: Part[];
      rank: number | null;
    };
  };
  ref?: string;
  short?: string;
  special_tokens?: [string, number][];
  total?: number;
  units?: [number, number, [number[], boolean[], string | null, string | null][]];
  version?: number;
}

/** The best heads of a few moments more, those after step `after`. */
export interface ReadTimeline {
  complete: boolean;
  measured_on: string;
  moments: {
    best: Record<string, [number, number, number]>;
    step: number;
  }[];
  steps: number[];
}

/** The bytes of every token, once a tokenizer: the page names all tokens itself. */
export interface ReadVocabulary {
  bytes: string;
  eot_id: number | null;
  lengths: string;
  tokenizer: string;
}

/** Give a run another name. */
export type RenameRun = Record<string, never>;

/** Keep what is learnt so far under a name. */
export interface SaveVocabulary {
  ref: string;
}

/** What kind each head is, on random tokens said twice. */
export interface ScoreHeads {
  kinds: {
    kind: string;
    score: number | null;
    scores: (number | null)[];
  }[];
}

/** A page of the tokens that a query finds, and how many have which length and first byte. */
export interface SearchVocabulary {
  about: string;
  bytes: number[];
  kind: string;
  lengths: number[];
  name: string;
  never: number | null;
  ref: string;
  short: string;
  text: string | null;
  tokens: {
    count: number | null;
    hex: string;
    id: number;
    parts: Part[];
    rank: number | null;
    special: boolean;
  }[];
  total: number;
  vocab_size: number;
}

/** Have every phone follow to this state of the page. */
export type ShowClass = Record<string, never>;

/** Train the full model and one change of it, or go on with them; what is trained already stays. */
export interface StartAblation {
  failure: string;
  place: number | null;
  state: string;
  step: number;
  under_way: string;
}

/** Begin; one in training stops for it. */
export type StartLearning = Record<string, never>;

/** Train a point, or go on with it; those trained already stay as long as the disk has room. */
export interface StartPoint {
  failure: string;
  place: number | null;
  state: string;
  step: number;
  under_way: string;
}

/** Train a new run, at once or when it is its turn. */
export interface StartRun {
  run: string;
}

/** Train a plan, in place of the visitor's last sweep unless it is the same, which goes on. */
export interface StartSweep {
  failure: string;
  place: number | null;
  state: string;
  step: number;
  under_way: string;
}

/** Pause, resume or stop it. */
export interface SteerAblation {
  failure: string;
  place: number | null;
  state: string;
  step: number;
  under_way: string;
}

/** Pause, resume, step or stop. */
export interface SteerLearning {
  state: string;
}

/** Pause, resume or stop it. */
export interface SteerPoint {
  failure: string;
  place: number | null;
  state: string;
  step: number;
  under_way: string;
}

/** Pause, resume, step or stop a run. */
export interface SteerRun {
  state: string;
}

/** Pause, resume or stop it. */
export interface SteerSweep {
  failure: string;
  place: number | null;
  state: string;
  step: number;
  under_way: string;
}

/** The mean loss with each part off alone, from part number `first` on, for a bounded time. */
export interface SweepParts {
  first: number;
  losses: number[];
  total: number;
}

/** Every head as a thumbnail, one exactly; without a prompt no tokens and nothing else. */
export interface TracePrompt {
  heads?: number;
  kinds?: {
    kind: string;
    score: number | null;
    scores: (number | null)[];
  }[];
  layers?: number;
  next?: {
    id: number;
    p: number;
    text: string;
  }[];
  note?: string | null;
  opening?: {
    column: number;
    row: number;
    says: string;
  } | null;
  rests?: string;
  sampled?: number | null;
  side?: number;
  step?: number | null;
  thumbnails?: string;
  tokens: Token[];
  zoomed?: {
    head: number;
    k: string;
    layer: number;
    q: string;
  };
}

/** The next tokens after the prompt and the `ids` written since, with the difference added at a layer. */
export interface WriteSteered {
  ended: boolean;
  ids: number[];
  text: string;
}

/** The next tokens after the prompt and the `ids` written since, with some parts off. */
export interface WriteWithout {
  ended: boolean;
  ids: number[];
  of: number;
  text: string;
}

/** What each endpoint answers, by its name. */
export interface Answers {
  allow_class: AllowClass;
  begin_batch: BeginBatch;
  begin_generation: BeginGeneration;
  begin_rows: BeginRows;
  cancel_download: CancelDownload;
  change_run: ChangeRun;
  check_station: CheckStation;
  compare_parts: CompareParts;
  compare_positions: ComparePositions;
  compare_runs: CompareRuns;
  compare_tokenizers: CompareTokenizers;
  continue_run: ContinueRun;
  continue_sweep: ContinueSweep;
  convert_model: ConvertModel;
  correct_model: CorrectModel;
  cut_text: CutText;
  decode_ids: DecodeIds;
  delete_run: DeleteRun;
  describe_corpus: DescribeCorpus;
  download_corpus: DownloadCorpus;
  download_model: DownloadModel;
  draw_batch: DrawBatch;
  draw_code: DrawCode;
  draw_tokens: DrawTokens;
  explain_token: ExplainToken;
  export_run: ExportRun;
  export_tokenizer: ExportTokenizer;
  find_neighbours: FindNeighbours;
  find_worked_example: FindWorkedExample;
  fit_sweep: FitSweep;
  forecast_point: ForecastPoint;
  forecast_run: ForecastRun;
  forecast_sweep: ForecastSweep;
  grow_rows: GrowRows;
  keep_model: KeepModel;
  keep_paste: KeepPaste;
  keep_run: KeepRun;
  keep_tokenizer: KeepTokenizer;
  keep_upload: KeepUpload;
  list_choices: ListChoices;
  list_corpora: ListCorpora;
  list_ledger: ListLedger;
  list_models: ListModels;
  list_plan: ListPlan;
  list_rivals: ListRivals;
  list_tokenizers: ListTokenizers;
  list_worked_examples: ListWorkedExamples;
  map_rows: MapRows;
  map_tokens: MapTokens;
  measure_samples: MeasureSamples;
  measure_weights: MeasureWeights;
  measure_window: MeasureWindow;
  merge_piece: MergePiece;
  name_source: NameSource;
  note_presence: NotePresence;
  open_head: OpenHead;
  open_run: OpenRun;
  pack_head: PackHead;
  pack_heads: PackHeads;
  pack_tensors: PackTensors;
  patch_positions: PatchPositions;
  plan_run: PlanRun;
  plan_sweep: PlanSweep;
  poll_ablation: PollAblation;
  poll_download: PollDownload;
  poll_learning: PollLearning;
  poll_point: PollPoint;
  poll_run: PollRun;
  poll_sweep: PollSweep;
  prepare_learning: PrepareLearning;
  read_ablations: ReadAblations;
  read_architecture: ReadArchitecture;
  read_attribution: ReadAttribution;
  read_budgets: ReadBudgets;
  read_cell: ReadCell;
  read_contexts: ReadContexts;
  read_example_run: ReadExampleRun;
  read_flow: ReadFlow;
  read_ghosts: ReadGhosts;
  read_grokking: ReadGrokking;
  read_head: ReadHead;
  read_layers: ReadLayers;
  read_learning_step: ReadLearningStep;
  read_lens: ReadLens;
  read_logits: ReadLogits;
  read_neuron: ReadNeuron;
  read_norm: ReadNorm;
  read_pair: ReadPair;
  read_path: ReadPath;
  read_rates: ReadRates;
  read_side: ReadSide;
  read_sizes: ReadSizes;
  read_start: ReadStart;
  read_step: ReadStep;
  read_surprise: ReadSurprise;
  read_sweep: ReadSweep;
  read_text: ReadText;
  read_timeline: ReadTimeline;
  read_vocabulary: ReadVocabulary;
  rename_run: RenameRun;
  save_vocabulary: SaveVocabulary;
  score_heads: ScoreHeads;
  search_vocabulary: SearchVocabulary;
  show_class: ShowClass;
  start_ablation: StartAblation;
  start_learning: StartLearning;
  start_point: StartPoint;
  start_run: StartRun;
  start_sweep: StartSweep;
  steer_ablation: SteerAblation;
  steer_learning: SteerLearning;
  steer_point: SteerPoint;
  steer_run: SteerRun;
  steer_sweep: SteerSweep;
  sweep_parts: SweepParts;
  trace_prompt: TracePrompt;
  write_steered: WriteSteered;
  write_without: WriteWithout;
}
