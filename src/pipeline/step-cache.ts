import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { glob } from 'tinyglobby';
import type { Cache } from '../core/handler.js';
import type { Outcome } from './scope.js';

type Kept = Pick<Outcome, 'output' | 'data' | 'run_id'> & { at: number };

/** Results of steps, by what went into them. A file that cannot be read is no hit. */
export class StepCache {
  constructor(
    private readonly folder: string,
    private readonly now: () => number,
  ) {}

  /** The same for the same inputs and the same contents of files, wherever they are. */
  async key(inputs: readonly unknown[], cache: Cache, cwd: string): Promise<string> {
    const hash = createHash('sha256').update(JSON.stringify(inputs));
    const files =
      cache.files.length === 0 ? [] : await glob([...cache.files], { cwd, dot: true, expandDirectories: false });
    for (const file of files.sort()) {
      const content = await readFile(resolve(cwd, file)).catch(() => undefined);
      if (content) hash.update(`\0${file}\0${createHash('sha256').update(content).digest('hex')}`);
    }
    return hash.digest('hex');
  }

  async get(key: string, ttl: number | undefined): Promise<Kept | undefined> {
    try {
      const kept = JSON.parse(await readFile(join(this.folder, `${key}.json`), 'utf8')) as Kept;
      return ttl !== undefined && this.now() - kept.at > ttl ? undefined : kept;
    } catch {
      return undefined;
    }
  }

  async put(key: string, { output, data, run_id }: Outcome): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const file = join(this.folder, `${key}.json`);
    const kept: Kept = {
      output,
      ...(data === undefined ? {} : { data }),
      ...(run_id ? { run_id } : {}),
      at: this.now(),
    };
    await writeFile(`${file}.${process.pid}.tmp`, JSON.stringify(kept), { mode: 0o600 });
    await rename(`${file}.${process.pid}.tmp`, file);
  }
}
