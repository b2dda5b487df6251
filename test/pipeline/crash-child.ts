// Carries what is open in a root, and dies of kill -9 at the n-th write to the bus: before it, or when it is durable.
import type { Bus } from '../../src/core/ports.js';
import { openCrashWorld } from './crash-world.js';

const [at = '', url = '', count = '1', when = 'before'] = process.argv.slice(2);
let left = Number(count);

const die = async (): Promise<never> => {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
};
const counted =
  <Arguments extends unknown[], Result>(write: (...given: Arguments) => Promise<Result>) =>
  async (...given: Arguments): Promise<Result> => {
    left--;
    if (left === 0 && when === 'before') await die();
    const last = left === 0;
    const result = await write(...given);
    if (last) await die();
    return result;
  };
const wrap = (bus: Bus): Bus => ({
  ...bus,
  append: counted((drafts) => bus.append(drafts)),
  record: counted((drafts) => bus.record(drafts)),
});
await openCrashWorld(at, url, { wrap, keepRules: true });
