import { test } from 'uvu';
import { programPath } from './programs.mjs';

/** A test that needs a program: skipped with a word where there is none, but in CI it then fails. */
export const needing = (program: string): { path: string; test: typeof test | typeof test.skip } => {
  const path = programPath(program);
  if (path !== undefined) return { path, test };
  if (process.env['CI'] === 'true') throw new Error(`${program} is missing, and in CI nothing is skipped`);
  console.log(`skipped: there is no ${program}`);
  return { path: program, test: test.skip };
};
