import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** All that this process and those it starts put among the temporary files, in one folder. Returns what removes it. */
export const useScratch = (name: string): (() => void) => {
  const folder = mkdtempSync(join(tmpdir(), `conductor-${name}-`));
  process.env['TMPDIR'] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
};
