import { readFile } from 'node:fs/promises';
import { ConductorError, toConductorError } from '../../core/errors.js';
import type { ProviderName } from '../../core/webhook-providers.js';
import { makeSecretFile, WHERE } from '../webhooks/add.js';
import { addressOf } from '../webhooks/address.js';
import type { Repository } from './detect.js';

const HOSTS: Readonly<Record<string, ProviderName>> = {
  'github.com': 'github',
  'gitlab.com': 'gitlab',
  'bitbucket.org': 'bitbucket',
  'codeberg.org': 'gitea',
};
/** What the shipped rules and the recipes answer to. */
const EVENTS = ['push', 'pull_request', 'issues', 'issue_comment', 'check_suite', 'workflow_run', 'release'];
const LIMIT_MS = 10_000;

/** Who sends the events of the repository; undefined where its host is none that we know. */
export const providerOf = ({ host, name }: Repository): ProviderName | undefined =>
  host === undefined || name === undefined
    ? undefined
    : (HOSTS[host] ?? (['github', 'gitlab', 'gitea'] as const).find((word) => host.includes(word)));

/** As it stands in config.yaml. */
export const webhookEntry = (provider: ProviderName) => ({
  [provider]: { secret_file: `~/.secrets/${provider}.secret` },
});

const createAtGithub = async (name: string, url: string, secret: string, token: string): Promise<void> => {
  const api = process.env['GITHUB_API_URL'] || 'https://api.github.com';
  const answer = await fetch(`${api}/repos/${name}/hooks`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/vnd.github+json',
      'content-type': 'application/json',
      'user-agent': 'conductor-loop',
    },
    body: JSON.stringify({ name: 'web', active: true, events: EVENTS, config: { url, content_type: 'json', secret } }),
    redirect: 'error',
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  const text = await answer.text();
  if (!answer.ok) throw new ConductorError('unavailable', `${answer.status} ${text.slice(0, 200)}`);
};

/**
 * Makes the secret where there is none, then the webhook itself where an address and a token of GitHub are given; else says
 * what to enter where.
 */
export const setUpWebhook = async (
  provider: ProviderName,
  repository: Repository,
  address: string | undefined,
  say: (line: string) => void,
): Promise<void> => {
  const { file, isNew } = await makeSecretFile(provider, `~/.secrets/${provider}.secret`);
  say(`${isNew ? 'wrote' : 'kept '} ${file}`);
  const token = process.env['GITHUB_TOKEN'] || process.env['GH_TOKEN'];
  const { host, name = '' } = repository;
  const url = address === undefined ? `https://YOUR-ADDRESS/webhooks/${provider}` : addressOf(address, provider);
  if (address !== undefined && host === 'github.com' && token) {
    try {
      await createAtGithub(name, url, (await readFile(file, 'utf8')).trim(), token);
      say(`made  the webhook of ${name} at ${host}, delivered to ${url}`);
      return;
    } catch (error) {
      say(`the webhook could not be made: ${toConductorError(error).message}`);
    }
  }
  say(`for events of ${name}, enter at ${host}:`);
  say(`  ${WHERE[provider]}`);
  say(`  URL     ${url}`);
  say(`  Secret  the text of ${file}`);
};
