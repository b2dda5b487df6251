import { InvalidArgumentError, Option } from 'commander';
import { ID_RULE, isId } from '../core/id.js';

/** The option every command has. */
export const rootOption = (): Option =>
  new Option('--root <folder>', 'where runs, bus and state are')
    .env('CONDUCTOR_ROOT')
    .default('runs')
    // An empty variable is as good as none.
    .argParser((value) => value || 'runs');

export const configOption = (): Option =>
  new Option('--config <file>', 'configuration (default: ./config.yaml, where there is one)').env('CONDUCTOR_CONFIG');

/** For what a service elsewhere can be asked, too. */
export const serverOption = (): Option =>
  new Option('--server <url>', 'asks that service instead, with the token in CONDUCTOR_TOKEN');

export const isElsewhere = <Options extends { server?: string }>(
  options: Options,
): options is Options & { server: string } => options.server !== undefined;

export const jsonOption = (): Option => new Option('--json', 'one JSON document on standard output');

/** For project and task ids; both spellings are the same option. */
export const parseId = (value: string): string => {
  if (!isId(value)) throw new InvalidArgumentError(ID_RULE);
  return value;
};
export const projectOption = (): Option =>
  new Option('--project-id, --project <id>', 'project').argParser(parseId).env('PROJECT_ID');
/** For lists: of every project unless one is named. */
export const projectFilter = (): Option =>
  new Option('--project-id, --project <id>', 'only of this project').argParser(parseId);
export const taskOption = (): Option => new Option('--task-id, --task <id>', 'task').argParser(parseId);

export const parseCount = (value: string): number => {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('a whole number is asked for');
  return Number(value);
};

export const parsePort = (value: string): number => {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0 || number > 65_535)
    throw new InvalidArgumentError('a port is a number from 0 to 65535');
  return number;
};
