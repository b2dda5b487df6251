import { gitea as verifier } from '../verifiers/gitea.js';
import { headerOf } from '../verifiers/verifier.js';
import { github } from './github.js';
import { table, type Provider, type Row } from './provider.js';

const first = (headers: Parameters<typeof headerOf>[0], what: string): string | undefined =>
  ['gitea', 'forgejo', 'gogs'].map((name) => headerOf(headers, `x-${name}-${what}`)).find((one) => one !== undefined);

/** Where Gitea speaks otherwise than GitHub does. */
const rows: readonly Row[] = [
  {
    on: 'pull_request',
    match: { action: 'synchronized' },
    type: 'PR_UPDATED',
    body: 'Pull request #{number} has new commits: {title}',
    data: {
      repository: 'repository.full_name',
      sender: 'sender.login',
      number: ['number', 'pull_request.number'],
      title: 'pull_request.title',
      branch: 'pull_request.head.ref',
      base: 'pull_request.base.ref',
      sha: 'pull_request.head.sha',
      author: 'pull_request.user.login',
      diff_url: 'pull_request.diff_url',
      html_url: 'pull_request.html_url',
    },
  },
];

/** Gitea, Forgejo and Gogs; their payloads have GitHub's shape. */
export const gitea: Provider = {
  verifier,
  eventOf: ({ headers }) => first(headers, 'event') ?? '',
  deliveryOf: ({ headers }) => first(headers, 'delivery'),
  headersOf: (event, delivery) => ({ 'x-gitea-event': event, 'x-gitea-delivery': delivery }),
  rows: [...table(rows), ...github.rows],
  actor: ['sender.login', 'sender.username', 'pusher.login'],
};
