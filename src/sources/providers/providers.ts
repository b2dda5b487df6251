import { ConductorError } from '../../core/errors.js';
import { PROVIDERS, type ProviderName } from '../../core/webhook-providers.js';
import type { WebhookOptions } from '../../core/webhook.js';
import { bitbucket } from './bitbucket.js';
import { generic } from './generic.js';
import { gitea } from './gitea.js';
import { github } from './github.js';
import { gitlab } from './gitlab.js';
import type { Provider } from './provider.js';
import { slack } from './slack.js';
import { standardWebhooks } from './standard-webhooks.js';
import { stripe } from './stripe.js';

type Options = Partial<Pick<WebhookOptions, 'provider' | 'signature' | 'event' | 'delivery'>>;

/** The providers whose events are told by rows. */
export const KNOWN: Record<Exclude<ProviderName, 'generic'>, Provider> = {
  github,
  gitlab,
  bitbucket,
  gitea,
  stripe,
  slack,
  'standard-webhooks': standardWebhooks,
};

/** The provider that is named, else the one of the webhook's own name. */
export const providerOf = (name: string, options: Options): Provider => {
  const provider = options.provider ?? PROVIDERS.find((one) => one === name);
  if (provider === undefined)
    throw new ConductorError('configuration', `webhooks.${name}: say which provider it is: ${PROVIDERS.join(', ')}`);
  if (provider === 'generic') return generic(options);
  const surplus = (['signature', 'event', 'delivery'] as const).find((key) => options[key] !== undefined);
  if (surplus !== undefined)
    throw new ConductorError('configuration', `webhooks.${name}.${surplus}: only a generic provider takes it`);
  return KNOWN[provider];
};
