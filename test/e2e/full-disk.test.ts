import { createHmac } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, startService, temporary, tool, until } from '../support/service.js';
import { canMount, withSmallDisk } from '../support/small-disk.js';

const SECRET = 'a secret of the sender';

interface Message {
  type: string;
  msg_id: string;
  data: { fired?: { activation: string; event: string }[] };
}

/** Takes all the room that is left. */
const fill = (file: string): void => {
  for (let bytes = 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 4)) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      // The rest in smaller pieces.
    }
  }
};

(canMount ? test : test.skip)(
  'a full disk: webhooks are told to come again, the service lives on, and what was taken is decided and done once there is room',
  () =>
    withSmallDisk('4m', async (root) => {
      const folder = temporary('full');
      mkdirSync(join(folder, 'rules'));
      mkdirSync(join(folder, 'handlers'));
      writeFileSync(join(folder, 'secret'), SECRET, { mode: 0o600 });
      writeFileSync(join(folder, 'config.yaml'), 'webhooks: { generic: { secret_file: secret } }\ntimers: {}\n');
      writeFileSync(join(folder, 'rules', 'r.yaml'), 'rules: [{ id: r, on: ORDERED, do: note, breaker: false }]\n');
      writeFileSync(
        join(folder, 'handlers', 'note.yaml'),
        `name: note\nsteps:\n  - shell: 'echo "$N" >> ${folder}/log'\n    env: { N: "{{ event.data.n }}" }\n    retry: { attempts: 20, base: 100ms, cap: 1s }\n`,
      );
      const env = cleanEnvironment();
      const service = await startService(['--root', root], { cwd: folder, env });
      const taken: number[] = [];
      const deliver = async (n: number): Promise<number> => {
        const body = JSON.stringify({ type: 'ORDERED', data: { n, pad: 'x'.repeat(500) } });
        const { status } = await fetch(`${service.url}/webhooks/generic`, {
          method: 'POST',
          body,
          headers: { 'x-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}` },
        });
        if (status === 202) taken.push(n);
        return status;
      };
      const done = (): number[] =>
        existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8').trim().split('\n').map(Number) : [];
      try {
        assert.is(await deliver(0), 202);
        await until('the first is done', () => done().length === 1);
        const answers = new Set<number>();
        let n = 1;
        for (let round = 0; round < 12; round += 1) {
          fill(join(root, 'ballast'));
          // Room for some messages: whoever comes next finds none.
          truncateSync(join(root, 'ballast'), statSync(join(root, 'ballast')).size - 4_096 * (round % 3));
          for (let more = 0; more < 6; more += 1) answers.add(await deliver(n++));
        }
        assert.ok(answers.has(503));
        assert.equal(
          [...answers].filter((status) => status !== 202 && status !== 503),
          [],
        );
        assert.is((await fetch(`${service.url}/api/v1/health`)).status, 200);
        rmSync(join(root, 'ballast'));
        assert.is(await deliver(n), 202);
        await until('all that was taken is done', () => taken.every((one) => done().includes(one)), 90_000);
        const { stdout } = await tool('messagebus-tool', ['read', '--json', '--root', root], { env, cwd: folder });
        const messages = stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Message);
        const fired = messages.flatMap(({ type, data }) => (type === 'ROUTED' ? (data.fired ?? []) : []));
        const events = messages.filter(({ type }) => type === 'ORDERED').map(({ msg_id }) => msg_id);
        assert.equal(fired.map(({ event }) => event).sort(), events.sort(), 'each is decided once');
      } finally {
        assert.is(await service.stop(), 0);
      }
    }),
);

test.run();
