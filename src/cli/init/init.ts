import { readFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { stringify } from 'yaml';
import { ConductorError } from '../../core/errors.js';
import { detect, type Repository } from './detect.js';
import { planFiles, planHook, planUnit, writePlanned, type Planned } from './files.js';
import { providerOf, setUpWebhook, webhookEntry } from './webhook.js';

export interface InitOptions {
  hook?: boolean;
  systemd?: boolean;
  /** The address under which the code host reaches the service; true: not known yet. */
  webhook?: boolean | string;
  force?: boolean;
  yes?: boolean;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** What a person says to each question, where one is there who may be asked; else only what was said before counts. */
const answersOf = async (
  questions: readonly { question: string; said: boolean | undefined }[],
  yes: boolean | undefined,
): Promise<boolean[]> => {
  if (yes || !process.stdin.isTTY || !process.stdout.isTTY) return questions.map(({ said }) => said === true);
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const left = new AbortController();
  lines.once('SIGINT', () => left.abort()).once('close', () => left.abort());
  try {
    const answers: boolean[] = [];
    for (const { question, said } of questions)
      answers.push(said ?? /^y/i.test(await lines.question(`${question} [y/N] `, { signal: left.signal })));
    return answers;
  } catch (error) {
    if (!left.signal.aborted) throw error;
    say('');
    throw new ConductorError('stopped', 'left before anything was written', { cause: error });
  } finally {
    lines.close();
  }
};

const saidOf = (webhook: boolean | string | undefined): boolean | undefined =>
  typeof webhook === 'string' ? true : webhook;

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
  const write = async (planned: Planned): Promise<boolean> => {
    const written = await writePlanned(planned, options.force === true);
    say(`${written ? 'wrote' : 'kept '} ${relative(process.cwd(), planned.path)}`);
    return written;
  };
  const sender = providerOf(repository);
  // Asked before anything is written: whoever leaves meanwhile has changed nothing.
  const [wantsWebhook, wantsHook, wantsUnit] = await answersOf(
    [
      { question: `A webhook of ${sender}?`, said: sender === undefined ? false : saidOf(options.webhook) },
      { question: 'A git hook that tells of each commit?', said: repository.git ? options.hook : false },
      { question: 'A systemd unit?', said: options.systemd },
    ],
    options.yes,
  );
  const provider = wantsWebhook ? sender : undefined;
  const webhooks = provider && webhookEntry(provider);
  const [config, schema, ...others] = await planFiles(folder, repository, webhooks);
  const isOurs = config !== undefined && (await write(config));
  if (schema) await write(schema);
  for (const name of ['rules', 'handlers']) {
    const files = others.filter(({ path }) => path.startsWith(join(folder, name, sep)));
    let written = 0;
    for (const planned of files) if (await writePlanned(planned, options.force === true)) written += 1;
    const there = files.length - written;
    const kept = there > 0 && written > 0 ? `; ${there} that were there are kept` : '';
    const shown = relative(process.cwd(), join(folder, name));
    say(written > 0 ? `wrote ${shown}/ (${written} files${kept})` : `kept  ${shown}/ (${there} files)`);
  }
  if (repository.git) {
    await ignoreRuns(folder);
    if (wantsHook) await write(await planHook(folder));
  }
  if (wantsUnit) await write(await planUnit(folder));
  if (provider !== undefined) {
    const address = typeof options.webhook === 'string' ? options.webhook : undefined;
    await setUpWebhook(provider, repository, address, say);
    if (!isOurs) say(`put into config.yaml:\n${stringify({ webhooks }).trimEnd()}`);
  } else if (sender !== undefined) say(`for events of ${sender}: conductor webhook add ${sender}`);
  say('next: conductor doctor, then conductor serve');
};
