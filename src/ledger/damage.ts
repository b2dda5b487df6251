import { toConductorError } from '../core/errors.js';
import type { Draft, Event } from '../core/event.js';
import type { Bus, DamagedRange, Log } from '../core/ports.js';

const TYPE = 'CONDUCTOR_BUS_DAMAGED';

const keyOf = ({ segment, from, to, reason }: DamagedRange): string => `damaged/${segment}/${from}-${to}/${reason}`;

/** Damaged ranges that were met and not said yet. */
export class Damage {
  readonly #unsaid = new Map<string, DamagedRange>();

  met(ranges: readonly DamagedRange[]): void {
    for (const range of ranges) this.#unsaid.set(keyOf(range), range);
  }

  /** What was said before comes after it on the bus. */
  folded({ type, authentic, dedupe_key }: Event): void {
    if (type === TYPE && authentic && dedupe_key !== undefined) this.#unsaid.delete(dedupe_key);
  }

  take(): DamagedRange[] {
    const ranges = [...this.#unsaid.values()];
    this.#unsaid.clear();
    return ranges;
  }
}

const draftOf = (range: DamagedRange): Draft => ({
  type: TYPE,
  dedupe_key: keyOf(range),
  data: { ...range },
  body: `ERROR ${range.file}: bytes ${range.from} to ${range.to}: ${range.reason}`,
});

/** Says each range once, on the log and as a fact that a rule may answer. Never fails. */
export const reportDamage =
  ({ bus, log }: { bus: Bus; log: Log }) =>
  (ranges: readonly DamagedRange[]): void => {
    const warn = (range: DamagedRange): void => log.warn('a stretch of the bus cannot be read', { ...range });
    bus.record(ranges.map(draftOf)).then(
      (receipts) => {
        for (const [index, { duplicate }] of receipts.entries()) if (!duplicate) warn(ranges[index]!);
      },
      (error: unknown) => {
        ranges.forEach(warn);
        log.warn('that could not be said on the bus', { reason: toConductorError(error).message });
      },
    );
  };
