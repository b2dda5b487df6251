import type { Command } from 'commander';

const MESSAGE = 'MSG-20261121-013000-000000000-PID1-0001';

/** What a person would type, by command. A noun without its own shows the first of each of its commands. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  '': ['init', 'serve', 'task create --agent claude --prompt "Fix the login form"', 'top', 'doctor'],
  serve: ['serve', 'serve --port 8080 --root /srv/runs', 'serve --unix-socket /run/conductor.sock'],
  'task create': [
    'task create --project web --task fix-login --agent claude --prompt "Fix the login form"',
    'task create --prompt-file prompts/nightly.md --timeout 15m --wait',
    'task create --task docs --prompt "Write the docs" --depends-on fix-login',
  ],
  'task list': [
    'task list --status pending | wc -l',
    'task list --project web --json',
    'task list --server https://conductor.example.org',
  ],
  'task show': ['task show fix-login', 'task show web/fix-login --json'],
  'task stop': ['task stop web/fix-login --reason "wrong branch"'],
  'task resume': ['task resume fix-login', 'task resume fix-login --agent codex --prompt "Now the tests"'],
  'task logs': ['task logs fix-login --follow', 'task logs fix-login --file stderr --tail 20'],
  'task delete': ['task delete web/fix-login', 'task delete web/fix-login --force'],
  status: ['status', 'status --json'],
  runs: ['runs --status failed --limit 10', 'runs --project web --json'],
  'queue list': ['queue', 'queue list --json'],
  'queue move': ['queue move 20261121-0130000000-1-1 --priority 0'],
  'queue cancel': ['queue cancel 20261121-0130000000-1-1'],
  top: ['top', 'top --once'],
  pause: ['pause'],
  unpause: ['unpause'],
  stop: ['stop --all'],
  'rules list': ['rules list', 'rules list --json'],
  'rules check': ['rules check', 'rules check --rules new-rules --json'],
  'rules test': ['rules test', 'rules test fix-red-main'],
  'rules explain': [`rules explain ${MESSAGE}`, `rules explain ${MESSAGE} --all`],
  'rules simulate': ['rules simulate --rules new-rules --since 7d'],
  'rules stats': ['rules stats', 'rules stats --json'],
  'rules enable': ['rules enable fix-red-main'],
  'rules disable': ['rules disable fix-red-main --for 2h --reason "the suite is flaky today"'],
  'rules schema': ['rules schema > rules/rules.schema.json'],
  'handlers list': ['handlers list', 'handlers list --json'],
  'handlers check': ['handlers check'],
  'handlers graph': ['handlers graph example-review', 'handlers graph example-review --mermaid'],
  'handlers run': ['handlers run example-saga', 'handlers run fix-tests --event fixtures/red.json'],
  'handlers resume': ['handlers resume fix-tests-20261121-013000-1', 'handlers resume web/fix-tests-1 --latest'],
  'handlers cancel': ['handlers cancel fix-tests-20261121-013000-1 --reason "no longer needed"'],
  'handlers schema': ['handlers schema > handlers/handlers.schema.json'],
  approve: [
    'approve',
    'approve deploy-20261121-013000-1',
    'approve deploy-20261121-013000-1 --reject --comment "not on a Friday"',
  ],
  trace: [`trace ${MESSAGE}`, `trace ${MESSAGE} --json`],
  'events list': ['events list --type TEST_FAILED --tail 5'],
  'events follow': ['events follow --project web --json'],
  'events show': [`events show ${MESSAGE}`],
  'events types': ['events types', 'events types --json'],
  'events replay': [`events replay ${MESSAGE}`],
  'dlq list': ['dlq list', 'dlq list --json'],
  'dlq retry': [`dlq retry fix-red-main/${MESSAGE}`, 'dlq retry --all'],
  'webhook add': ['webhook add github', 'webhook add generic --name builds --secret-file ~/.secrets/builds.secret'],
  'webhook send': [
    'webhook send github fixtures/push.json --event push',
    'webhook send builds event.json --content-type application/cloudevents+json',
  ],
  'webhook list': ['webhook list', 'webhook list --json'],
  ui: ['ui'],
  token: ['token', 'token --scope read --for 8h', 'token --replace'],
  mcp: ['mcp'],
  'config check': ['config check', 'config check --config other.yaml'],
  'config show': ['config show --origin', 'config show --json'],
  'config schema': ['config schema > .conductor-schema.json'],
  'config init': ['config init'],
  init: ['init', 'init --hook --systemd', 'init --webhook https://conductor.example.org', 'init ../app --yes'],
  doctor: ['doctor', 'doctor --production', 'doctor --offline --json'],
  gc: ['gc --dry-run', 'gc --older-than 30d --keep-failed', 'gc --bus-older-than 90d'],
  'backup create': ['backup create', 'backup create /mnt/backup/monday.tar.gz'],
  'backup restore': ['backup restore /mnt/backup/monday.tar.gz --root restored'],
  completion: [
    'completion bash > ~/.local/share/bash-completion/completions/conductor',
    'completion zsh > ~/.conductor.zsh # then "source ~/.conductor.zsh" after compinit in ~/.zshrc',
    'completion fish > ~/.config/fish/completions/conductor.fish',
  ],
};

const examplesOf = (command: Command, path: string): readonly string[] =>
  EXAMPLES[path] ??
  command.commands.flatMap((one) => examplesOf(one, `${path} ${one.name()}`.trim())[0] ?? []).slice(0, 12);

/** Puts examples below the help of every command. */
export const giveExamples = (command: Command, path = ''): void => {
  const lines = examplesOf(command, path).map((line) => `\n  conductor ${line}`);
  command.addHelpText('after', `\nExamples:${lines.join('')}`);
  for (const one of command.commands) giveExamples(one, `${path} ${one.name()}`.trim());
};
