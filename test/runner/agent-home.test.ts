import { lstatSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { temporary } from '../support/service.js';
import { openWorld, script } from './world.js';

test("gemini gets a home of its own: the user's entries are linked, the user's settings go over ours", async () => {
  const home = temporary('home');
  mkdirSync(join(home, '.gemini', 'tmp'), { recursive: true });
  const theirs = `{
    // Written by a person.
    "ui": { "theme": "a // no comment" },
    "security": { "auth": { "selectedType": "oauth-personal" } } /* so */
  }`;
  writeFileSync(join(home, '.gemini', 'settings.json'), theirs);
  writeFileSync(join(home, '.gemini', 'GEMINI.md'), 'be brief');
  const world = await openWorld({
    environment: { HOME: home },
    config: { gemini: { base_url: 'http://127.0.0.1:1' } },
    ticketOf: () => 'ticket',
    serviceUrl: () => 'http://127.0.0.1:2',
  });
  const seen = join(temporary('env'), 'env.json');
  for (let times = 1; times <= 2; times++) {
    const { end } = await world.run('gemini', script({ env: seen }, { say: 'x' }, { result: true }));
    assert.is(end.status, 'completed', end.error_summary);
  }
  const { env } = JSON.parse(readFileSync(seen, 'utf8')) as { env: Record<string, string> };
  const own = join(env['GEMINI_CLI_HOME'] ?? '', '.gemini');
  assert.is(readFileSync(join(own, 'GEMINI.md'), 'utf8'), 'be brief');
  assert.ok(lstatSync(join(own, 'GEMINI.md')).isSymbolicLink());
  assert.equal(readdirSync(own).sort(), ['GEMINI.md', 'settings.json'], 'sessions are its own');
  const settings = JSON.parse(readFileSync(join(own, 'settings.json'), 'utf8')) as {
    ui: { theme: string };
    security: { auth: { selectedType: string } };
    mcpServers: { conductor: { httpUrl: string } };
  };
  assert.is(settings.ui.theme, 'a // no comment');
  assert.is(settings.security.auth.selectedType, 'oauth-personal');
  assert.is(settings.mcpServers.conductor.httpUrl, 'http://127.0.0.1:2/mcp');
  assert.not.match(JSON.stringify(settings), '"ticket"');
  assert.is(readFileSync(join(home, '.gemini', 'settings.json'), 'utf8'), theirs, "the user's own is as it was");
});

test('settings that cannot be read are a fault of the configuration that names the file', async () => {
  const home = temporary('home');
  mkdirSync(join(home, '.gemini'));
  writeFileSync(join(home, '.gemini', 'settings.json'), '{ "ui": ');
  const world = await openWorld({ environment: { HOME: home } });
  const { end } = await world.run('gemini', script({ result: true }));
  assert.equal([end.class, end.exit], ['configuration', 3]);
  assert.match(end.error_summary ?? '', `${home}/.gemini/settings.json are no JSON`);
});

test.run();
