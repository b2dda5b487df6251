/** Watches `src` of the folder named, writes a file into each of its folders, and prints what was found and said. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncScheduler } from 'rxjs';
import { fileSource } from '../../src/sources/files.js';
import { logInto, type Logged } from '../api/world.js';

const cwd = process.argv[2] ?? '';
const folders = readdirSync(join(cwd, 'src'));
const lines: Logged[] = [];
const found = new Set<string>();
let written = false;
const clock = { now: () => Date.now(), scheduler: asyncScheduler };
const options = { paths: ['src/**'], ignore: [], debounce_ms: 50, rescan_ms: 200, type: 'FILE_CHANGED' };

const running = fileSource({ ...options, cwd, clock, log: logInto(lines) })
  .open()
  .subscribe(({ drafts: [draft], settle }) => {
    for (const { path } of draft?.data?.['changes'] as { path: string }[]) found.add(path);
    settle?.({ receipts: [] });
    // The first thing it finds says that it looks.
    if (!written) for (const folder of folders) writeFileSync(join(cwd, 'src', folder, 'f.ts'), 'x');
    written = true;
    if (found.size <= folders.length) return;
    running.unsubscribe();
    clearInterval(probing);
    const all = [...found].filter((path) => !path.endsWith('probe')).sort();
    process.stdout.write(JSON.stringify({ found: all, warnings: lines.map(({ message }) => message) }));
  });
const probing = setInterval(() => {
  if (!written) writeFileSync(join(cwd, 'src', 'probe'), String(Math.random()));
}, 300);
