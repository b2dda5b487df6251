import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Bus } from '../../src/core/ports.js';
import { project } from '../support/service.js';
import type { Tree } from './trees.js';
import { openWorld, type World } from './world.js';

export interface Effects {
  end: { status: unknown; error: unknown };
  /** What shell steps did, by the step's path, in no order. */
  done: string[];
  /** What was said. */
  said: string[];
  /** Steps as the bus tells them, with their attempts. */
  steps: string[];
}

const fileOf = (steps: readonly Tree[]): string => stringify({ name: 'h', steps }, { aliasDuplicateObjects: false });

const effectsOf = async (world: World, activation: string): Promise<Effects> => {
  const { status, error } = await world.end(activation);
  const steps = await world.events('STEP_FINISHED');
  return {
    end: { status, error },
    done: world.file('effects').split('\n').filter(Boolean).sort(),
    said: (await world.events('EFFECT')).map((event) => String(event.dedupe_key).split('/').at(-1)!).sort(),
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
  const world = await openWorld({ files: { 'h.yaml': fileOf(steps) }, wrap });
  try {
    const activation = await world.begin('h');
    return { effects: await effectsOf(world, activation), writes };
  } finally {
    await world.close();
  }
};

/** The same tree in a process that dies at a write, and then in one that lives. */
export const withCrash = async (steps: readonly Tree[], at: number, when: 'before' | 'after'): Promise<Effects> => {
  const first = await openWorld({ files: { 'h.yaml': fileOf(steps) } });
  await first.running.stop();
  const { openFileBus } = await import('../../src/bus/file-bus.js');
  const { openRoot } = await import('../../src/storage/root.js');
  const { clock } = await import('../../src/cli/system.js');
  const root = await openRoot(first.root);
  const bus = await openFileBus({ root: root.path, key: root.key, clock, durability: 'os' });
  const [event] = await bus.append([{ type: 'GO_H' }]);
  await bus.close();
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(project, 'test', 'pipeline', 'crash-child.ts'), first.folder, String(at), when],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const died = await new Promise<string | null>((resolve) => child.on('exit', (_code, signal) => resolve(signal)));
  if (died !== 'SIGKILL') throw new Error(`it did not die at the write ${at}`);
  const world = await openWorld({ files: {}, at: first.folder, keepRules: true });
  try {
    return await effectsOf(world, `h/${event!.msg_id}`);
  } finally {
    await world.close();
  }
};
