import * as assert from 'uvu/assert';
import { startService, until } from '../support/service.js';
import type { Case } from './case.js';

export const load: readonly Case[] = [
  {
    file: 'conductor-loop-best-practices.md',
    section: 'Testing Strategies',
    number: 4,
    kind: 'works',
    prepare: (world) => world.write('test-prompt.md', 'Say that you are there.\n'),
    check: async (world, done, round) => {
      assert.is(done.code, 0, done.stderr);
      assert.is(new Set(done.stdout.trimEnd().split('\n')).size, 50);
      // Asked for while no service ran; one carries them all.
      const service = await startService([], { cwd: world.cwd, env: world.env });
      try {
        await until('each ran once a time', () => world.calls('codex.tasks').length === 50 * round);
        await until('all 50 have completed', async () => {
          const listed = await world.bash('conductor task list --project load-test --status completed | wc -l');
          return listed.stdout.trim() === '50';
        });
      } finally {
        assert.is(await service.stop(), 0);
      }
    },
  },
];
