// What happened in a run, as the page keeps it: curves of at most 500 points, evaluations, changes.
const MAX_BUCKETS = 250,
  MAX_MOMENTS = 120;
const STEP_VALUES = ["loss", "learning_rate", "grad_norm", "clipped_norm", "tokens_seen"];

/**
 * A curve that keeps every low and every high. Steps fall into buckets, of one step at first; when there
 * are too many, two neighbours become one. What is kept depends on the steps alone, so it does not matter
 * whether points came one by one or thinned by the server.
 */
function curve(points = []) {
  let width = 1,
    buckets = [];
  function put(bucket) {
    const last = buckets.at(-1),
      place = ({ low }) => Math.floor(low[0] / width);
    if (!last || place(last) !== place(bucket)) {
      buckets.push({ ...bucket });
      return;
    }
    if (bucket.low[1] < last.low[1]) last.low = bucket.low;
    if (bucket.high[1] > last.high[1]) last.high = bucket.high;
    last.sum += bucket.sum;
    last.count += bucket.count;
    last.end = bucket.end;
  }
  const self = {
    last: null, // the newest point, whatever is kept
    add(step, value) {
      const point = [step, value];
      self.last = point;
      put({ low: point, high: point, end: step, sum: value, count: 1 });
      while (buckets.length > MAX_BUCKETS) {
        const narrow = buckets;
        width *= 2;
        buckets = [];
        narrow.forEach(put);
      }
    },
    /** The lowest and the highest of each bucket, in order. */
    points() {
      const inOrder = (low, high) => (low[0] < high[0] ? [low, high] : [high, low]);
      return buckets.flatMap(({ low, high }) => (low === high ? [low] : inOrder(low, high)));
    },
    /** A moving average of the buckets' means; `inertia` 0 is none. */
    smoothed(inertia) {
      let mean = buckets.length ? buckets[0].sum / buckets[0].count : 0;
      return buckets.map(({ end, sum, count }, i) => {
        mean += (sum / count - mean) * Math.max(1 - inertia, 4 / (4 + i)); // early on the loss falls fast
        return [end, mean];
      });
    },
  };
  for (const [step, value] of points) self.add(step, value);
  return self;
}

/** y at x on a rising line of [x, y], straight between its points. */
function between(line, x) {
  if (!line.length || x <= line[0][0]) return line.length && x === line[0][0] ? line[0][1] : 0;
  let low = 0,
    high = line.length - 1;
  if (x >= line[high][0]) return line[high][1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (line[middle][0] <= x) low = middle;
    else high = middle;
  }
  const [a, b] = [line[low], line[high]];
  return a[1] + ((b[1] - a[1]) * (x - a[0])) / (b[0] - a[0]);
}

/** Past the limit, the evaluation goes whose neighbours are closest together; the server does the same. */
function thin(moments) {
  if (moments.length <= MAX_MOMENTS) return;
  let best = 1;
  for (let i = 1; i < moments.length - 1; i += 1) {
    const gap = (k) => moments[k + 1].step - moments[k - 1].step;
    if (gap(i) < gap(best)) best = i;
  }
  moments.splice(best, 1);
}

/** From an answer of open_run; `add` each event that comes after it. */
function digest({ curves = {}, moments = [], changes = [], end = null } = {}) {
  const known = new Map(Object.entries(curves).map(([name, points]) => [name, curve(points)]));
  let seconds = known.get("seconds")?.last?.[1] ?? 0;
  const self = {
    moments,
    changes,
    end,
    /** The curve of that name, empty if there is none. */
    curve(name) {
      if (!known.has(name)) known.set(name, curve());
      return known.get(name);
    },
    get started() {
      return self.curve("validation_loss").last !== null;
    },
    /** A function from a step to its place on the axis: "step", "tokens_seen" or "seconds". */
    scale(axis) {
      if (axis === "step") return (step) => step;
      const line = self.curve(axis).points();
      return (step) => (step <= 0 ? 0 : between(line, step));
    },
    moment(step) {
      if (moments.at(-1)?.step !== step) {
        moments.push({ step });
        thin(moments);
      }
      return moments.at(-1);
    },
    add(event) {
      const { event: kind, step } = event;
      if (kind === "step") {
        for (const name of STEP_VALUES) self.curve(name).add(step, event[name]);
        self.curve("seconds").add(step, (seconds += event.seconds));
      } else if (kind === "evaluation") {
        self.moment(step);
        self.curve("train_loss").add(step, event.train_loss);
        self.curve("validation_loss").add(step, event.validation_loss);
      } else if (kind === "change") changes.push({ step, changes: event.changes });
      else if (kind === "done") self.end = event;
      else for (const name of ["sample", "exam", "passage"]) if (name in event) self.moment(step)[name] = event[name];
    },
  };
  return self;
}

export { curve, digest as runState };
