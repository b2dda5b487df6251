import type { Slot, Slots } from '../core/ports.js';
import { createCgroup, killCgroup } from './cgroup.js';
import { createShellHelper } from './shell-helper.js';
import { spawnShell } from './shell.js';
import { openShim, type Shim } from './shim.js';

/** From a start to what is prepared for the next: the one that begins has the machine first. */
const APART_MS = 5;
/** So many wait. */
const AHEAD = 4;

export interface ShimsOptions {
  /** Makes a control group for a run; undefined: it is held together by its marks alone. Default: one where there can be one. */
  groupFor?: () => Promise<string | undefined>;
  slots?: Pick<Slots, 'seat'>;
  /** Whether some wait, ready to begin: for the first move into a group after a quiet time takes the kernel 10 ms and more. */
  ahead?: boolean;
  /** The program that starts processes; without it the main loop does. */
  spawnHelper?: string;
}

/** Where the shims of runs come from. */
export const createShims = (options: ShimsOptions) => {
  const makeGroup = options.groupFor ?? createCgroup;
  const helper = options.spawnHelper === undefined ? undefined : createShellHelper(options.spawnHelper);
  const open = helper?.open ?? spawnShell;
  const ready: Shim[] = [];
  let preparing = false;
  let preparation: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  /** Undefined where there is nothing to wait for: no group, or no slot that can be had later. */
  const prepareOne = async (): Promise<Shim | undefined> => {
    const seat = options.slots?.seat();
    if (options.slots !== undefined && seat === undefined) return undefined;
    const group = await makeGroup();
    return group === undefined ? undefined : openShim(open, group, seat);
  };

  const prepare = async (): Promise<void> => {
    while (!isClosed && ready.length < AHEAD) {
      const shim = await prepareOne();
      if (shim === undefined) return;
      ready.push(shim);
    }
    if (isClosed) await Promise.all(ready.splice(0).map((shim) => shim.discard()));
  };

  const prepareSoon = (): void => {
    if (options.ahead !== true || isClosed || preparing) return;
    preparing = true;
    timer = setTimeout(() => {
      // What cannot be prepared is tried again at the next start.
      preparation = prepare()
        .catch(() => undefined)
        .finally(() => (preparing = false));
    }, APART_MS);
    timer.unref();
  };

  const takeReady = (): Shim | undefined => {
    for (let shim = ready.shift(); shim !== undefined; shim = ready.shift()) {
      if (shim.isReady()) return shim;
      void shim.discard();
    }
    return undefined;
  };

  prepareSoon();
  return {
    /** A shim that holds the slot, or can come to. */
    async take(slot: Slot | undefined): Promise<Shim> {
      const shim = takeReady();
      prepareSoon();
      if (shim !== undefined) return shim;
      const group = await makeGroup();
      return openShim(open, group, slot && (options.slots?.seat() ?? slot.fd)).catch(async (error: unknown) => {
        if (group !== undefined) await killCgroup(group);
        throw error;
      });
    },
    async close(): Promise<void> {
      isClosed = true;
      clearTimeout(timer);
      await preparation;
      await Promise.all(ready.splice(0).map((shim) => shim.discard()));
      await helper?.close();
    },
  };
};
