import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { test as each } from 'uvu';
import * as assert from 'uvu/assert';
import { needing } from '../support/needing.js';
import {
  cleanEnvironment,
  startService,
  steadyPort,
  temporary,
  temporaryForSockets,
  tool,
  type Service,
} from '../support/service.js';

const { path, test } = needing('chromium');

const HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
const env = cleanEnvironment();
const cwd = temporary('browser');
mkdirSync(join(cwd, 'rules'));
mkdirSync(join(cwd, 'handlers'));
writeFileSync(
  join(cwd, 'rules', 'all.yaml'),
  'rules:\n  - { id: ask, on: DEPLOY_WANTED, do: ask }\n  - { id: work, on: WORK_WANTED, do: work }\n',
);
writeFileSync(
  join(cwd, 'handlers', 'ask.yaml'),
  `name: ask\nsteps:\n  - { id: gate, approve: { question: '${HOSTILE} Deploy?' } }\n  - { id: go, shell: echo deployed }\n`,
);
writeFileSync(
  join(cwd, 'handlers', 'work.yaml'),
  `name: work\nsteps:\n  - { id: dig, shell: "echo '${HOSTILE.replaceAll('"', '')}'; echo digging; sleep 300" }\n`,
);

let browser: Browser | undefined;
let service: Service;
each.before(async () => {
  browser = await chromium.launch({
    executablePath: path,
    chromiumSandbox: process.getuid?.() !== 0,
    args: ['--disable-dev-shm-usage'],
    env: { ...process.env, TMPDIR: temporaryForSockets() },
  });
  service = await startService(['--root', 'runs', '--port', await steadyPort()], { cwd, env });
});
each.after(async () => {
  // Where it did not start that is what is to be told.
  if (!browser) return;
  await browser.close();
  await service.stop();
});

/** A page that keeps whatever a careful person would see in the console. */
const openPage = async () => {
  const page = await (await browser!.newContext()).newPage();
  const problems: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('requestfailed', (request) => {
    // A stream that the page itself closes.
    if (!request.url().includes('/stream')) problems.push(`${request.url()}: ${request.failure()?.errorText}`);
  });
  await page.addInitScript(
    "document.addEventListener('securitypolicyviolation', (event) => console.error('CSP ' + event.violatedDirective))",
  );
  return { page, problems };
};

const link = async (): Promise<string> => {
  const { stdout } = await tool('conductor', ['ui', '--root', 'runs'], { cwd, env });
  return stdout.trim();
};
const say = (type: string, body: string) =>
  tool('messagebus-tool', ['write', body, '--type', type, '--root', 'runs'], { cwd, env });
const message = (page: Page, type: string) =>
  page.locator('#messages li', { has: page.getByText(type, { exact: true }) });

test('a page without a session says how to get in, and shows nothing', async () => {
  const { page } = await openPage();
  await page.goto(service.url);
  await page.getByText('conductor ui').waitFor();
  assert.not(await page.locator('main').isVisible());
});

test('a one-time code lets a browser in; what happens appears live, as text whatever it says', async () => {
  const { page, problems } = await openPage();
  await page.goto(await link());
  await page.locator('main').waitFor();
  assert.not.match(page.url(), 'code');
  await say('NOTED', HOSTILE);
  await message(page, 'NOTED').waitFor();
  assert.match(await message(page, 'NOTED').innerText(), HOSTILE);

  await say('DEPLOY_WANTED', 'now');
  const approvals = page.locator('#approvals');
  await approvals.waitFor();
  assert.match(await approvals.innerText(), HOSTILE);
  await approvals.getByLabel('Your words').fill('go on');
  await approvals.getByRole('button', { name: 'Approve' }).click();
  await approvals.waitFor({ state: 'hidden' });
  await page.locator('#runs button', { hasText: 'completed' }).waitFor();
  await page.locator('#runs button', { hasText: 'completed' }).click();
  await page.locator('#output pre', { hasText: 'deployed' }).waitFor();

  await say('WORK_WANTED', 'dig');
  await page.locator('#runs button', { hasText: 'running' }).click();
  await page.locator('#output pre', { hasText: 'digging' }).waitFor();
  assert.match(await page.locator('#output pre').innerText(), 'onerror=');
  await page.locator('#output').getByRole('button', { name: 'Stop' }).click();
  await page.locator('#output p', { hasText: 'failed' }).waitFor();

  assert.is(await page.evaluate('window.hacked'), undefined);
  assert.equal(problems, []);
});

test('a filter shows only its types, and a code is good once', async () => {
  const { page, problems } = await openPage();
  const address = await link();
  await page.goto(address);
  await page.locator('main').waitFor();
  await page.getByLabel('Only these types').fill('NOTED');
  await page.getByLabel('Only these types').press('Enter');
  await say('OTHER', 'not to be seen');
  await say('NOTED', 'to be seen');
  await page.getByText('to be seen', { exact: true }).first().waitFor();
  assert.is(await page.getByText('not to be seen').count(), 0);
  assert.equal(problems, []);
  const other = await openPage();
  await other.page.goto(address);
  await other.page.getByText('conductor ui').waitFor();
});

test('a foreign page can neither read nor change anything, though the browser holds the cookie', async () => {
  const { page } = await openPage();
  await page.goto(await link());
  await page.locator('main').waitFor();
  const foreign = await page.context().newPage();
  await foreign.route('http://evil.example/', (route) => route.fulfill({ contentType: 'text/html', body: '<p>evil' }));
  await foreign.goto('http://evil.example/');
  const attempts = `Promise.all([
    fetch('${service.url}/api/v1/status', { credentials: 'include' }).then(() => 'read', () => 'refused'),
    fetch('${service.url}/api/v1/pause', { credentials: 'include', method: 'POST', mode: 'no-cors' }).catch(() => 0),
    new Promise((done) => {
      const socket = new WebSocket('${service.url.replace('http', 'ws')}/ws');
      socket.onopen = () => done('open');
      socket.onerror = () => done('refused');
    }),
  ])`;
  const [read, , socket] = await foreign.evaluate<unknown[]>(attempts);
  assert.equal([read, socket], ['refused', 'refused']);
  await page.reload();
  await page.locator('main').waitFor();
  assert.match(await page.locator('#status').innerText(), /^running/);
});

test('a page whose service was started anew says so', async () => {
  const { page } = await openPage();
  await page.goto(await link());
  await page.locator('main').waitFor();
  await service.stop();
  await page.getByText('does not answer').waitFor();
  const { port } = new URL(service.url);
  service = await startService(['--root', 'runs', '--port', port], { cwd, env });
  await page.getByText('conductor ui').waitFor();
});

each.run();
