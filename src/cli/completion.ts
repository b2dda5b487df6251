import type { Command } from 'commander';

interface Level {
  /** The words that lead here: `task create`. */
  path: string;
  commands: { name: string; description: string }[];
  options: { flag: string; description: string }[];
}

const levelsOf = (command: Command, path: string[] = []): Level[] => [
  {
    path: path.join(' '),
    commands: command.commands.map((one) => ({ name: one.name(), description: one.description() })),
    options: [
      ...command.options.flatMap((option) =>
        [option.short, option.long]
          .filter((flag) => flag?.startsWith('--'))
          .map((flag) => ({ flag: flag!, description: option.description })),
      ),
      { flag: '--help', description: 'help' },
    ],
  },
  ...command.commands.flatMap((one) => levelsOf(one, [...path, one.name()])),
];

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const wordsOf = ({ commands, options }: Level): string =>
  [...commands.map(({ name }) => name), ...options.map(({ flag }) => flag)].join(' ');

const entriesOf = ({ commands, options }: Level): string[] =>
  [...commands, ...options.map(({ flag, description }) => ({ name: flag, description }))].map(
    ({ name, description }) => `${name}:${description.replaceAll('\n', ' ')}`,
  );

/** The words before the cursor that are commands lead to the level; files complete where nothing else does. */
const bash = (levels: readonly Level[]): string => `_conductor() {
  local path= word current=\${COMP_WORDS[COMP_CWORD]}
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " $(_conductor_words "$path") " in *" $word "*) case $word in -*) ;; *) path=\${path:+$path }$word ;; esac ;; esac
  done
  COMPREPLY=($(compgen -W "$(_conductor_words "$path")" -- "$current"))
}
_conductor_words() {
  case $1 in
${levels.map((level) => `    ${quoted(level.path)}) echo ${quoted(wordsOf(level))} ;;`).join('\n')}
  esac
}
complete -o default -F _conductor conductor
`;

/** Its own, for zsh reads the words of a bash function otherwise than bash does. */
const zsh = (levels: readonly Level[]): string => `#compdef conductor
_conductor() {
  local level= word
  local -a entries
  for word in \${words[2,CURRENT-1]}; do
    _conductor_entries "$level"
    [[ $word != -* && -n \${(M)entries:#$word:*} ]] && level=\${level:+$level }$word
  done
  _conductor_entries "$level"
  _describe conductor entries || _files
}
_conductor_entries() {
  case $1 in
${levels.map((level) => `    ${quoted(level.path)}) entries=(${entriesOf(level).map(quoted).join(' ')}) ;;`).join('\n')}
  esac
}
compdef _conductor conductor
`;

const fish = (levels: readonly Level[]): string =>
  levels
    .flatMap((level) => {
      const path = level.path.split(' ').filter(Boolean);
      const others = level.commands.map(({ name }) => name).join(' ');
      const here = [
        ...path.map((word) => `__fish_seen_subcommand_from ${word}`),
        ...(path.length === 0
          ? ['__fish_use_subcommand']
          : others
            ? [`not __fish_seen_subcommand_from ${others}`]
            : []),
      ].join('; and ');
      const line = (rest: string, description: string): string =>
        `complete -c conductor -n ${quoted(here)} ${rest} -d ${quoted(description)}`;
      return [
        ...level.commands.map(({ name, description }) => line(`-f -a ${name}`, description)),
        ...level.options.map(({ flag, description }) => line(`-l ${flag.slice(2)}`, description)),
      ];
    })
    .map((line) => `${line}\n`)
    .join('');

export const completionFor = (program: Command, shell: 'bash' | 'zsh' | 'fish'): string =>
  ({ bash, zsh, fish })[shell](levelsOf(program));
