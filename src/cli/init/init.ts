import { readFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { detect, type Repository } from './detect.js';
import { planFiles, planHook, planUnit, writePlanned, type Planned } from './files.js';

export interface InitOptions {
  hook?: boolean;
  systemd?: boolean;
  force?: boolean;
  yes?: boolean;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Asks a person; where nobody is, only what was said counts. */
const ask = async (question: string, said: boolean | undefined, yes: boolean | undefined): Promise<boolean> => {
  if (said !== undefined) return said;
  if (yes || !process.stdin.isTTY || !process.stdout.isTTY) return false;
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y/i.test(await lines.question(`${question} [y/N] `));
  } finally {
    lines.close();
  }
};

const ignoreRuns = async (folder: string): Promise<void> => {
  const file = join(folder, '.gitignore');
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // There is none yet.
  }
  if (/^\/?runs\/?$/m.test(text)) return;
  await appendFile(file, `${text === '' || text.endsWith('\n') ? '' : '\n'}runs/\n`);
  say('added runs/ to .gitignore');
};

const told = ({ language, test_command, host, name }: Repository): string =>
  [language ?? 'no language that I know', test_command && `tests by "${test_command}"`, name && `${name} at ${host}`]
    .filter(Boolean)
    .join(', ');

/** Writes what works at once in this folder, and says each file. Nothing that is there is replaced without --force. */
export const init = async (path: string, options: InitOptions): Promise<void> => {
  const folder = resolve(path);
  const repository = await detect(folder);
  say(`found ${told(repository)}`);
  const write = async (planned: Planned): Promise<void> => {
    const written = await writePlanned(planned, options.force === true);
    say(`${written ? 'wrote' : 'kept '} ${relative(process.cwd(), planned.path)}`);
  };
  for (const planned of await planFiles(folder, repository)) await write(planned);
  if (repository.git) {
    await ignoreRuns(folder);
    if (await ask('A git hook that tells of each commit?', options.hook, options.yes))
      await write(await planHook(folder));
  }
  if (await ask('A systemd unit?', options.systemd, options.yes)) await write(await planUnit(folder));
  if (repository.host === 'github.com') say('for events of GitHub: conductor webhook add github');
  say('next: conductor serve');
};
