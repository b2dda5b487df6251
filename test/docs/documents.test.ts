import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { namedBlocks, type NamedBlock } from '../recipes/documents.js';
import { createWorld, type World } from '../seeds/world.js';
import { project, startService, type Service } from '../support/service.js';

const DOCUMENTS = [
  'README.md',
  'rules/README.md',
  'handlers/README.md',
  'runs/README.md',
  'src/README.md',
  'test/README.md',
];

const blocksOf = (document: string): NamedBlock[] => namedBlocks(readFileSync(join(project, document), 'utf8'));
const nameOf = (document: string, { line }: NamedBlock): string => `${document}:${line}`;

/** A repository of a person who reads the documents; npm alone only notes what it was asked. */
const createReader = async (): Promise<World> => {
  const world = createWorld();
  world.program('npm', `#!/bin/sh\necho "$1" >> '${world.notes}/npm.calls'\n`);
  world.program('npx', '#!/bin/sh\nexec "$@"\n');
  rmSync(join(world.cwd, 'config.yaml'));
  world.write('package.json', '{"scripts":{"test":"true"}}');
  await world.bash('git init -q');
  return world;
};

test('README is shorter than 250 lines', () => {
  assert.ok(readFileSync(join(project, 'README.md'), 'utf8').split('\n').length < 250);
});

for (const document of DOCUMENTS) {
  const commands = blocksOf(document).filter(({ language }) => ['sh', 'bash'].includes(language));
  if (commands.length === 0) continue;
  test(`every command of ${document} works`, async () => {
    const world = await createReader();
    let service: Service | undefined;
    try {
      for (const block of commands) {
        // What "npm start" does for the reader: from here on there is a service.
        if (/^npm start/m.test(block.text)) service = await startService([], { cwd: world.cwd, env: world.env });
        const done = await world.bash(`set -e\n${block.text}`);
        assert.is(done.code, 0, `${nameOf(document, block)}: ${done.stderr}\n${done.stdout}`);
      }
      const scripts = (JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { scripts: object }).scripts;
      for (const script of world.calls('npm.calls')) assert.ok(script in scripts, `npm ${script}`);
    } finally {
      await service?.stop();
    }
  });
}

for (const document of DOCUMENTS) {
  const files = blocksOf(document).filter(({ language }) => language === 'yaml');
  if (files.length === 0) continue;
  test(`every file that ${document} shows is good`, async () => {
    for (const block of files) {
      const { cwd, bash, write } = await createReader();
      const folder = /^rules:/m.test(block.text)
        ? 'rules'
        : /^(name|steps):/m.test(block.text)
          ? 'handlers'
          : undefined;
      mkdirSync(join(cwd, 'secrets'));
      for (const [, name] of block.text.matchAll(/~\/\.secrets\/([\w.-]+)/g))
        writeFileSync(join(cwd, 'secrets', name!), 'x', { mode: 0o600 });
      if (folder === undefined)
        write('config.yaml', block.text.replaceAll('~/.secrets', './secrets').replaceAll('/srv/app', '.'));
      else {
        cpSync(join(project, 'handlers'), join(cwd, 'handlers'), { recursive: true });
        write(join(folder, 'shown.yaml'), block.text.replace('do: fix-tests', 'do: investigate'));
      }
      const done = await bash(
        folder === undefined
          ? 'conductor config check'
          : folder === 'rules'
            ? 'conductor rules check'
            : 'conductor handlers check',
      );
      assert.is(done.code, 0, `${nameOf(document, block)}: ${done.stderr}`);
      if (folder !== 'rules' || !block.text.includes('tests:')) continue;
      const tested = await bash('conductor rules test');
      assert.is(tested.code, 0, `${nameOf(document, block)}: ${tested.stdout}${tested.stderr}`);
    }
  });
}

test.run();
