import type { Slot, Slots } from '../core/ports.js';
import { createCgroup, killCgroup } from './cgroup.js';
import { openShim, type Shim } from './shim.js';

/** After the last start, so that a row of starts is not held up by what is prepared for the next one. */
const QUIET_MS = 10;

export interface ShimsOptions {
  /** Makes a control group for a run; undefined: it is held together by its marks alone. Default: one where there can be one. */
  groupFor?: () => Promise<string | undefined>;
  slots?: Pick<Slots, 'seat'>;
  /** Whether one waits, ready to begin: for the first move into a group after a quiet time takes the kernel 10 ms and more. */
  ahead?: boolean;
}

/** Where the shims of runs come from. */
export const createShims = (options: ShimsOptions) => {
  const makeGroup = options.groupFor ?? createCgroup;
  let ready: Shim | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const prepare = async (): Promise<void> => {
    const seat = options.slots?.seat();
    if (options.slots !== undefined && seat === undefined) return;
    const group = await makeGroup();
    // Without a group there is nothing to wait for.
    if (group === undefined) return;
    const shim = await openShim(group, seat === undefined ? undefined : { fd: seat, isSeat: true });
    if (isClosed || ready !== undefined) await shim.discard();
    else ready = shim;
  };

  const prepareSoon = (): void => {
    clearTimeout(timer);
    if (options.ahead !== true || isClosed) return;
    timer = setTimeout(() => void prepare().catch(() => undefined), QUIET_MS);
    timer.unref();
  };

  const takeReady = (): Shim | undefined => {
    const shim = ready;
    ready = undefined;
    if (shim?.isReady()) return shim;
    void shim?.discard();
    return undefined;
  };

  prepareSoon();
  return {
    /** A shim that holds the slot. */
    async take(slot: Slot | undefined): Promise<Shim> {
      const shim = takeReady();
      prepareSoon();
      if (shim !== undefined) {
        if (shim.seat !== undefined) slot?.moveTo(shim.seat);
        return shim;
      }
      const group = await makeGroup();
      return openShim(group, slot && { fd: slot.fd, isSeat: false }).catch(async (error: unknown) => {
        if (group !== undefined) await killCgroup(group);
        throw error;
      });
    },
    async close(): Promise<void> {
      isClosed = true;
      clearTimeout(timer);
      await ready?.discard();
      ready = undefined;
    },
  };
};
