#!/usr/bin/env node
// Puts right one thing that check-health found: what is named in ITEM. What the configuration allows is in HEALTH.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = process.env.CONDUCTOR_ROOT;
const health = JSON.parse(process.env.HEALTH || '{}');

const run = (program, args) => {
  const { status, error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  process.stdout.write(stdout ?? '');
  process.stderr.write(stderr ?? '');
  if (error) console.error(error.message);
  process.exitCode = status ?? 1;
};

/** What failed within the last hour, the commonest first: where a person would begin to look. */
const investigate = () => {
  const since = Date.now() - 3_600_000;
  const found = new Map();
  const folders = (path) =>
    readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  for (const project of folders(root))
    for (const task of folders(join(root, project.name)))
      for (const one of folders(join(root, project.name, task.name))) {
        const file = join(root, project.name, task.name, one.name, 'run-info.yaml');
        if (!existsSync(file) || statSync(file).mtimeMs < since) continue;
        const text = readFileSync(file, 'utf8');
        if (!/^status: failed$/m.test(text)) continue;
        const field = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? '';
        const cause = `${field('agent')}: ${field('error_summary') || `exit code ${field('exit_code')}`}`;
        const known = found.get(cause) ?? { count: 0, last: '' };
        found.set(cause, { count: known.count + 1, last: `${project.name}/${task.name}/${one.name}` });
      }
  const sorted = [...found].sort(([, a], [, b]) => b.count - a.count).slice(0, 10);
  for (const [cause, { count, last }] of sorted) console.log(`${count} × ${cause} (the last: ${last})`);
};

const REMEDIES = {
  clean: () => run('conductor', ['gc', '--older-than', `${health.clean_after}ms`, '--root', root]),
  restart: () => run('/bin/sh', ['-c', health.restart]),
  scale_up: () => run('/bin/sh', ['-c', health.scale_up]),
  investigate,
};
const remedy = REMEDIES[process.env.ITEM];
if (remedy) remedy();
else {
  console.error(`there is no remedy ${process.env.ITEM}`);
  process.exitCode = 2;
}
