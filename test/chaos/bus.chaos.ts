/**
 * Four processes append, and each is killed with -9 again and again; segments are closed all the while and a follower reads
 * on. Then one is stopped for longer than anybody waits for the lock. Every acknowledgement is checked against the bus.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBus } from '../../src/bus/reader.js';
import { closedSegments } from '../../src/bus/segments.js';
import { follow } from '../../src/bus/tail.js';
import type { Event } from '../../src/core/event.js';
import type { Chaos } from './run.js';

const KILLS = Number(process.env['CHAOS_KILLS'] ?? 1_000);
const WRITERS = 4;
const STOPPED_MS = 12_000;
const KEY = Buffer.alloc(32, 7);

interface Acknowledged {
  msg_id: string;
  duplicate: boolean;
  uid: string;
  sha: string;
  dedupe_key?: string;
  own: boolean;
  failed?: string;
}

const generator = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const chaos: Chaos = async ({ seed, log }) => {
  const random = generator(seed);
  const root = mkdtempSync(join(tmpdir(), 'bus-chaos-'));
  const ledgers = mkdtempSync(join(tmpdir(), 'bus-chaos-ledger-'));
  let started = 0;

  const writer = async (rotation: object): Promise<ChildProcess> => {
    const name = `w${++started}`;
    const child = spawn(
      process.execPath,
      [
        join(import.meta.dirname, 'bus-writer.mjs'),
        root,
        join(ledgers, name),
        name,
        String(Math.floor(random() * 2 ** 32)),
        JSON.stringify(rotation),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    if (child.exitCode !== null) throw new Error(`a writer ended by itself with ${child.exitCode}`);
    return child;
  };
  const kill = async (child: ChildProcess): Promise<void> => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };

  const followed: Event[] = [];
  const reasons = new Map<string, number>();
  let broken: unknown;
  const following = follow({ root, key: KEY }).subscribe({
    next: ({ events, damaged }) => {
      followed.push(...events.map((event) => ({ ...event, body: '' })));
      for (const { reason } of damaged) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    },
    error: (error: unknown) => (broken = error),
  });

  let kills = 0;
  const lane = async (): Promise<void> => {
    while (kills < KILLS) {
      const child = await writer({ bytes: 1_000_000, age_ms: random() < 0.1 ? 10 : 1_000_000 });
      await sleep(random() * 30);
      await kill(child);
      kills += 1;
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, lane));

  const rest = await Promise.all(
    Array.from({ length: WRITERS }, () => writer({ bytes: 1_000_000, age_ms: 1_000_000 })),
  );
  rest[0]!.kill('SIGSTOP');
  await sleep(STOPPED_MS);
  rest[0]!.kill('SIGCONT');
  await sleep(500);
  await Promise.all(rest.map(kill));

  const lines = readdirSync(ledgers).flatMap((name) => {
    const text = readFileSync(join(ledgers, name), 'utf8');
    // What the kill cut off was not acknowledged to anybody.
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean);
  });
  const told = lines.map((line) => JSON.parse(line) as Acknowledged);
  const acknowledged = told.filter(({ failed }) => failed === undefined);

  const byId = new Map<string, { sha: string; uid: string; key: string | undefined; authentic: boolean }>();
  const uids = new Map<string, number>();
  const keys = new Map<string, number>();
  const bad = { lost: 0, wrong: 0, duplicated: 0, forged: 0, unordered: 0, missed: 0 };
  let last = '';
  const order: string[] = [];
  for await (const event of readBus(root, KEY)) {
    if (!['TOLD', 'TASK_TOLD'].includes(event.type) || (event.type === 'TASK_TOLD') !== event.authentic)
      bad.forged += 1;
    if (event.msg_id <= last) bad.unordered += 1;
    last = event.msg_id;
    order.push(event.msg_id);
    const uid = event.body.slice(0, event.body.indexOf('\n'));
    if (byId.has(event.msg_id)) bad.duplicated += 1;
    const sha = createHash('sha256').update(event.body).digest('hex');
    byId.set(event.msg_id, { sha, uid, key: event.dedupe_key, authentic: event.authentic });
    uids.set(uid, (uids.get(uid) ?? 0) + 1);
    if (event.dedupe_key !== undefined) {
      const key = `${event.dedupe_key} ${event.authentic}`;
      keys.set(key, (keys.get(key) ?? 0) + 1);
    }
  }
  for (const { msg_id, duplicate, sha, dedupe_key } of acknowledged) {
    const found = byId.get(msg_id);
    if (!found) bad.lost += 1;
    else if (duplicate ? found.key !== dedupe_key : found.sha !== sha) bad.wrong += 1;
  }
  bad.duplicated += [...uids.values(), ...keys.values()].filter((times) => times > 1).length;

  const deadline = Date.now() + 20_000;
  while (followed.length < order.length && broken === undefined && Date.now() < deadline) await sleep(100);
  following.unsubscribe();
  if (broken !== undefined) throw broken instanceof Error ? broken : new Error('the follower broke');
  order.forEach((id, index) => {
    if (followed[index]?.msg_id !== id) bad.missed += 1;
  });
  bad.missed += Math.max(0, followed.length - order.length);

  log(`${kills} kills of ${WRITERS} writers, one more stopped for ${STOPPED_MS / 1_000} s and woken`);
  log(
    `${acknowledged.length} acknowledged (${acknowledged.filter(({ duplicate }) => duplicate).length} of them duplicates), ` +
      `${told.length - acknowledged.length} refused, ${order.length} on the bus in ${closedSegments(root).length + 1} segments`,
  );
  log(`torn: ${[...reasons].map(([reason, times]) => `${times} × ${reason}`).join(', ') || 'none'}`);
  log(
    Object.entries(bad)
      .map(([what, times]) => `${times} ${what}`)
      .join(', '),
  );
  if (Object.values(bad).some((times) => times > 0)) throw new Error(`the promise is broken; see ${root}`);
  if (!existsSync(root) || acknowledged.length < KILLS)
    throw new Error('too little was acknowledged to prove anything');
  for (const folder of [root, ledgers]) rmSync(folder, { recursive: true, force: true });
};
export default chaos;
