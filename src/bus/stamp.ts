/** Message ids: time to the nanosecond, made strictly rising, then who gave it. */
export interface Moment {
  ms: number;
  /** Within the millisecond. */
  ns: number;
}

const ID = /^MSG-\d{8}-\d{6}-\d{9}-PID\d+-\d+$/;
const LATEST = Date.UTC(9000, 0, 1);

/** The second of the last id that was read: that of most others too. */
let read = { text: '', ms: 0 };

/** `text`: `MSG-YYYYMMDD-HHMMSS`. */
const secondOf = (text: string): number => {
  if (read.text === text) return read.ms;
  const part = (from: number, to: number): number => Number(text.slice(from, to));
  const ms = Date.UTC(part(4, 8), part(8, 10) - 1, part(10, 12), part(13, 15), part(15, 17), part(17, 19));
  read = { text, ms };
  return ms;
};

/** The moment an id tells, undefined when it is none of ours. */
export const momentOf = (msg_id: string): Moment | undefined => {
  if (!ID.test(msg_id)) return undefined;
  const ms = secondOf(msg_id.slice(0, 19)) + Number(msg_id.slice(20, 23));
  return ms < LATEST ? { ms, ns: Number(msg_id.slice(23, 29)) } : undefined;
};

export const isAfter = (left: Moment, right: Moment): boolean =>
  left.ms > right.ms || (left.ms === right.ms && left.ns > right.ns);

/** Now, or just after the last moment where the clock has not passed it. */
export const nextMoment = (now: number, last: Moment | undefined): Moment => {
  const here = { ms: Math.floor(now), ns: 0 };
  if (!last || isAfter(here, last)) return here;
  return last.ns < 999_999 ? { ms: last.ms, ns: last.ns + 1 } : { ms: last.ms + 1, ns: 0 };
};

/** The texts of a millisecond: most moments share them with the one before. */
let written = { ms: -1, ts: '', prefix: '' };

const textsOf = (ms: number): typeof written => {
  if (written.ms === ms) return written;
  const ts = new Date(ms).toISOString();
  return (written = {
    ms,
    ts,
    prefix: ts.replace(/^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)Z$/, 'MSG-$1$2$3-$4$5$6-$7'),
  });
};

/** Six digits. */
const six = (value: number): string => String(1_000_000 + value).slice(1);
const four = (value: number): string => (value < 10_000 ? String(10_000 + value).slice(1) : String(value));

export const stampOf = (moment: Moment, pid: number, seq: number): { msg_id: string; ts: string } => {
  const { ts, prefix } = textsOf(moment.ms);
  return { msg_id: `${prefix}${six(moment.ns)}-PID${pid}-${four(seq)}`, ts };
};
