/** The lines of one record's header, read in one pass. */

export const NAMES = [
  'msg_id',
  'ts',
  'type',
  'project_id',
  'task_id',
  'run_id',
  'source',
  'actor',
  'parents',
  'depth',
  'dedupe_key',
  'trust',
  'issue_id',
  'meta',
  'links',
  'data',
  'data_blob',
  'body_bytes',
  'mac',
  'crc32',
] as const;
export type HeaderName = (typeof NAMES)[number];

/** Of each name, among the values of a header. */
export const PLACE = Object.fromEntries(NAMES.map((name, place) => [name, place])) as Record<HeaderName, number>;

/** What stands after `name: `, with the lines that go on with it; undefined where there is no such line. */
export type HeaderValues = readonly (string | undefined)[];

export interface Header {
  values: HeaderValues;
  /** Where the last line begins. */
  last: number;
  /** Some line was no `name: value`, or a name came twice: only foreign writers do that. */
  foreign: boolean;
}

const COLON = 58;
const SPACE = 32;
const CONTINUED = /^(\s+\S|- )/;

const step = (hash: number, code: number): number => (Math.imul(hash, 31) + code) | 0;

/** By hash, since a name that is cut out of the text would have to be looked up letter by letter all the same. */
const PLACE_OF = new Map<number, number>(
  NAMES.map((name, place) => [[...name].reduce((hash, letter) => step(hash, letter.charCodeAt(0)), 0), place]),
);

const isLetter = (code: number): boolean => code >= 97 && code <= 122;
const isLater = (code: number): boolean => code === 95 || (code >= 48 && code <= 57);

const NOWHERE = -1;

const parseAny = (text: string): Header | undefined => {
  const values = new Array<string | undefined>(NAMES.length).fill(undefined);
  let foreign = false;
  let last = -1;
  let named = NOWHERE;
  for (let line = 0; line < text.length;) {
    const stop = text.indexOf('\n', line);
    let hash = 0;
    let at = line;
    let code = text.charCodeAt(at);
    while (isLetter(code) || (at > line && isLater(code))) {
      hash = step(hash, code);
      code = text.charCodeAt((at += 1));
    }
    if (at > line && code === COLON) {
      named = PLACE_OF.get(hash) ?? NOWHERE;
      if (named !== NOWHERE && text.slice(line, at) === NAMES[named]) {
        if (values[named] !== undefined) foreign = true;
        values[named] = text.slice(text.charCodeAt(at + 1) === SPACE ? at + 2 : at + 1, stop);
      } else {
        named = NOWHERE;
      }
    } else if (last >= 0 && CONTINUED.test(text.slice(line, stop))) {
      foreign = true;
      if (named !== NOWHERE) values[named] += text.slice(line - 1, stop);
    } else {
      return undefined;
    }
    last = line;
    line = stop + 1;
  }
  return last < 0 ? undefined : { values, last, foreign };
};

/** What many messages have in common: all between the line of `ts` and the value of `data`. */
interface Common {
  text: string;
  values: HeaderValues;
}

const ID = 'msg_id: ';
const TS = '\nts: ';
const DATA = '\ndata: ';
const BODY_BYTES = '\nbody_bytes: ';
const CRC = '\ncrc32: ';
const COMMON_COUNT = 8;
/** In characters. */
const COMMON_MOST = 1_024;

/** Those read lately, and which of them is the next to be forgotten. */
const commons: Common[] = [];
let oldest = 0;

/** Says nothing that only one message says, and is no fact of our own. */
const isCommon = (values: HeaderValues): boolean =>
  values[PLACE.parents] === '[]' &&
  [PLACE.dedupe_key, PLACE.meta, PLACE.links, PLACE.data_blob, PLACE.mac].every((place) => values[place] === undefined);

/** Where the lines of `body_bytes` and `crc32` begin, if they and nothing else come after the value of `data`. */
const endOf = (text: string, data: number): { length: number; crc: number } | undefined => {
  const length = text.indexOf('\n', data);
  const crc = text.indexOf('\n', length + 1);
  const isAll = text.indexOf('\n', crc + 1) === text.length - 1;
  return isAll && text.startsWith(BODY_BYTES, length) && text.startsWith(CRC, crc) ? { length, crc } : undefined;
};

const keep = (text: string, { values, foreign }: Header): void => {
  if (foreign || !isCommon(values)) return;
  const begin = `${ID}${values[PLACE.msg_id] ?? ''}${TS}${values[PLACE.ts] ?? ''}`;
  const to = text.indexOf(DATA, begin.length) + DATA.length;
  if (to - begin.length > COMMON_MOST || !text.startsWith(`${begin}\n`) || !endOf(text, to)) return;
  commons[oldest] = { text: text.slice(begin.length, to), values };
  oldest = (oldest + 1) % COMMON_COUNT;
};

/** Only what stands as our writers put it: anything else is read line by line. */
const parseCommon = (text: string): Header | undefined => {
  const ts = text.indexOf('\n');
  const from = text.indexOf('\n', ts + 1);
  if (!text.startsWith(ID) || !text.startsWith(TS, ts)) return undefined;
  for (const common of commons) {
    const data = from + common.text.length;
    // Compared in a tenth of the time that startsWith takes.
    if (text.slice(from, data) !== common.text) continue;
    const end = endOf(text, data);
    if (!end) return undefined;
    const { length, crc } = end;
    const values = common.values.slice();
    values[PLACE.msg_id] = text.slice(ID.length, ts);
    values[PLACE.ts] = text.slice(ts + TS.length, from);
    values[PLACE.data] = text.slice(data, length);
    values[PLACE.body_bytes] = text.slice(length + BODY_BYTES.length, crc);
    values[PLACE.crc32] = text.slice(crc + CRC.length, -1);
    return { values, last: crc + 1, foreign: false };
  }
  return undefined;
};

/** `text`: whole lines. Undefined when this is no header. */
export const parseHeader = (text: string): Header | undefined => {
  const quick = parseCommon(text);
  if (quick) return quick;
  const header = parseAny(text);
  if (header) keep(text, header);
  return header;
};
