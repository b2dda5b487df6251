import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readBlocks, seedsFolder, type Block } from './blocks.js';
import { createWorld, type Ended, type World } from './world.js';

/**
 * `works`: as it stands. `template`: it has places to fill in. `faulty`: something in it is wrong by itself.
 * `no script`: no commands of ours, or none at all.
 */
export type Kind = 'works' | 'template' | 'faulty' | 'no script';

export interface Case {
  file: string;
  section: string;
  number: number;
  kind: Kind;
  /** Why it is no script, or what is wrong with it. */
  reason?: string;
  /** Fills the places of a template. */
  fill?: (text: string, world: World) => string;
  env?: Record<string, string>;
  cwd?: string;
  prepare?: (world: World, round: 1 | 2) => void | Promise<void>;
  check?: (world: World, done: Ended, round: 1 | 2) => void | Promise<void>;
  /** Our own way to what a faulty script means. */
  instead?: (world: World, text: string) => Promise<void>;
}

const nameOf = ({ file, section, number }: Pick<Case, 'file' | 'section' | 'number'>): string =>
  `${file} · ${section} · ${number}`;

export const blocks: readonly Block[] = seedsFolder === undefined ? [] : readBlocks(seedsFolder);

const find = (one: Case): Block => {
  const block = blocks.find((other) => nameOf(other) === nameOf(one));
  if (!block) throw new Error(`there is no block ${nameOf(one)}`);
  return block;
};

/** Every place must be found: a template that changed must not be run half filled. */
export const fills =
  (...places: [string | RegExp, string][]) =>
  (text: string): string =>
    places.reduce((filled, [place, value]) => {
      const next =
        typeof place === 'string' ? filled.replaceAll(place, () => value) : filled.replace(place, () => value);
      if (next === filled) throw new Error(`there is no ${String(place)} to fill in`);
      return next;
    }, text);

/** Runs the script twice in one world, and what it did is looked at each time. */
export const runCases = (cases: readonly Case[]): void => {
  if (seedsFolder === undefined) {
    test('the documents are not beside this repository: their scripts are not run', () => {
      assert.is(blocks.length, 0);
    });
    test.run();
    return;
  }
  for (const one of cases) {
    test(`${nameOf(one)}: ${one.kind}`, async () => {
      const block = find(one);
      if (one.kind === 'no script') {
        assert.ok(one.reason);
        if (one.instead) await one.instead(createWorld(one.env), block.text);
        return;
      }
      const world = createWorld(one.env);
      const text = one.fill?.(block.text, world) ?? block.text;
      for (const round of [1, 2] as const) {
        await one.prepare?.(world, round);
        const done = await world.bash(text, { ...(one.cwd === undefined ? {} : { cwd: one.cwd }) });
        await one.check?.(world, done, round);
      }
      if (one.kind === 'faulty') assert.ok(one.reason);
      if (one.instead) await one.instead(createWorld(one.env), text);
    });
  }
  test.run();
};
