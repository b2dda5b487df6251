// Carries what is open in a root, and dies of kill -9 at the n-th write to the bus: before it, or when it is durable.
// How many there are differs, for what comes together is written together: with `or-end`, at the end of a handler at the latest.
import type { Draft } from '../../src/core/event.js';
import type { Bus } from '../../src/core/ports.js';
import { openCrashWorld } from './crash-world.js';

const [at = '', url = '', count = '1', when = 'before', orEnd] = process.argv.slice(2);
let left = Number(count);

const die = async (): Promise<never> => {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
};
const counted =
  <Result>(write: (drafts: readonly Draft[]) => Promise<Result>) =>
  async (drafts: readonly Draft[]): Promise<Result> => {
    const isEnd = orEnd === 'or-end' && drafts.some(({ type }) => type === 'HANDLER_FINISHED');
    left--;
    const isLast = left === 0 || isEnd;
    if (isLast && when === 'before') await die();
    const result = await write(drafts);
    if (isLast) await die();
    return result;
  };
const wrap = (bus: Bus): Bus => ({
  ...bus,
  append: counted((drafts) => bus.append(drafts)),
  record: counted((drafts) => bus.record(drafts)),
});
await openCrashWorld(at, url, { wrap, keepRules: true });
