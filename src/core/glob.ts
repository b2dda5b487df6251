/** Does the run of characters, without stars, stand here? `?` is any one. */
const standsAt = (run: string, text: string, at: number): boolean => {
  for (let n = 0; n < run.length; n++) if (run[n] !== '?' && run[n] !== text[at + n]) return false;
  return at + run.length <= text.length;
};

const findRun = (run: string, text: string, from: number): number => {
  if (!run.includes('?')) return text.indexOf(run, from);
  for (let at = from; at + run.length <= text.length; at++) if (standsAt(run, text, at)) return at;
  return -1;
};

/** `*` is any run of characters, `?` one. Each run between stars is looked for once, where it comes first: nothing is tried again. */
export const compileGlob = (pattern: string): ((text: string) => boolean) => {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return (text) => text.length === first.length && standsAt(first, text, 0);
  return (text) => {
    const end = text.length - last.length;
    if (end < first.length || !standsAt(first, text, 0) || !standsAt(last, text, end)) return false;
    let at = first.length;
    for (const run of rest) {
      const found = findRun(run, text, at);
      if (found < 0) return false;
      at = found + run.length;
    }
    return at <= end;
  };
};

export const matchesGlob = (pattern: string, text: string): boolean => compileGlob(pattern)(text);

/** A longer run between two stars could cost its length at every place of a long text. */
const LONGEST_RUN = { plain: 100, withAny: 20 };

/** Why a pattern may not be one; undefined when it may. */
export const wrongGlob = (pattern: string): string | undefined => {
  const long = pattern
    .split('*')
    .slice(1, -1)
    .find((run) => run.length > (run.includes('?') ? LONGEST_RUN.withAny : LONGEST_RUN.plain));
  return long === undefined
    ? undefined
    : `between two stars of a glob stand at most ${LONGEST_RUN.plain} characters, ${LONGEST_RUN.withAny} where one is "?"`;
};
