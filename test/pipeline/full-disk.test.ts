import { appendFileSync, existsSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until, withinOneDay } from '../support/service.js';
import { canMount, withSmallDisk } from '../support/small-disk.js';
import { handler, openWorld } from './world.js';

/** Takes the last byte. */
const fill = (file: string): void => {
  writeFileSync(file, '');
  for (let bytes = 64 * 1024; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    try {
      for (;;) appendFileSync(file, Buffer.alloc(bytes));
    } catch {
      // The rest in smaller pieces.
    }
  }
};

(canMount ? test : test.skip)(
  'a step whose run finds no room on the disk waits for it, restarts or not, and counts as one run that is tried once',
  () =>
    withSmallDisk('128k', async (disk) => {
      await withinOneDay();
      const world = await openWorld({
        files: { 'h.yaml': handler('h', `\n- shell: 'echo once >> "$WORK/log"'\n`) },
        random: () => 0.05,
      });
      try {
        symlinkSync(disk, join(world.root, 'default'));
        const ballast = join(disk, 'ballast');
        fill(ballast);
        const activation = await world.begin('h');
        const refused = async (): Promise<number> =>
          (await world.events('RUN_STOP')).filter(({ data }) => data['reason'] === 'no_room').length;
        await until('it is tried more than once', async () => (await refused()) > 2);
        assert.is(world.said.filter((line) => line.includes('waits for room on the disk')).length, 1);
        await world.restart();
        const before = await refused();
        await until('it is tried again after a restart', async () => (await refused()) > before);
        assert.is(world.ledger.view.activations.get(activation)?.status, 'open');
        assert.not(existsSync(join(world.work, 'log')));

        rmSync(ballast);
        const end = await world.end(activation);
        assert.equal([end['status'], end['exit']], ['completed', 0]);
        assert.is(readFileSync(join(world.work, 'log'), 'utf8'), 'once\n');
        const [task = ''] = readdirSync(disk);
        const runs = readdirSync(join(disk, task)).filter((name) => /^\d{8}-/.test(name));
        assert.is(runs.length, 1, 'those that found no room left nothing');
        assert.equal([...world.ledger.view.chains.values()], [1], 'they are none of the runs that a chain may have');
        assert.is(world.ledger.view.rules.get('h')?.runs_today, 1);
        const steps = (await world.events('STEP_FINISHED')).map(({ data }) => [data['status'], data['attempts']]);
        assert.equal(steps, [['completed', 1]]);
      } finally {
        await world.close();
      }
    }),
);

test.run();
