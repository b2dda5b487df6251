/** A signed 6 KB push to its durable 202, over 32 connections, router on, beside bare node:http doing the same work. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { cleanEnvironment, startService, temporary, until } from '../support/service.js';
import { openSender, type Target } from './deliveries.js';
import { inTurns, quantile, timeOf, type Report } from './measure.js';

const SECRET = 'a secret of the benchmark';
const CONNECTIONS = 32;
const EACH_TURN = 2_000;
/** Of one start of both; and how often both are started anew, since one start is up to a tenth faster than the next for good. */
const TURNS = 4;
const STARTS = 6;

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

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

const answers = async (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  );

/** Debian's `webhook`, which verifies and compares as we do, and keeps nothing; undefined where it is not installed. */
const debianIn = async (
  folder: string,
  branch: string,
): Promise<{ port: number; process: ChildProcess } | undefined> => {
  const hook = {
    id: 'github',
    'execute-command': '/bin/true',
    'success-http-response-code': 202,
    'trigger-rule-mismatch-http-response-code': 202,
    'trigger-rule': {
      and: [
        {
          match: {
            type: 'payload-hmac-sha256',
            secret: SECRET,
            parameter: { source: 'header', name: 'X-Hub-Signature-256' },
          },
        },
        { match: { type: 'value', value: `refs/heads/${branch}`, parameter: { source: 'payload', name: 'ref' } } },
      ],
    },
  };
  const file = join(folder, `hooks-${branch}.json`);
  writeFileSync(file, JSON.stringify([hook]));
  const port = await freePort();
  const args = ['-hooks', file, '-ip', '127.0.0.1', '-port', String(port), '-urlprefix', 'webhooks'];
  const child = spawn('webhook', args, { stdio: 'ignore', env: cleanEnvironment() });
  let isMissing = false;
  child.on('error', () => (isMissing = true));
  return until('webhook listens, or is not there', async () =>
    isMissing ? { missing: true } : (await answers(port)) ? { missing: false } : undefined,
  ).then(({ missing }) => (missing ? undefined : { port, process: child }));
};

const rate = (times: number[]): number => (EACH_TURN * 1_000) / quantile(times, 0.5);

/** What it started goes on after it has answered, and must not be measured as ours. */
const idle = (pid: number): Promise<unknown> =>
  until('what it started has ended', () => {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return tasks.every((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim() === '') || undefined;
  });

/** The same beside a receiver of Debian's that people use. */
export const besideDebian = async (report: Report): Promise<void> => {
  for (const [branch, what, bar] of [
    ['main', 'which runs /bin/true for each and keeps nothing', 1],
    ['no-such-branch', 'which compares, starts nothing and keeps nothing', undefined],
  ] as const) {
    const folder = temporary('bench');
    const debian = await debianIn(folder, branch);
    if (debian === undefined) {
      console.log("  Debian's webhook is not installed: no row beside it (apt-get install webhook)");
      return;
    }
    const service = await serviceIn(folder);
    const ours = await openSender(targetAt(Number(new URL(service.url).port)), CONNECTIONS);
    const theirs = await openSender(targetAt(debian.port), CONNECTIONS);
    const times = { ours: [] as number[], theirs: [] as number[] };
    for (const sender of [ours, theirs]) await sender.send(EACH_TURN);
    for (let turn = 0; turn < TURNS; turn++) {
      await idle(debian.process.pid!);
      times.ours.push(await timeOf(() => ours.send(EACH_TURN)));
      times.theirs.push(await timeOf(() => theirs.send(EACH_TURN)));
    }
    for (const sender of [ours, theirs]) sender.close();
    debian.process.kill();
    await service.stop();
    report({
      name: `the same beside Debian's webhook, ${what}`,
      kind: 'rate',
      ours: rate(times.ours),
      reference: rate(times.theirs),
      against: "Debian's webhook",
      ...(bar === undefined ? {} : { bar }),
    });
  }
};

interface Measured {
  ours: number[];
  reference: number[];
}

/** Adds what one start of both takes, in ms: of each turn, and of each delivery. */
const measureStart = async (times: Measured, latencies: Measured): Promise<void> => {
  const folder = temporary('bench');
  const service = await serviceIn(folder);
  const bare = await bareIn(folder);
  const ours = await openSender(targetAt(Number(new URL(service.url).port)), CONNECTIONS);
  const reference = await openSender(targetAt(bare.port), CONNECTIONS);
  // A service that has just started is not what answers day and night.
  for (const sender of [ours, reference]) await sender.send(2 * EACH_TURN);
  const taken = await inTurns(
    TURNS,
    async () => latencies.ours.push(...(await ours.send(EACH_TURN))),
    async () => latencies.reference.push(...(await reference.send(EACH_TURN))),
  );
  times.ours.push(...taken.ours);
  times.reference.push(...taken.reference);
  ours.close();
  reference.close();
  bare.process.kill();
  await service.stop();
};

/** Part of the rules' rows and of the main job (`npm run bench rules main`). The table decides each push and starts nothing, as the reference does. */
export const signedDelivery = async (report: Report): Promise<void> => {
  const times: Measured = { ours: [], reference: [] };
  const latencies: Measured = { ours: [], reference: [] };
  for (let start = 0; start < STARTS; start++) await measureStart(times, latencies);
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
