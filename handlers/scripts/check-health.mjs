#!/usr/bin/env node
// Measures and compares with what was said last, so that an alert is said once and cleared once.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = process.env.CONDUCTOR_ROOT;
/** Named agents whose program is not there. */
const missing = JSON.parse(process.env.AGENTS_MISSING || '[]');
const limits = {
  disk_percent: 85,
  queue_depth: 100,
  error_percent: 20,
  clean_after: false,
  ...JSON.parse(process.env.HEALTH || '{}'),
};
/** While it lasts, a remedy is tried again no sooner. */
const AGAIN_MS = 3_600_000;
const api = async () => {
  try {
    return (await fetch(`${process.env.CONDUCTOR_URL}/api/v1/health`, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
};
/** Percent, as df tells it: what is kept for root alone counts as neither used nor free. */
const disk = () => {
  const { blocks, bfree, bavail } = statfsSync(root);
  const used = blocks - bfree;
  return blocks === 0 ? 0 : Math.ceil((used * 100) / (used + bavail));
};
/** Of the runs that ended within the last hour. */
const lastHour = () => {
  const since = Date.now() - 3_600_000;
  let total = 0;
  let failed = 0;
  let timeouts = 0;
  const folders = (path) =>
    readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  for (const project of folders(root)) {
    for (const task of folders(join(root, project.name))) {
      for (const run of folders(join(root, project.name, task.name))) {
        const file = join(root, project.name, task.name, run.name, 'run-info.yaml');
        if (!existsSync(file) || statSync(file).mtimeMs < since) continue;
        total++;
        const text = readFileSync(file, 'utf8');
        if (/^status: failed$/m.test(text)) failed++;
        if (/^error_summary: .*(in time|timeout)/im.test(text)) timeouts++;
      }
    }
  }
  return { rate: total === 0 ? 0 : failed / total, timeouts };
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

const COMPARE = { '>': (a, b) => a > b, '>=': (a, b) => a >= b, '<': (a, b) => a < b, '<=': (a, b) => a <= b };

/** The alerts of config.yaml whose condition has held for as long as they say; since when is kept beside the root. */
const configured = (metrics) => {
  const alerts = JSON.parse(process.env.ALERTS || '[]');
  const folder = join(root, '.conductor', 'cache');
  const file = join(folder, 'alerts.json');
  const since = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const now = Date.now();
  const holding = alerts.filter(({ condition }) =>
    COMPARE[condition.operator](metrics[condition.metric], condition.value),
  );
  const next = Object.fromEntries(holding.map(({ name }) => [name, since[name] ?? now]));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify(next));
  return holding.filter(({ name, duration }) => now - next[name] >= duration);
};

const hour = lastHour();
const measured = {
  api: await api(),
  disk_percent: disk(),
  queue_depth: Number(process.env.QUEUE_DEPTH ?? 0),
  error_percent: Math.round(hour.rate * 100),
};
const alerts = configured({
  task_failure_rate: hour.rate,
  agent_timeout_count: hour.timeouts,
  disk_usage_percent: measured.disk_percent,
  queue_depth: measured.queue_depth,
});
const open = [
  ...(measured.api ? [] : ['api']),
  ...(missing.length > 0 ? ['agents'] : []),
  ...(measured.disk_percent > limits.disk_percent ? ['disk'] : []),
  ...(measured.queue_depth > limits.queue_depth ? ['queue'] : []),
  ...(measured.error_percent > limits.error_percent ? ['error_rate'] : []),
  ...alerts.map(({ name }) => name),
];
const before = lastOpen();
const raised = open.filter((name) => !before.includes(name));
const cleared = before.filter((name) => !open.includes(name));
const actions = alerts.filter(({ name, action }) => raised.includes(name) && action).map(({ action }) => action);
/** What the configuration allows to be done about what is open, when it is raised and once an hour while it lasts. */
const remediesFor = () => {
  const can = {
    ...(limits.restart === undefined ? {} : { api: 'restart' }),
    ...(limits.clean_after === false ? {} : { disk: 'clean' }),
    ...(limits.scale_up === undefined ? {} : { queue: 'scale_up' }),
    error_rate: 'investigate',
  };
  const file = join(root, '.conductor', 'cache', 'remedies.json');
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const now = Date.now();
  const due = [...new Set(open.map((name) => can[name]).filter(Boolean))].filter(
    (remedy) => now - (before[remedy] ?? 0) >= AGAIN_MS,
  );
  writeFileSync(file, JSON.stringify({ ...before, ...Object.fromEntries(due.map((remedy) => [remedy, now])) }));
  return due;
};
const remedies = remediesFor();
const summary = `api ${measured.api ? 'ok' : 'down'}${missing.length ? `, agents missing: ${missing.join(', ')}` : ''}, disk ${measured.disk_percent} %, queue ${measured.queue_depth}, errors ${measured.error_percent} %${raised.length ? `; over: ${raised.join(', ')}` : ''}${cleared.length ? `; passed: ${cleared.join(', ')}` : ''}`;
console.log(
  JSON.stringify({ ...measured, missing, open, raised, cleared, actions: [...new Set(actions)], remedies, summary }),
);
