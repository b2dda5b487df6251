import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test as each } from 'uvu';
import * as assert from 'uvu/assert';
import { needing } from '../support/needing.js';
import { cleanEnvironment, run, temporary, tool } from '../support/service.js';

const folder = temporary('completion');
const env = cleanEnvironment({ TERM: 'xterm' });

const scriptFor = async (shell: string): Promise<string> => {
  const { code, stdout, stderr } = await tool('conductor', ['completion', shell], { env });
  assert.is(code, 0, stderr);
  const file = join(folder, `completion.${shell}`);
  writeFileSync(file, stdout);
  return file;
};

/** What is typed, and what the line is, or may become, when the key was pressed. */
const LINES = [
  ['ta', 'task'],
  ['task cr', 'create'],
  ['rules sim', 'simulate'],
  ['task create --prompt-', '--prompt-file'],
  ['--ver', '--version'],
] as const;

each('a shell that is not known is a usage error', async () => {
  assert.is((await tool('conductor', ['completion', 'tcsh'], { env })).code, 2);
});

each('bash completes commands and options of the level, and files elsewhere', async () => {
  const file = await scriptFor('bash');
  for (const [typed, wanted] of LINES) {
    const words = ['conductor', ...typed.split(' ')];
    const { stdout } = await run(
      'bash',
      [
        '-c',
        `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _conductor; echo "\${COMPREPLY[@]}"`,
      ].concat(['bash', file], words),
      { env },
    );
    assert.is(stdout, `${wanted}\n`, typed);
  }
});

const fish = needing('fish');
fish.test('fish completes the same, with what each is', async () => {
  const file = await scriptFor('fish');
  for (const [typed, wanted] of LINES) {
    const { stdout, stderr } = await run(
      fish.path,
      ['-c', 'source $argv[1]; complete -C "conductor $argv[2]"', file, typed],
      {
        env,
      },
    );
    assert.match(stdout, new RegExp(`^${wanted}\t\\S`, 'm'), `${typed} ${stderr}`);
  }
});

/** A zsh at a terminal, in which the line is typed and the key is pressed; prints what it showed. */
const AT_A_TERMINAL = `
zmodload zsh/zpty
zpty -b shell 'zsh -f -i'
shown=
until_shown() { local chunk; repeat 400; do
  zpty -r -t shell chunk && shown+=$chunk || sleep 0.05
  [[ $shown == *"$1"* ]] && return 0
done; print -r -- "never shown: $1 in $shown"; exit 1 }
zpty -w shell "PS1=; autoload -U compinit; compinit -D -u; source '$1'; print re''ady"
until_shown ready
shown=
zpty -w -n shell "conductor $2"$'\\t'
until_shown "$3"
print -r -- "$shown"
`;

const zsh = needing('zsh');
zsh.test('zsh completes the same, with no word of complaint', async () => {
  const file = await scriptFor('zsh');
  for (const [typed, wanted] of LINES) {
    const whole = [...typed.split(' ').slice(0, -1), wanted].join(' ');
    const { code, stdout } = await run(
      zsh.path,
      ['-f', '-c', AT_A_TERMINAL, 'zsh', file, typed, `conductor ${whole}`],
      {
        env,
      },
    );
    assert.is(code, 0, stdout);
    assert.not.match(stdout, /_conductor|error|not found/);
  }
});

each.run();
