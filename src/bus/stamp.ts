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
