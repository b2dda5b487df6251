import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { ConductorError } from '../../core/errors.js';
import { PROVIDERS, type ProviderName } from '../../core/webhook-providers.js';
import { webhookNameSchema } from '../../core/webhook.js';
import { providerOf } from '../../sources/providers/providers.js';
import { createAtomically } from '../../storage/atomic-write.js';
import { expandPath } from '../load-config.js';
import { addressOf, serverOf, type Where } from './address.js';

/** Where the secret is entered, or where the provider shows the one it made. */
export const WHERE: Record<ProviderName, string> = {
  github: 'Settings > Webhooks > Add webhook: content type application/json, and the secret',
  gitlab: 'Settings > Webhooks: the secret as secret token',
  bitbucket: 'Repository settings > Webhooks > Add webhook: the secret',
  gitea: 'Settings > Webhooks > Add webhook > Gitea: the secret',
  stripe: 'Developers > Webhooks > Add endpoint; Stripe has made the secret (whsec_…)',
  slack: 'Event Subscriptions and Slash Commands; the signing secret stands in Basic Information',
  'standard-webhooks': 'where the sender lists its endpoints: the secret',
  generic: 'the sender signs each body with HMAC-SHA256 and says so in X-Signature-256: sha256=<hex>',
};

const made = (provider: ProviderName): string =>
  provider === 'standard-webhooks' ? `whsec_${randomBytes(32).toString('base64')}` : randomBytes(32).toString('hex');

/** These make the secret themselves; it is handed over on standard input. */
const MADE_BY_PROVIDER: readonly ProviderName[] = ['stripe', 'slack'];

const secretOf = async (provider: ProviderName): Promise<string> => {
  if (!MADE_BY_PROVIDER.includes(provider)) return made(provider);
  if (process.stdin.isTTY) process.stderr.write(`Paste the signing secret that ${provider} shows, then Ctrl-D:\n`);
  const secret = (await text(process.stdin)).trim();
  if (secret === '')
    throw new ConductorError(
      'usage',
      `${provider} makes the secret itself: hand it over on standard input, as in: conductor webhook add ${provider} < file`,
    );
  return secret;
};

const snippetOf = (name: string, provider: ProviderName, file: string): string =>
  [
    'webhooks:',
    `  ${name}:`,
    ...((PROVIDERS as readonly string[]).includes(name) && name === provider ? [] : [`    provider: ${provider}`]),
    `    secret_file: ${JSON.stringify(file)}`,
  ].join('\n');

/** The file of a secret that we make, for its owner alone; one that is there is kept. */
export const makeSecretFile = async (
  provider: ProviderName,
  shown: string,
  secret = made(provider),
): Promise<{ file: string; isNew: boolean }> => {
  const file = expandPath(shown, process.cwd());
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  return { file, isNew: await createAtomically(file, `${secret}\n`, 0o600) };
};

/** Makes the secret's file, for its owner alone, and says what to enter where. An existing file is never touched. */
export const addWebhook = async (
  provider: ProviderName,
  options: Where & { name?: string; secretFile?: string; json?: boolean },
): Promise<void> => {
  const name = options.name ?? provider;
  const checked = webhookNameSchema.safeParse(name);
  if (!checked.success) throw new ConductorError('usage', `--name "${name}": ${checked.error.issues[0]?.message}`);
  const url = addressOf(await serverOf(options), name);
  const shown = options.secretFile ?? `~/.secrets/${name}.secret`;
  const secret = await secretOf(provider);
  const fault = providerOf(name, { provider }).verifier.faultOf?.(secret);
  if (fault !== undefined) throw new ConductorError('usage', fault);
  const { file, isNew } = await makeSecretFile(provider, shown, secret);
  if (!isNew)
    throw new ConductorError(
      'conflict',
      `${file} exists. To exchange the secret choose another --secret-file, and list both files as secret_file until the sender has the new one`,
    );
  const config = snippetOf(name, provider, shown);
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ name, provider, url, secret, secret_file: file, config }, null, 2)}\n`);
    return;
  }
  process.stdout.write(`URL     ${url}\nSecret  ${secret}\nFile    ${file}\n\n${config}\n`);
  process.stderr.write(
    `\nEnter at ${provider}: ${WHERE[provider]}.\nPut the lines above into config.yaml: a service that runs takes them within seconds.\n` +
      'The service listens on this machine alone: the sender needs a way to it, as a reverse proxy or a tunnel,\n' +
      'whose name stands in config.yaml, as service: { allowed_hosts: [hooks.example.org] } (from the next start on).\n',
  );
};
