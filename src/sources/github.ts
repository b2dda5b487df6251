import { compact, listAt, numberAt, at, textAt, type Json } from './json.js';

/** What a delivery means to us. */
export interface Meaning {
  type: string;
  body: string;
  data: Record<string, unknown>;
}

const FAILED = new Set(['failure', 'error', 'timed_out', 'startup_failure']);
const MOST_COMMITS = 20;
const NO_COMMIT = /^0+$/;

const shared = (payload: Json): Json => ({
  repository: textAt(payload, 'repository.full_name'),
  sender: textAt(payload, 'sender.login'),
});

const push = (payload: Json): Meaning | undefined => {
  const ref = textAt(payload, 'ref') ?? '';
  const sha = textAt(payload, 'after');
  // A deleted branch is told as a push too, but there is no code in it to act on.
  if (at(payload, 'deleted') === true || sha === undefined || NO_COMMIT.test(sha)) return undefined;
  const branch = ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : undefined;
  const tag = ref.startsWith('refs/tags/') ? ref.slice('refs/tags/'.length) : undefined;
  const commits = listAt(payload, 'commits');
  const pusher = textAt(payload, 'pusher.name') ?? textAt(payload, 'sender.login');
  return {
    type: 'CODE_PUSHED',
    body: `${pusher ?? 'someone'} pushed ${commits.length} commit${commits.length === 1 ? '' : 's'} to ${
      textAt(payload, 'repository.full_name') ?? 'a repository'
    } ${branch ?? tag ?? ref}`,
    data: compact({
      ...shared(payload),
      branch,
      tag,
      sha,
      before: textAt(payload, 'before'),
      ref,
      // The newest are last; they are the ones a reader wants.
      commits: commits.slice(-MOST_COMMITS).map((commit) =>
        compact({
          id: textAt(commit, 'id'),
          message: textAt(commit, 'message', 500),
          author: textAt(commit, 'author.username', 100) ?? textAt(commit, 'author.name', 100),
        }),
      ),
      commit_count: commits.length,
      pusher,
      forced: at(payload, 'forced') === true ? true : undefined,
      html_url: textAt(payload, 'compare') ?? textAt(payload, 'head_commit.url'),
    }),
  };
};

const pullRequest = (payload: Json): Meaning | undefined => {
  if (textAt(payload, 'action') !== 'opened') return undefined;
  const number = numberAt(payload, 'number') ?? numberAt(payload, 'pull_request.number');
  const title = textAt(payload, 'pull_request.title');
  return {
    type: 'PR_OPENED',
    body: `Pull request ${number === undefined ? '' : `#${number} `}opened: ${title ?? '(no title)'}`,
    data: compact({
      ...shared(payload),
      number,
      title,
      branch: textAt(payload, 'pull_request.head.ref'),
      base: textAt(payload, 'pull_request.base.ref'),
      sha: textAt(payload, 'pull_request.head.sha'),
      head_repository: textAt(payload, 'pull_request.head.repo.full_name'),
      author: textAt(payload, 'pull_request.user.login'),
      draft: at(payload, 'pull_request.draft') === true ? true : undefined,
      diff_url: textAt(payload, 'pull_request.diff_url'),
      html_url: textAt(payload, 'pull_request.html_url'),
    }),
  };
};

const textOr = <Other>(value: unknown, other: Other): string | Other => (typeof value === 'string' ? value : other);

const failure = (payload: Json, fields: Json): Meaning | undefined => {
  const conclusion = fields['conclusion'];
  if (typeof conclusion !== 'string' || !FAILED.has(conclusion)) return undefined;
  const where = [textAt(payload, 'repository.full_name'), textOr(fields['branch'], undefined)]
    .filter((part) => part !== undefined)
    .join(' ');
  return {
    type: 'TEST_FAILED',
    body: `${textOr(fields['name'], 'A check')} ended with ${conclusion}${where === '' ? '' : ` on ${where}`}`,
    data: compact({ ...shared(payload), ...fields }),
  };
};

/** check_run, check_suite and workflow_run say the same under a key of their own name. */
const completed =
  (key: string, name: (payload: Json) => string | undefined) =>
  (payload: Json): Meaning | undefined =>
    textAt(payload, 'action') === 'completed'
      ? failure(payload, {
          conclusion: textAt(payload, `${key}.conclusion`),
          name: name(payload),
          branch: textAt(payload, `${key}.head_branch`) ?? textAt(payload, `${key}.check_suite.head_branch`),
          sha: textAt(payload, `${key}.head_sha`),
          number: numberAt(listAt(payload, `${key}.pull_requests`)[0], 'number'),
          attempt: numberAt(payload, `${key}.run_attempt`),
          html_url: textAt(payload, `${key}.html_url`) ?? textAt(payload, `${key}.details_url`),
        })
      : undefined;

const status = (payload: Json): Meaning | undefined =>
  failure(payload, {
    conclusion: textAt(payload, 'state'),
    name: textAt(payload, 'context'),
    branch: textAt(listAt(payload, 'branches')[0], 'name'),
    sha: textAt(payload, 'sha'),
    description: textAt(payload, 'description'),
    html_url: textAt(payload, 'target_url'),
  });

const MEANINGS: Readonly<Record<string, (payload: Json) => Meaning | undefined>> = {
  push,
  pull_request: pullRequest,
  check_run: completed('check_run', (payload) => textAt(payload, 'check_run.name')),
  check_suite: completed('check_suite', (payload) => textAt(payload, 'check_suite.app.name')),
  workflow_run: completed('workflow_run', (payload) => textAt(payload, 'workflow_run.name')),
  status,
};

/** Undefined: nothing here answers to it. */
export const readGithub = (event: string, payload: Json): Meaning | undefined =>
  Object.hasOwn(MEANINGS, event) ? MEANINGS[event]?.(payload) : undefined;
