import { matchesGlob } from '../core/glob.js';

const expandBraces = (pattern: string): string[] => {
  const found = /^(.*?)\{([^{}]*)\}(.*)$/s.exec(pattern);
  if (!found) return [pattern];
  const [, before = '', choices = '', after = ''] = found;
  return choices.split(',').flatMap((choice) => expandBraces(before + choice + after));
};

/** `**` is any number of folders; the last one met is the only one ever gone back to, so the time is bounded. */
const matchesParts = (pattern: readonly string[], parts: readonly string[]): boolean => {
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < parts.length) {
    if (pattern[p] === '**') {
      star = p++;
      mark = t;
    } else if (p < pattern.length && matchesGlob(pattern[p] ?? '', parts[t] ?? '')) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (pattern[p] === '**') p++;
  return p === pattern.length;
};

export const toPosix = (path: string): string => path.replaceAll('\\', '/').replace(/^\.\//, '');

export interface PathGlob {
  /** The folder or file it can match in or be: what stands before the first wildcard. */
  readonly base: string;
  matches(path: string): boolean;
}

/** A pattern over paths with `/`: `*`, `?`, `**`, `{a,b}`. A plain path is itself and everything in it. */
export const pathGlob = (pattern: string): PathGlob => {
  const parts = toPosix(pattern).replace(/\/+$/, '').split('/');
  const wild = parts.findIndex((part) => /[*?{]/.test(part));
  const alternatives = expandBraces(parts.join('/')).map((one) =>
    one === '' || one === '.' ? ['**'] : [...one.split('/'), '**'],
  );
  const exact = expandBraces(parts.join('/')).map((one) => one.split('/'));
  return {
    base: (wild < 0 ? parts : parts.slice(0, wild)).join('/') || (parts[0] === '' && wild !== 0 ? '/' : '.'),
    matches: (path) => (wild < 0 ? alternatives : exact).some((one) => matchesParts(one, path.split('/'))),
  };
};

/** A name alone (`node_modules`, `*.log`) is meant at any depth; a pattern with `/` from the top. Both with all that is inside. */
export const ignoring = (patterns: readonly string[]): ((path: string) => boolean) => {
  const globs = patterns.flatMap((pattern) => {
    const plain = toPosix(pattern)
      .replace(/\/+$/, '')
      .replace(/\/\*\*$/, '');
    const rooted = plain.includes('/') ? plain : `**/${plain}`;
    return [pathGlob(rooted), pathGlob(`${rooted}/**`)];
  });
  return (path) => globs.some((glob) => glob.matches(path));
};
