/** Writers of one bus, a reader that follows it, and the reckoning: what was acknowledged against what is there. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EMPTY } from 'rxjs';
import type { Rotation } from '../../src/bus/live.js';
import { readBus } from '../../src/bus/reader.js';
import { closedSegments } from '../../src/bus/segments.js';
import { follow } from '../../src/bus/tail.js';
import type { Event } from '../../src/core/event.js';

export const KEY = Buffer.alloc(32, 7);

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Acknowledged {
  msg_id: string;
  duplicate: boolean;
  uid: string;
  sha: string;
  dedupe_key?: string;
  failed?: string;
}

export interface WriterOptions {
  rotation: Rotation;
  /** It stops itself when it holds the lock for the so many-th time. */
  stopAt?: number;
  /** The start of the machine that it believes in. */
  boot?: string;
  /** A program and its arguments in front, as strace. */
  under?: readonly string[];
}

export interface Reckoning {
  acknowledged: number;
  duplicates: number;
  refused: number;
  there: number;
  segments: number;
}

/** How many of `order` did not come at their place, or came without being there. */
const missedIn = (followed: readonly Event[], order: readonly string[]): number =>
  order.filter((id, index) => followed[index]?.msg_id !== id).length + Math.max(0, followed.length - order.length);

export interface FleetOptions {
  /** Whether a reader follows all the while; it holds the disk. */
  follows: boolean;
}

/** Throws when a promise of the bus was broken. */
export const openFleet = (
  root: string,
  random: () => number,
  log: (line: string) => void,
  { follows }: FleetOptions = { follows: true },
) => {
  const ledgers = mkdtempSync(join(tmpdir(), 'bus-chaos-ledger-'));
  let started = 0;
  const followed: Event[] = [];
  const reasons = new Map<string, number>();
  let broken: unknown;
  const following = (follows ? follow({ root, key: KEY }) : EMPTY).subscribe({
    next: ({ events, damaged }) => {
      followed.push(...events.map((event) => ({ ...event, body: '' })));
      for (const { reason } of damaged) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    },
    error: (error: unknown) => (broken = error),
  });

  /** Resolves when its first append was answered. */
  const writer = async ({ under = [], ...options }: WriterOptions): Promise<ChildProcess> => {
    const name = `w${++started}`;
    const words = [
      ...[...under, process.execPath, join(import.meta.dirname, 'bus-writer.mjs'), root, join(ledgers, name), name],
      ...[String(Math.floor(random() * 2 ** 32)), JSON.stringify(options)],
    ];
    const child = spawn(words[0]!, words.slice(1), {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, UV_THREADPOOL_SIZE: under.length > 0 ? '1' : '4' },
      detached: under.length > 0,
    });
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    if (child.exitCode !== null) throw new Error(`a writer ended by itself with ${child.exitCode}`);
    return child;
  };

  /** -9; with what it runs under. */
  const kill = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null) throw new Error(`a writer ended by itself with ${child.exitCode}`);
    const gone = once(child, 'exit');
    if (child.spawnfile === process.execPath) child.kill('SIGKILL');
    else process.kill(-child.pid!, 'SIGKILL');
    await gone;
  };

  const told = (): Acknowledged[] =>
    readdirSync(ledgers).flatMap((name) => {
      const text = readFileSync(join(ledgers, name), 'utf8');
      // What the kill cut off was not acknowledged to anybody.
      const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
      return lines.filter(Boolean).map((line) => JSON.parse(line) as Acknowledged);
    });

  const acknowledgedSoFar = (): number => told().filter(({ failed }) => failed === undefined).length;
  const refusedSoFar = (): number => told().filter(({ failed }) => failed !== undefined).length;

  const reckon = async (): Promise<Reckoning> => {
    const all = told();
    const acknowledged = all.filter(({ failed }) => failed === undefined);
    const byId = new Map<string, { sha: string; key: string | undefined }>();
    const uids = new Map<string, number>();
    const keys = new Map<string, number>();
    const bad = { lost: 0, wrong: 0, duplicated: 0, forged: 0, unordered: 0, missed: 0 };
    const order: string[] = [];
    for await (const event of readBus(root, KEY)) {
      if (!['TOLD', 'TASK_TOLD'].includes(event.type) || (event.type === 'TASK_TOLD') !== event.authentic)
        bad.forged += 1;
      if (event.msg_id <= (order.at(-1) ?? '')) bad.unordered += 1;
      order.push(event.msg_id);
      const uid = event.body.slice(0, event.body.indexOf('\n'));
      if (byId.has(event.msg_id)) bad.duplicated += 1;
      const sha = createHash('sha256').update(event.body).digest('hex');
      byId.set(event.msg_id, { sha, key: event.dedupe_key });
      uids.set(uid, (uids.get(uid) ?? 0) + 1);
      if (event.dedupe_key === undefined) continue;
      const key = `${event.dedupe_key} ${event.authentic}`;
      keys.set(key, (keys.get(key) ?? 0) + 1);
    }
    for (const { msg_id, duplicate, sha, dedupe_key } of acknowledged) {
      const found = byId.get(msg_id);
      if (!found) bad.lost += 1;
      else if (duplicate ? found.key !== dedupe_key : found.sha !== sha) bad.wrong += 1;
    }
    bad.duplicated += [...uids.values(), ...keys.values()].filter((times) => times > 1).length;

    const deadline = Date.now() + (follows ? 20_000 : 0);
    while (followed.length < order.length && broken === undefined && Date.now() < deadline) await sleep(100);
    following.unsubscribe();
    if (broken !== undefined) throw broken instanceof Error ? broken : new Error('the follower broke');
    if (follows) bad.missed = missedIn(followed, order);

    const duplicates = acknowledged.filter(({ duplicate }) => duplicate).length;
    const refused = all.length - acknowledged.length;
    const segments = closedSegments(root).length + 1;
    log(
      `${acknowledged.length} acknowledged (${duplicates} of them duplicates), ${refused} refused, ` +
        `${order.length} on the bus in ${segments} segments`,
    );
    if (follows)
      log(
        `said by the reader: ${[...reasons].map(([reason, times]) => `${times} × ${reason}`).join(', ') || 'nothing'}`,
      );
    log(
      Object.entries(bad)
        .map(([what, times]) => `${times} ${what}`)
        .join(', '),
    );
    if (Object.values(bad).some((times) => times > 0)) throw new Error(`the promise is broken; see ${root}`);
    return { acknowledged: acknowledged.length, duplicates, refused, there: order.length, segments };
  };

  return { writer, kill, acknowledgedSoFar, refusedSoFar, reckon };
};
