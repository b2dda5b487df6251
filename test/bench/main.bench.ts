/** The main job, thin: durable append, webhook to 202, event to agent process, each beside the bare thing. */
import { spawn } from 'node:child_process';
import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fdatasync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openFileBus } from '../../src/bus/file-bus.js';
import { clock } from '../../src/cli/system.js';
import { openRoot } from '../../src/storage/root.js';
import { cleanEnvironment, startService, temporary } from '../support/service.js';
import { inTurns, quantile, type Bench, type Report } from './measure.js';

const sync = promisify(fdatasync);
const SECRET = 'a secret of the benchmark';

const append = async (report: Report): Promise<void> => {
  const root = await openRoot(temporary('bench'));
  const bus = await openFileBus({ root: root.path, key: root.key, clock, durability: 'fsync' });
  const bare = openSync(join(root.path, 'bare'), 'a');
  const bytes = Buffer.alloc(300, 'x');
  const { ours, reference } = await inTurns(
    20,
    async () => {
      for (let count = 0; count < 50; count++) await bus.append([{ type: 'INFO', body: 'x'.repeat(100) }]);
    },
    async () => {
      for (let count = 0; count < 50; count++) {
        writeSync(bare, bytes);
        await sync(bare);
      }
    },
  );
  closeSync(bare);
  await bus.close();
  const rate = (times: number[]): number => 50_000 / quantile(times, 0.5);
  report({
    name: 'durable append, one waiting',
    kind: 'rate',
    ours: rate(ours),
    reference: rate(reference),
    against: 'bare write and fdatasync',
    bar: 0.75,
  });
};

const payload = JSON.stringify({
  ref: 'refs/heads/main',
  after: 'a'.repeat(40),
  repository: { full_name: 'acme/app' },
  padding: 'x'.repeat(6_000),
});
const signature = `sha256=${createHmac('sha256', SECRET).update(payload).digest('hex')}`;

const post = (url: string, delivery: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': delivery,
      'x-hub-signature-256': signature,
    };
    const call = request(url, { method: 'POST', headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    call.on('error', reject).end(payload);
  });

const webhook = async (report: Report): Promise<void> => {
  const folder = temporary('bench');
  const secret = join(folder, 'secret');
  writeFileSync(secret, SECRET);
  chmodSync(secret, 0o600);
  writeFileSync(join(folder, 'config.yaml'), `webhooks: { github: { secret_file: ${secret} } }\ntimers: {}\n`);
  const service = await startService(['--root', join(folder, 'runs')], { cwd: folder, env: cleanEnvironment() });
  const file = openSync(join(folder, 'bare'), 'a');
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      const good = timingSafeEqual(
        createHmac('sha256', SECRET).update(body).digest(),
        Buffer.from(signature.slice(7), 'hex'),
      );
      JSON.parse(body.toString());
      writeSync(file, body);
      void sync(file).then(() => response.writeHead(good ? 202 : 401).end('{}'));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bareUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  let count = 0;
  const burst = async (url: string): Promise<void> => {
    const status = await Promise.all(Array.from({ length: 32 }, () => post(url, `delivery-${++count}`)));
    if (status.some((code) => code !== 202)) throw new Error(`not accepted: ${status.join()}`);
  };
  const { ours, reference } = await inTurns(
    20,
    () => burst(`${service.url}/webhooks/github`),
    () => burst(bareUrl),
  );
  server.close();
  closeSync(file);
  await service.stop();
  const rate = (times: number[]): number => 32_000 / quantile(times, 0.5);
  report({
    name: 'signed 6 KB webhook to 202, 32 at once',
    kind: 'rate',
    ours: rate(ours),
    reference: rate(reference),
    against: 'bare node:http, HMAC, write and fdatasync',
    bar: 0.65,
  });
};

/** The agent is a program that leaves the time of its first instruction. */
const start = async (report: Report): Promise<void> => {
  const folder = temporary('bench');
  const stamp = join(folder, 'stamp.sh');
  writeFileSync(stamp, '#!/bin/sh\ndate +%s%N >> "$1"\n');
  chmodSync(stamp, 0o755);
  mkdirSync(join(folder, 'rules'), { recursive: true });
  mkdirSync(join(folder, 'handlers'), { recursive: true });
  writeFileSync(join(folder, 'rules', 'go.yaml'), 'rules: [{ id: go, on: GO, do: go }]\n');
  writeFileSync(join(folder, 'handlers', 'go.yaml'), `name: go\nsteps: [{ shell: '${stamp} ${folder}/ours' }]\n`);
  writeFileSync(join(folder, 'config.yaml'), 'timers: {}\n');
  const service = await startService(['--root', join(folder, 'runs')], { cwd: folder, env: cleanEnvironment() });
  const root = await openRoot(join(folder, 'runs'));
  const bus = await openFileBus({ root: root.path, key: root.key, clock, durability: 'fsync' });
  const lines = (name: string): string[] =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean) : [];
  const next = async (name: string, begin: () => unknown): Promise<number> => {
    const before = lines(name).length;
    const began = performance.timeOrigin + performance.now();
    await begin();
    while (lines(name).length === before) await new Promise((resolve) => setTimeout(resolve, 2));
    return Number(BigInt(lines(name).at(-1)!) / 1_000n) / 1_000 - began;
  };
  const times = { ours: [] as number[], reference: [] as number[] };
  for (let round = 0; round < 30; round++) {
    times.ours.push(await next('ours', () => bus.append([{ type: 'GO' }])));
    times.reference.push(
      await next('bare', () => spawn('/bin/sh', [stamp, join(folder, 'bare')], { stdio: 'ignore' })),
    );
  }
  await bus.close();
  await service.stop();
  report({
    name: 'event appended to first instruction of its agent, p50',
    kind: 'time',
    ours: quantile(times.ours, 0.5),
    reference: quantile(times.reference, 0.5),
    against: 'bare spawn',
    bar: 1,
    plus: 6,
  });
};

const bench: Bench = async (report) => {
  await append(report);
  await webhook(report);
  await start(report);
};
export default bench;
