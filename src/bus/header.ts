/** The lines of one record's header, read in one pass. */

const NAMES = [
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

/** What stands after `name: `, with the lines that go on with it; undefined where there is no such line. */
export type HeaderFields = Record<HeaderName, string | undefined>;

export interface Header {
  fields: HeaderFields;
  /** Where the last line begins. */
  last: number;
  /** Some line was no `name: value`, or a name came twice: only foreign writers do that. */
  foreign: boolean;
}

const COLON = 58;
const SPACE = 32;
const CONTINUED = /^(\s+\S|- )/;

/** Of one object literal, so that the engine knows its shape. */
const none = (): HeaderFields => ({
  msg_id: undefined,
  ts: undefined,
  type: undefined,
  project_id: undefined,
  task_id: undefined,
  run_id: undefined,
  source: undefined,
  actor: undefined,
  parents: undefined,
  depth: undefined,
  dedupe_key: undefined,
  trust: undefined,
  issue_id: undefined,
  meta: undefined,
  links: undefined,
  data: undefined,
  data_blob: undefined,
  body_bytes: undefined,
  mac: undefined,
  crc32: undefined,
});

const step = (hash: number, code: number): number => (Math.imul(hash, 31) + code) | 0;

/** By hash, since a name that is cut out of the text would have to be looked up letter by letter all the same. */
const NAME_OF = new Map<number, HeaderName>(
  NAMES.map((name) => [[...name].reduce((hash, letter) => step(hash, letter.charCodeAt(0)), 0), name]),
);

const isLetter = (code: number): boolean => code >= 97 && code <= 122;
const isLater = (code: number): boolean => code === 95 || (code >= 48 && code <= 57);

/** `text`: whole lines. Undefined when this is no header. */
export const parseHeader = (text: string): Header | undefined => {
  const fields = none();
  let foreign = false;
  let last = -1;
  let named: HeaderName | undefined;
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
      const name = NAME_OF.get(hash);
      if (name !== undefined && at - line === name.length && text.startsWith(name, line)) {
        if (fields[name] !== undefined) foreign = true;
        const from = text.charCodeAt(at + 1) === SPACE ? at + 2 : at + 1;
        fields[name] = text.slice(from, stop);
        named = name;
      } else {
        named = undefined;
      }
    } else if (last >= 0 && CONTINUED.test(text.slice(line, stop))) {
      foreign = true;
      if (named !== undefined) fields[named] += text.slice(line - 1, stop);
    } else {
      return undefined;
    }
    last = line;
    line = stop + 1;
  }
  return last < 0 ? undefined : { fields, last, foreign };
};
