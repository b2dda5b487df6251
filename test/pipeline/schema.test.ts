import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { z } from 'zod';
import { handlerJsonSchema } from '../../src/pipeline/syntax/json-schema.js';
import { project } from '../support/service.js';

type Json = Record<string, unknown>;
const folder = join(project, 'handlers');
const shipped = JSON.parse(readFileSync(join(folder, 'handler.schema.json'), 'utf8')) as Json;
const files = ['.', 'examples'].flatMap((below) =>
  readdirSync(join(folder, below))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => ({ path: join(folder, below, name), schema: `${below === '.' ? './' : '../'}handler.schema.json` })),
);

test('the JSON Schema beside the shipped handlers is made of what the service reads by, and each names it', () => {
  assert.equal(shipped, JSON.parse(JSON.stringify(handlerJsonSchema())), 'make it anew: conductor handlers schema');
  for (const { path, schema } of files)
    assert.is(readFileSync(path, 'utf8').split('\n')[0], `# yaml-language-server: $schema=${schema}`, path);
});

test('each key is explained, and each reference leads somewhere', () => {
  const definitions = shipped['$defs'] as Json;
  const visit = (schema: unknown, at: string): void => {
    if (schema === null || typeof schema !== 'object') return;
    const { properties = {}, $ref, ...rest } = schema as { properties?: Json; $ref?: string };
    if ($ref !== undefined) assert.ok($ref.replace('#/$defs/', '') in definitions, `${at}: ${$ref}`);
    for (const [key, property] of Object.entries(properties)) {
      assert.ok((property as Json)['description'], `${at}.${key} is not explained`);
      visit(property, `${at}.${key}`);
    }
    for (const [key, one] of Object.entries(rest)) visit(one, `${at}/${key}`);
  };
  visit(shipped, '');
});

test('an editor finds nothing wrong with what is shipped, and much with what is wrong', () => {
  const schema = z.fromJSONSchema(shipped);
  for (const { path } of files) assert.ok(schema.safeParse(parse(readFileSync(path, 'utf8'))).success, path);
  const isRight = (step: object): boolean => schema.safeParse({ name: 'x', steps: [step] }).success;
  assert.ok(isRight({ shell: 'true', on_error: [{ shell: 'echo it failed' }] }));
  assert.ok(isRight({ shell: 'true', on_error: { call: 'other' } }));
  for (const wrong of [
    { shel: 'true' },
    { shell: 'true', retry: 'often' },
    { shell: 'true', on_error: 'ignore' },
    { parallel: { steps: [{ agnet: 'claude' }] } },
    { refine: { agent: 'claude', treshold: 9 } },
  ])
    assert.not(isRight(wrong), JSON.stringify(wrong));
});

test.run();
