import { Argument, Option, type Command } from 'commander';
import { PROVIDERS, type ProviderName } from '../../core/webhook-providers.js';
import { configOption, jsonOption, rootOption } from '../options.js';
import type { sendWebhook } from '../webhooks/send.js';

const serverOption = (): Option =>
  new Option('--server <url>', 'address of the service (default: the one that owns the root)').env('CONDUCTOR_URL');

export const register = (program: Command): void => {
  const webhook = program.command('webhook').description('deliveries of code hosts and other services');
  webhook
    .command('add')
    .description('makes the secret of a webhook and says what to enter where')
    .addArgument(new Argument('<provider>', 'who sends').choices(PROVIDERS))
    .option('--name <name>', 'its name in the address (default: the provider)')
    .option('--secret-file <file>', 'where the secret is kept (default: ~/.secrets/<name>.secret)')
    .addOption(serverOption())
    .addOption(rootOption())
    .addOption(jsonOption())
    .action(
      async (
        provider: ProviderName,
        options: { name?: string; secretFile?: string; server?: string; root: string; json?: boolean },
      ): Promise<void> => {
        const { addWebhook } = await import('../webhooks/add.js');
        await addWebhook(provider, options);
      },
    );
  webhook
    .command('send')
    .description('signs a payload as its provider would, and posts it')
    .argument('<name>', 'a webhook of the configuration')
    .argument('<file>', 'the payload; - is standard input')
    .option('--event <name>', "the provider's name of the event, as push; where a header says it")
    .option('--delivery <id>', 'the id of the delivery (default: a new one)')
    .option('--content-type <type>', 'of a form, or of application/cloudevents+json', 'application/json')
    .addOption(serverOption())
    .addOption(configOption())
    .addOption(rootOption())
    .addOption(jsonOption())
    .action(async (name: string, file: string, options: Parameters<typeof sendWebhook>[2]): Promise<void> => {
      const { sendWebhook } = await import('../webhooks/send.js');
      await sendWebhook(name, file, options);
    });
  webhook
    .command('list')
    .description('the webhooks of the configuration')
    .addOption(serverOption())
    .addOption(configOption())
    .addOption(rootOption())
    .addOption(jsonOption())
    .action(async (options: { server?: string; root: string; config?: string; json?: boolean }): Promise<void> => {
      const { listWebhooks } = await import('../webhooks/list.js');
      await listWebhooks(options);
    });
};
