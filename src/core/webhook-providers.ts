export const PROVIDERS = [
  'github',
  'gitlab',
  'bitbucket',
  'gitea',
  'stripe',
  'slack',
  'standard-webhooks',
  'generic',
] as const;
export type ProviderName = (typeof PROVIDERS)[number];
