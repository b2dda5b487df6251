import { mkdir, readdir, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Handler } from '../core/handler.js';
import type { Activation } from '../core/ledger-view.js';

/** Writes follow each other no quicker than this, in ms: a map over a thousand items is one file, not a thousand. */
const PATIENCE_MS = 100;

/**
 * `checkpoint.json` in the task's folder: what is done, for people and scripts. The bus is what is believed, so a failed
 * write is no failure, and the last state may be missing after a crash.
 */
export class Checkpoint {
  readonly #finished: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #status = 'running';
  #error: string | undefined;

  constructor(
    private readonly folder: string,
    private readonly activation: Activation,
    private readonly handler: Handler,
    private readonly now: () => number,
  ) {
    for (const [path, result] of activation.steps) if (result.status !== 'failed') this.#finished.push(path);
  }

  finished(path: string): void {
    this.#finished.push(path);
    if (this.#timer) return;
    this.#write();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#write();
    }, PATIENCE_MS).unref();
  }

  async end(status: string, error?: string): Promise<void> {
    clearTimeout(this.#timer);
    this.#status = status;
    this.#error = error;
    this.#write();
    await this.#writing;
  }

  #write(): void {
    const { activation, rule, event } = this.activation;
    const names = this.handler.steps.map((step, index) => step.id ?? String(index));
    const done = new Set(this.#finished);
    const current = names.findIndex((name) => !done.has(name));
    const state = {
      handler: this.handler.name,
      hash: this.handler.hash,
      activation,
      rule,
      event,
      status: this.#status,
      completed: [...done],
      current_step: current < 0 ? names.length : current,
      ...(current < 0 ? {} : { current: names[current] }),
      ...(this.#error === undefined ? {} : { error: this.#error }),
      updated: new Date(this.now()).toISOString(),
    };
    const file = join(this.folder, 'checkpoint.json');
    this.#writing = this.#writing
      .then(async () => {
        await mkdir(this.folder, { recursive: true });
        await writeFile(`${file}.tmp`, `${JSON.stringify(state, null, 2)}\n`);
        await rename(`${file}.tmp`, file);
        await this.#touchNewestRun((await stat(file)).mtimeMs + 1);
      })
      .catch(() => undefined);
  }

  /** `ls -t | head -1` in a task's folder finds its newest run. */
  async #touchNewestRun(at_ms: number): Promise<void> {
    const newest = (await readdir(this.folder))
      .filter((name) => /^\d{8}-\d{10}-\d+-\d+$/.test(name))
      .sort()
      .at(-1);
    if (newest !== undefined) await utimes(join(this.folder, newest), at_ms / 1_000, at_ms / 1_000);
  }
}
