import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Bus } from '../../src/core/ports.js';
import { project, temporary } from '../support/service.js';
import { openCrashWorld, openListener } from './crash-world.js';
import type { Tree } from './trees.js';
import type { World } from './world.js';

export interface Effects {
  end: { status: unknown; error: unknown };
  /** What shell steps did, by the step's path, in no order. */
  done: string[];
  /** What was said. */
  said: string[];
  /** What was asked over HTTP and told to people: at least once, with one key. */
  asked: string[];
  /** Steps as the bus tells them, with their attempts. */
  steps: string[];
}

const fileOf = (steps: readonly Tree[]): string => stringify({ name: 'h', steps }, { aliasDuplicateObjects: false });

const effectsOf = async (world: World, activation: string, keys: readonly string[]): Promise<Effects> => {
  const { status, error } = await world.end(activation);
  const steps = await world.events('STEP_FINISHED');
  return {
    end: { status, error },
    done: world.file('effects').split('\n').filter(Boolean).sort(),
    said: (await world.events('EFFECT')).map((event) => String(event.dedupe_key).split('/').at(-1)!).sort(),
    asked: [...new Set(keys.map((key) => key.slice(activation.length + 1)))].sort(),
    steps: steps
      .filter(({ data }) => !String(data['step']).endsWith('.delay'))
      .map(({ data }) => `${String(data['step'])} ${String(data['status'])} ${String(data['attempts'])}`)
      .sort(),
  };
};

/** Without a crash: what the tree does, and how often it writes to the bus. */
export const withoutCrash = async (steps: readonly Tree[]): Promise<{ effects: Effects; writes: number }> => {
  let writes = 0;
  const wrap = (bus: Bus): Bus => ({
    ...bus,
    append: (drafts) => (writes++, bus.append(drafts)),
    record: (drafts) => (writes++, bus.record(drafts)),
  });
  const listener = await openListener();
  const world = await openCrashWorld(temporary('handlers'), listener.url, { tree: fileOf(steps), wrap });
  try {
    const activation = await world.begin('h', { url: listener.url });
    return { effects: await effectsOf(world, activation, listener.keys), writes };
  } finally {
    await world.close();
    await listener.close();
  }
};

/** The same tree in a process that dies at a write, and then in one that lives. */
export const withCrash = async (steps: readonly Tree[], at: number, when: 'before' | 'after'): Promise<Effects> => {
  const listener = await openListener();
  const first = await openCrashWorld(temporary('handlers'), listener.url, { tree: fileOf(steps) });
  await first.running.stop();
  const { openFileBus } = await import('../../src/bus/file-bus.js');
  const { openRoot } = await import('../../src/storage/root.js');
  const { clock } = await import('../../src/cli/system.js');
  const root = await openRoot(first.root);
  const bus = await openFileBus({ root: root.path, key: root.key, clock, durability: 'os' });
  const [event] = await bus.append([{ type: 'GO_H', data: { url: listener.url } }]);
  await bus.close();
  const program = join(project, 'test', 'pipeline', 'crash-child.ts');
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', program, first.folder, listener.url, String(at), when, 'or-end'],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const died = await new Promise<string | null>((resolve) => child.on('exit', (_code, signal) => resolve(signal)));
  if (died !== 'SIGKILL') throw new Error(`it did not die at the write ${at}`);
  const world = await openCrashWorld(first.folder, listener.url, { keepRules: true });
  try {
    return await effectsOf(world, `h/${event!.msg_id}`, listener.keys);
  } finally {
    await world.close();
    await listener.close();
  }
};
