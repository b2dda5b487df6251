import { loadConfig } from '../load-config.js';
import { printTable } from '../table.js';
import { addressOf, serverOf, type Where } from './address.js';

export const listWebhooks = async (options: Where & { config?: string; json?: boolean }): Promise<void> => {
  const server = await serverOf(options);
  const { config } = loadConfig(options.config);
  printTable(
    Object.entries(config.webhooks).map(([name, { provider, secret_file, events }]) => ({
      name,
      provider: provider ?? name,
      url: addressOf(server, name),
      secret_files: secret_file,
      events: events.length,
    })),
    [
      { title: 'name', of: (one) => one.name },
      { title: 'provider', of: (one) => one.provider },
      { title: 'url', of: (one) => one.url },
      { title: 'secrets', of: (one) => one.secret_files.length },
      { title: 'own events', of: (one) => one.events },
    ],
    { json: options.json, name: 'webhooks' },
  );
};
