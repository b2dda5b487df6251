#!/usr/bin/env node
// Measures and compares with what was said last, so that an alert is said once and cleared once.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

const root = process.env.CONDUCTOR_ROOT;
const api = async () => {
  try {
    return (await fetch(`${process.env.CONDUCTOR_URL}/api/v1/health`, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
};
const disk = () => {
  const { blocks, bavail } = statfsSync(root);
  return blocks === 0 ? 0 : Math.round(100 - (bavail * 100) / blocks);
};
const errorRate = () => {
  const since = Date.now() - 3_600_000;
  let total = 0;
  let failed = 0;
  const folders = (path) =>
    readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  for (const project of folders(root)) {
    for (const task of folders(join(root, project.name))) {
      for (const run of folders(join(root, project.name, task.name))) {
        const file = join(root, project.name, task.name, run.name, 'run-info.yaml');
        if (!existsSync(file) || statSync(file).mtimeMs < since) continue;
        total++;
        if (/^status: failed$/m.test(readFileSync(file, 'utf8'))) failed++;
      }
    }
  }
  return total === 0 ? 0 : Math.round((failed * 100) / total);
};
const lastOpen = () => {
  const read = (type) => {
    const text = execFileSync('messagebus-tool', ['read', '--type', type, '--tail', '1', '--json', '--root', root], {
      encoding: 'utf8',
    }).trim();
    return text ? JSON.parse(text) : undefined;
  };
  const alert = read('HEALTH_ALERT');
  const clear = read('HEALTH_CLEARED');
  return alert && (!clear || clear.msg_id < alert.msg_id) ? (alert.data.open ?? []) : [];
};

const measured = {
  api: await api(),
  disk_percent: disk(),
  queue_depth: Number(process.env.QUEUE_DEPTH ?? 0),
  error_percent: errorRate(),
};
const open = [
  ...(measured.api ? [] : ['api']),
  ...(measured.disk_percent > 85 ? ['disk'] : []),
  ...(measured.queue_depth > 100 ? ['queue'] : []),
  ...(measured.error_percent > 20 ? ['error_rate'] : []),
];
const before = lastOpen();
const raised = open.filter((name) => !before.includes(name));
const cleared = before.filter((name) => !open.includes(name));
const summary = `api ${measured.api ? 'ok' : 'down'}, disk ${measured.disk_percent} %, queue ${measured.queue_depth}, errors ${measured.error_percent} %${raised.length ? `; over: ${raised.join(', ')}` : ''}${cleared.length ? `; passed: ${cleared.join(', ')}` : ''}`;
console.log(JSON.stringify({ ...measured, open, raised, cleared, summary }));
