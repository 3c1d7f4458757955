// A view that would be empty opens on a short text of the model at hand, named as an example.

/** Tokens of an example. */
export const EXAMPLE_TOKENS = 24;
const MOST_MS = 1000; // a training beside it is not to be held up, and a large model not waited for

/** Run write(job) as an example: it ends after a second, and as soon as a person does anything. */
export async function runExample(line, write) {
  await line.run(
    async (job) => {
      const timer = setTimeout(job.stop, MOST_MS);
      try {
        await write(job);
      } finally {
        clearTimeout(timer);
      }
    },
    { example: true },
  );
}
