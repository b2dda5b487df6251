import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { project } from '../support/service.js';
import { get, open, type World } from './world.js';

let world: World;
test.before.each(async () => {
  world = await open();
});
test.after.each(() => world.close());

const folder = join(project, 'src', 'ui');
const nobody = { authorization: undefined };

test('the page and everything that it names is served to a browser that has no cookie yet', async () => {
  const page = await get(world.url, nobody);
  assert.is(page.status, 200);
  assert.match(page.headers.get('content-type') ?? '', 'text/html');
  const named = [...(await page.text()).matchAll(/(?:href|src)="(\/ui\/[^"]+)"/g)].map(([, path]) => path ?? '');
  assert.ok(named.length >= 2);
  for (const file of readdirSync(folder).filter((name) => name !== 'index.html')) named.push(`/ui/${file}`);
  for (const path of named) {
    const part = await get(`${world.url}${path}`, nobody);
    assert.is(part.status, 200, path);
    assert.match(part.headers.get('content-type') ?? '', path.endsWith('.css') ? 'text/css' : 'text/javascript');
    assert.is(await part.text(), readFileSync(join(folder, path.slice('/ui/'.length)), 'utf8'));
  }
  for (const path of ['/ui/..%2fREADME.md', '/ui/nothing.js', '/ui/index.html'])
    assert.is((await get(`${world.url}${path}`, nobody)).status, 400, path);
});

test('no script of the page reads text as HTML or as code', () => {
  for (const file of readdirSync(folder)) {
    const text = readFileSync(join(folder, file), 'utf8');
    assert.not.match(
      text,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|localStorage/,
      file,
    );
    assert.not.match(text, /<script(?![^>]*src=)|\son\w+="|style="/, file);
  }
});

test.run();
