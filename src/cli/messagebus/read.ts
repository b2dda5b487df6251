import type { ParseArgsConfig } from 'node:util';
import { recover } from '../../bus/redo.js';
import type { BusQuery } from '../../core/ports.js';
import { openRoot } from '../../storage/root.js';
import { COMMON, parse, rootOf, say, scopeOf, usage } from './options.js';
import { printThere, printer } from './print.js';

const READ = {
  ...COMMON,
  'since-id': { type: 'string' },
  type: { type: 'string', multiple: true },
  tail: { type: 'string' },
  json: { type: 'boolean' },
  follow: { type: 'boolean', short: 'f' },
} as const satisfies ParseArgsConfig['options'];

const queryOf = (args: string[], follows: boolean) => {
  const { values, positionals } = parse(args, READ);
  if (positionals.length > 0) throw usage(`there is no argument "${positionals[0] ?? ''}" to take`);
  if (values.tail !== undefined && !/^\d{1,9}$/.test(values.tail)) throw usage('--tail: a whole number');
  const query: BusQuery = {
    ...(values['since-id'] === undefined ? {} : { since_id: values['since-id'] }),
    ...(values.type === undefined ? {} : { types: values.type.flatMap((types) => types.split(',')) }),
    ...(values.tail === undefined ? {} : { tail: Number(values.tail) }),
    ...(values['run-id'] === undefined ? {} : { run_id: values['run-id'] }),
    ...scopeOf(values),
  };
  if (follows && query.tail === undefined && query.since_id === undefined) query.tail = 0;
  return { query, values };
};

/** `follows`: as `messagebus-tool follow`, which tells only what comes unless more is asked for. */
export const read = async (args: string[], help: string, follows: boolean): Promise<void> => {
  const { query, values } = queryOf(args, follows);
  if (values.help) return say(help);
  const { path, key } = await openRoot(rootOf(values.root));
  await recover(path, false);
  const print = printer(values.json ?? false);
  if (!follows && !values.follow) return printThere(path, key, query, print);
  return (await import('./follow.js')).printOn(path, key, query, print);
};
