import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openHandlers } from '../../src/pipeline/handlers.js';
import { openTreeStore } from '../../src/pipeline/tree-store.js';
import { logInto, type Logged } from '../api/world.js';
import { temporary, until } from '../support/service.js';

test('a folder of handlers that goes away takes none with it, and the one that comes in its place is read and watched', async () => {
  const folder = join(temporary('handlers'), 'handlers');
  const write = (name: string): void =>
    writeFileSync(join(folder, `${name}.yaml`), `name: ${name}\nsteps: [{ shell: 'true' }]\n`);
  mkdirSync(folder);
  write('first');
  const lines: Logged[] = [];
  const handlers = await openHandlers({ folder, trees: openTreeStore(temporary('trees')), log: logInto(lines) });
  const names = (): string =>
    handlers
      .list()
      .map(({ name }) => name)
      .join();
  try {
    renameSync(folder, `${folder}-away`);
    await until('it is said', () => lines.some(({ message }) => message.includes('is gone; those in force stay')));
    assert.is(names(), 'first');
    mkdirSync(folder);
    write('second');
    await until('the new one is read', () => names() === 'second');
    write('third');
    await until('it is watched', () => names() === 'second,third');
    rmSync(folder, { recursive: true });
    renameSync(`${folder}-away`, folder);
    await until('the old one is read again', () => names() === 'first');
    write('fourth');
    await until('it is watched, too', () => names() === 'first,fourth');
  } finally {
    await handlers.close();
  }
});

test.run();
