import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';

export interface Repository {
  language: string | undefined;
  test_command: string | undefined;
  /** Whether the folder is a git repository at all. */
  git: boolean;
  /** `github.com`, `gitlab.com` … */
  host?: string;
  /** `acme/app`. */
  name?: string;
}

const has = (folder: string, name: string): boolean => existsSync(join(folder, name));
const holds = (folder: string, name: string, pattern: RegExp): boolean =>
  has(folder, name) && pattern.test(readFileSync(join(folder, name), 'utf8'));

/** In this order: what a Makefile says is what the people of the repository run. */
const KINDS: readonly { language: string; test: string | undefined; found: (folder: string) => boolean }[] = [
  { language: 'make', test: 'make test', found: (folder) => holds(folder, 'Makefile', /^test:/m) },
  { language: 'node', test: 'npm test', found: (folder) => holds(folder, 'package.json', /"test"\s*:/) },
  { language: 'rust', test: 'cargo test', found: (folder) => has(folder, 'Cargo.toml') },
  { language: 'go', test: 'go test ./...', found: (folder) => has(folder, 'go.mod') },
  {
    language: 'python',
    test: 'pytest',
    found: (folder) => ['pyproject.toml', 'pytest.ini', 'setup.py', 'tox.ini'].some((name) => has(folder, name)),
  },
  { language: 'java', test: './gradlew test', found: (folder) => has(folder, 'gradlew') },
  { language: 'java', test: 'mvn -q test', found: (folder) => has(folder, 'pom.xml') },
  { language: 'ruby', test: 'bundle exec rake test', found: (folder) => has(folder, 'Gemfile') },
  { language: 'node', test: undefined, found: (folder) => has(folder, 'package.json') },
];

/** `git@github.com:acme/app.git` and `https://github.com/acme/app` alike. */
export const parseRemote = (url: string): { host: string; name: string } | undefined => {
  const [, host, name] = /^(?:\w+:\/\/)?(?:[^@/]+@)?([^:/]+)(?::\d+)?[:/](.+?)(?:\.git)?\/?$/.exec(url.trim()) ?? [];
  return host === undefined || name === undefined || !host.includes('.') ? undefined : { host, name };
};

export const detect = async (folder: string): Promise<Repository> => {
  const kind = KINDS.find(({ found }) => found(folder));
  const git = has(folder, '.git');
  const remote = git
    ? await execa('git', ['remote', 'get-url', 'origin'], { cwd: folder, reject: false })
    : { exitCode: 1, stdout: '' };
  return {
    language: kind?.language,
    test_command: kind?.test,
    git,
    ...(remote.exitCode === 0 ? parseRemote(remote.stdout) : {}),
  };
};
