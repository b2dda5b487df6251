/** Message ids: time to the nanosecond, made strictly rising, then who gave it. */
export interface Moment {
  ms: number;
  /** Within the millisecond. */
  ns: number;
}

const ID = /^MSG-(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-(\d{3})(\d{6})-PID\d+-\d+$/;
const LATEST = Date.UTC(9000, 0, 1);

/** The moment an id tells, undefined when it is none of ours. */
export const momentOf = (msg_id: string): Moment | undefined => {
  const match = ID.exec(msg_id);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second, milli, ns] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const ms = Date.UTC(year, month - 1, day, hour, minute, second, milli);
  return ms < LATEST ? { ms, ns } : undefined;
};

export const isAfter = (left: Moment, right: Moment): boolean =>
  left.ms > right.ms || (left.ms === right.ms && left.ns > right.ns);

/** Now, or just after the last moment where the clock has not passed it. */
export const nextMoment = (now: number, last: Moment | undefined): Moment => {
  const here = { ms: Math.floor(now), ns: 0 };
  if (!last || isAfter(here, last)) return here;
  return last.ns < 999_999 ? { ms: last.ms, ns: last.ns + 1 } : { ms: last.ms + 1, ns: 0 };
};

/** The text of a second: most moments share it with the one before. */
let written = { second: -1, ts: '', prefix: '' };

const textOf = (second: number): typeof written => {
  if (written.second === second) return written;
  const ts = new Date(second * 1_000).toISOString();
  const compact = ts.replace(/[-:]/g, '');
  return (written = { second, ts: ts.slice(0, 20), prefix: `MSG-${compact.slice(0, 8)}-${compact.slice(9, 15)}-` });
};

export const stampOf = (moment: Moment, pid: number, seq: number): { msg_id: string; ts: string } => {
  const second = Math.floor(moment.ms / 1_000);
  const { ts, prefix } = textOf(second);
  const ms = String(moment.ms - second * 1_000).padStart(3, '0');
  const ns = String(moment.ns).padStart(6, '0');
  return { msg_id: `${prefix}${ms}${ns}-PID${pid}-${String(seq).padStart(4, '0')}`, ts: `${ts}${ms}Z` };
};
