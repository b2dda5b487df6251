/** A signed 6 KB push to its durable 202, over 32 connections, router on, beside bare node:http doing the same work. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, startService, temporary } from '../support/service.js';
import { openSender, type Target } from './deliveries.js';
import { inTurns, quantile, type Bench } from './measure.js';

const SECRET = 'a secret of the benchmark';
const CONNECTIONS = 32;
const EACH_TURN = 2_000;
const TURNS = 8;

const commit = (number: number): unknown => ({
  id: String(number).repeat(40).slice(0, 40),
  message: `Change number ${number}\n\n${'What it does and why. '.repeat(10)}`,
  author: { name: 'Ann', username: 'ann', email: 'ann@example.org' },
  added: [`src/file-${number}.ts`],
  url: `https://example.org/acme/app/commit/${number}`,
});
const payload = Buffer.from(
  JSON.stringify({
    ref: 'refs/heads/main',
    before: 'a'.repeat(40),
    after: 'b'.repeat(40),
    compare: 'https://example.org/acme/app/compare',
    repository: { full_name: 'acme/app', description: 'x'.repeat(3_600) },
    sender: { login: 'ann', type: 'User' },
    pusher: { name: 'ann' },
    commits: [1, 2, 3, 4].map(commit),
  }),
);
const signature = createHmac('sha256', SECRET).update(payload).digest('hex');

const targetAt = (port: number): Target => ({
  port,
  request: (delivery) =>
    Buffer.concat([
      Buffer.from(
        [
          'POST /webhooks/github HTTP/1.1',
          `Host: 127.0.0.1:${port}`,
          'Content-Type: application/json',
          `Content-Length: ${payload.length}`,
          'User-Agent: GitHub-Hookshot/bench',
          'X-GitHub-Event: push',
          `X-GitHub-Delivery: ${delivery}`,
          `X-Hub-Signature-256: sha256=${signature}`,
          '\r\n',
        ].join('\r\n'),
      ),
      payload,
    ]),
});

/** The service with a table that decides each push and starts nothing. */
const serviceIn = async (folder: string) => {
  mkdirSync(join(folder, 'rules'));
  writeFileSync(join(folder, 'secret'), SECRET, { mode: 0o600 });
  writeFileSync(join(folder, 'config.yaml'), 'webhooks: { github: { secret_file: secret } }\ntimers: {}\n');
  writeFileSync(
    join(folder, 'rules', 'rules.yaml'),
    'rules: [{ id: never, on: CODE_PUSHED, match: { data.branch: no-such-branch }, do: review }]\n',
  );
  return startService(['--root', join(folder, 'runs')], { cwd: folder, env: cleanEnvironment() });
};

const bareIn = async (folder: string): Promise<{ port: number; process: ChildProcess }> => {
  const program = join(import.meta.dirname, 'webhooks-reference.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program, join(folder, 'bare'), SECRET], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: cleanEnvironment(),
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { port: Number(line.toString()), process: child };
};

const bench: Bench = async (report) => {
  const folder = temporary('bench');
  const service = await serviceIn(folder);
  const bare = await bareIn(folder);
  const ours = await openSender(targetAt(Number(new URL(service.url).port)), CONNECTIONS);
  const reference = await openSender(targetAt(bare.port), CONNECTIONS);
  const latencies = { ours: [] as number[], reference: [] as number[] };
  for (const sender of [ours, reference]) await sender.send(EACH_TURN);
  const times = await inTurns(
    TURNS,
    async () => latencies.ours.push(...(await ours.send(EACH_TURN))),
    async () => latencies.reference.push(...(await reference.send(EACH_TURN))),
  );
  ours.close();
  reference.close();
  bare.process.kill();
  await service.stop();
  const rate = (all: number[]): number => (EACH_TURN * 1_000) / quantile(all, 0.5);
  report({
    name: `signed ${(payload.length / 1_000).toFixed(1)} kB webhook to durable 202, ${CONNECTIONS} connections`,
    kind: 'rate',
    ours: rate(times.ours),
    reference: rate(times.reference),
    against: 'bare node:http with the same work and encoding',
    bar: 0.65,
  });
  report({
    name: 'the same, p99 of one delivery',
    kind: 'time',
    ours: quantile(latencies.ours, 0.99),
    reference: quantile(latencies.reference, 0.99),
    against: 'bare node:http',
  });
};
export default bench;
