// One thing after another: what a person does ends what is running, and then happens.
import { Refusal } from "../shared/server.js";

/**
 * @typedef {object} Job what is running
 * @property {boolean} stopped whether it is to end soon
 * @property {boolean} dropped whether its answers are void
 * @property {() => void} stop
 * @property {() => void} drop
 * @property {(ms: number) => Promise<unknown>} wait
 */

/**
 * act(work) queues work after what is running is stopped; its failures go to the notice.
 * @param {(text: string) => void} notice
 * @param {() => void} done runs whenever something begins or ends
 */
export const workQueue = (notice, done) => {
  let chain = Promise.resolve(),
    running = null;

  function enqueue(work) {
    const result = chain.then(work);
    chain = result.catch(() => {});
    return result;
  }

  return {
    get running() {
      return running;
    },
    enqueue,
    /**
     * @param {() => unknown} work
     * @param {(error: Error) => void} failed what else happens when it fails
     */
    act(work, failed = () => {}) {
      running?.stop();
      return enqueue(async () => {
        notice("");
        try {
          await work();
        } catch (error) {
          if (!(error instanceof Refusal)) console.error(error);
          failed(error);
          notice(error.message);
        } finally {
          done();
        }
      });
    },
    /**
     * Run work(job) as what is running: it can be stopped (ends soon), dropped (its answers are void), hurried.
     * @param {(job: Job) => Promise<unknown>} work
     * @param {object} options what else others may read from the job while it runs
     */
    async run(work, options = {}) {
      const job = (running = {
        ...options,
        stopped: false,
        dropped: false,
        hurry: null,
        done: null,
        stop() {
          job.stopped = true;
          job.hurry?.();
        },
        drop() {
          job.dropped = true;
          job.stop();
        },
        /** Wait, unless the person is in a hurry. */
        wait(ms) {
          if (job.stopped || ms <= 0) return Promise.resolve();
          return new Promise((resolve) => {
            const timer = setTimeout(resolve, ms);
            job.hurry = () => {
              clearTimeout(timer);
              resolve(undefined);
            };
          });
        },
      });
      job.done = work(job).finally(() => {
        if (running === job) running = null;
      });
      done();
      return job.done;
    },
  };
};

export const nextFrame = () => new Promise(requestAnimationFrame);
