import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { openWorld, type WorldOptions } from './world.js';

const CALLED = `name: called
steps:
  - { shell: 'echo "$STEP_ID" >> effects' }
  - { emit: { type: EFFECT } }
`;
const CODED = `import { code, emit, handler, shell, text } from 'conductor-loop';
const sum = code({ id: 'sum', given: {} }, () => ({ total: 1 + 2 }));
export default handler({
  name: 'coded',
  steps: [shell({ shell: 'echo "$STEP_ID" >> effects' }), sum, emit('EFFECT', { body: text\`\${sum.data.total}\` })],
});
`;
const DOER = `#!/bin/sh
cat > /dev/null
echo "$STEP_ID" >> effects
printf '%s' "$ANSWER"
`;

/** What is asked over HTTP, by its Idempotency-Key. */
export const openListener = async () => {
  const keys: string[] = [];
  const server = createServer((request, response) => {
    keys.push(String(request.headers['idempotency-key']));
    request.resume().on('end', () => response.end('heard'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    keys,
    close: () => new Promise<void>((resolve) => (server.close(() => resolve()), server.closeAllConnections())),
  };
};

/** Where the random trees work: handlers that they call, an agent that does, an action that tells. */
export const openCrashWorld = (
  folder: string,
  url: string,
  options: Omit<WorldOptions, 'files'> & { tree?: string },
) => {
  const { tree, ...rest } = options;
  const doer = join(folder, 'doer.sh');
  mkdirSync(join(folder, 'work'), { recursive: true });
  for (const name of ['glob-1', 'glob-2']) writeFileSync(join(folder, 'work', name), '');
  writeFileSync(doer, DOER);
  chmodSync(doer, 0o755);
  return openWorld({
    ...rest,
    at: folder,
    agents: { doer: { backend: 'command', command: [doer] } },
    actions: { tell: { kind: 'webhook', url, form: 'json', headers: {}, timeout_ms: 5_000 } },
    files: tree === undefined ? {} : { 'h.yaml': tree, 'called.yaml': CALLED, 'coded.ts': CODED },
  });
};
