import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { project } from '../support/service.js';

/** What the tests were written against. Newer ones: change the number, run, and see what has changed. */
export const VERSIONS: Readonly<Record<string, string>> = {
  '@anthropic-ai/claude-code': '2.1.329',
  '@openai/codex': '0.169.0',
  '@google/gemini-cli': '0.61.0',
};

const CLAUDE = join('node_modules', '@anthropic-ai', 'claude-code', 'install.cjs');

/** Puts the real ones beside our own packages' caches, once. Returns the folder of their programs. */
export const installAgents = (): string => {
  const folder = join(project, 'node_modules', '.cache', 'real-agents');
  const wanted = `${JSON.stringify({ private: true, dependencies: VERSIONS }, null, 2)}\n`;
  const manifest = join(folder, 'package.json');
  const stamp = join(folder, 'installed.json');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return join(folder, 'node_modules', '.bin');
  mkdirSync(folder, { recursive: true });
  writeFileSync(manifest, wanted);
  // No script of theirs is needed, but the one that puts claude's program into its place.
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error'], {
    cwd: folder,
    stdio: 'inherit',
  });
  execFileSync(process.execPath, [CLAUDE], { cwd: folder, stdio: 'inherit' });
  writeFileSync(stamp, wanted);
  return join(folder, 'node_modules', '.bin');
};
