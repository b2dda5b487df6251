import type { ParseArgsConfig } from 'node:util';
import { endOf } from '../../bus/end.js';
import { recover } from '../../bus/redo.js';
import { surveyBus } from '../../bus/survey.js';
import { openRoot } from '../../storage/root.js';
import { parse, rootOf, say, usage } from './options.js';

const OPTIONS = {
  root: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

const survey = async (args: string[]) => {
  const { values, positionals } = parse(args, OPTIONS);
  if (positionals.length > 0) throw usage(`there is no argument "${positionals[0] ?? ''}" to take`);
  const { path, key } = await openRoot(rootOf(values.root));
  await recover(path, false);
  // Where no writer is in the middle of a record.
  return { json: values.json ?? false, found: await surveyBus(path, key, await endOf(path)) };
};

const asksHelp = (args: string[]): boolean => args.includes('--help') || args.includes('-h');

/** Prints every damaged range; the exit code is 2 when there is one. */
export const check = async (args: string[], help: string): Promise<void> => {
  if (asksHelp(args)) return say(help);
  const { json, found } = await survey(args);
  const { types: _, projects: __, ...report } = found;
  if (json) await say(`${JSON.stringify(report)}\n`);
  else {
    for (const { file, from, to, reason } of found.damaged) await say(`${file}: bytes ${from} to ${to}: ${reason}\n`);
    await say(
      `${found.messages} messages in ${found.segments} files, ${found.bytes} bytes: ${found.damaged.length} damaged ranges, ` +
        `${found.unsealed} of other writers\n`,
    );
  }
  if (found.damaged.length > 0) process.exitCode = 2;
};

export const stats = async (args: string[], help: string): Promise<void> => {
  if (asksHelp(args)) return say(help);
  const { json, found } = await survey(args);
  const { damaged, ...rest } = found;
  const report = { ...rest, damaged: damaged.length };
  if (json) return say(`${JSON.stringify(report)}\n`);
  const { types, projects, ...totals } = report;
  const lines = (counts: Record<string, number>, word: string): string[] =>
    Object.entries(counts)
      .sort((left, right) => right[1] - left[1])
      .map(([name, count]) => `${word} ${name}: ${count}`);
  const text = [
    ...Object.entries(totals).map(([name, value]) => `${name}: ${value}`),
    ...lines(types, 'type'),
    ...lines(projects, 'project'),
  ];
  return say(`${text.join('\n')}\n`);
};
