import { createHmac } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, startService, temporary, tool, until } from '../support/service.js';

const FIRST = 'timers: {}\nwatch: [{ paths: [src/**], type: SRC_CHANGED, debounce: 50ms }]\n';

test('sources follow config.yaml while the service runs; what it says as before goes on, and a bad file changes nothing', async () => {
  const folder = temporary('reload');
  const env = cleanEnvironment();
  for (const name of ['src', 'docs']) mkdirSync(join(folder, name));
  const config = join(folder, 'config.yaml');
  writeFileSync(config, FIRST);
  for (const name of ['one', 'two']) writeFileSync(join(folder, name), name, { mode: 0o600 });
  const service = await startService([], { cwd: folder, env });
  const says = (text: string): Promise<unknown> =>
    until(`it says ${text}`, () => service.output().includes(text) || undefined);
  const told = (type: string, fits: (event: { data: Record<string, unknown> }) => boolean = () => true) =>
    until(`${type} is told`, async () => {
      const done = await tool('conductor', ['events', 'list', '--type', type, '--json'], { cwd: folder, env });
      const { events } = JSON.parse(done.stdout) as { events: { data: Record<string, unknown> }[] };
      return events.find(fits);
    });
  const deliver = async (secret: string): Promise<number> => {
    const body = '{"type":"PINGED"}';
    const answer = await fetch(`${service.url}/webhooks/own`, {
      method: 'POST',
      body,
      headers: { 'x-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` },
    });
    return answer.status;
  };
  /** As an editor saves: another file takes the place. */
  const save = (text: string): void => {
    writeFileSync(`${config}.new`, text);
    renameSync(`${config}.new`, config);
  };
  try {
    assert.is(await deliver('one'), 404);
    const more = `${FIRST.replace('timers: {}', 'timers: { soon: { every: 1s } }').replace(' }]', ' }, { paths: [docs/**], type: DOCS_CHANGED, debounce: 50ms }]')}`;
    const hook = 'webhooks: { own: { provider: generic, secret_file: one } }\n';
    save(more + hook);
    await says('4 sources in force');
    assert.is(await deliver('one'), 202);
    await told('TIMER_FIRED', ({ data }) => data['name'] === 'soon');
    writeFileSync(join(folder, 'docs', 'a.md'), 'a');
    await told('DOCS_CHANGED');
    writeFileSync(join(folder, 'src', 'a.ts'), 'a');
    await told('SRC_CHANGED');

    save(`${more}${hook}webhoks: {}\n`);
    await says('config: nothing was changed');
    assert.match(service.output(), /config\.yaml:\d+:\d+: unknown key "webhoks"; did you mean "webhooks"\?/);
    await told('CONDUCTOR_CONFIG_REFUSED', ({ data }) => data['line'] === 4 && data['field'] === 'webhoks');
    assert.is(await deliver('one'), 202);
    rmSync(config);
    await says('is gone');
    assert.is(await deliver('one'), 202, 'a file that is gone closes nothing');

    save(`${FIRST}${hook.replace('one', 'two')}defaults: { timeout: 7m }\n`);
    await says('2 sources in force');
    await told('CONDUCTOR_CONFIG_ACCEPTED');
    await says('config: defaults changed: that holds from the next start on');
    assert.is(await deliver('one'), 401);
    assert.is(await deliver('two'), 202);
    writeFileSync(join(folder, 'two'), 'three', { mode: 0o600 });
    await until('the new secret holds', async () => (await deliver('three')) === 202 || undefined);
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test.run();
