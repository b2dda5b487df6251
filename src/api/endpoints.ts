import type { ApiOptions } from './doors.js';
import type { Endpoint } from './endpoint.js';
import { openapiRoutes } from './openapi/routes.js';
import { activationRoutes } from './routes/activations.js';
import { approvalRoutes } from './routes/approvals.js';
import { deadLetterRoutes } from './routes/dead-letters.js';
import { handlerRoutes } from './routes/handlers.js';
import { healthRoutes } from './routes/health.js';
import { loginRoutes } from './routes/login.js';
import { mcpRoutes } from './routes/mcp.js';
import { messageRoutes } from './routes/messages.js';
import { metricsRoutes } from './routes/metrics.js';
import { nightSwitchRoutes } from './routes/night-switch.js';
import { pageRoutes } from './routes/page.js';
import { ruleRoutes } from './routes/rules.js';
import { runRoutes } from './routes/runs.js';
import { statusRoutes } from './routes/status.js';
import { streamRoutes } from './routes/streams.js';
import { taskRoutes } from './routes/tasks.js';
import { versionRoutes } from './routes/version.js';
import { webhookRoutes } from './routes/webhooks.js';

/** Everything that the service answers to over HTTP, one noun after the other. */
export const endpointsOf = (options: ApiOptions): Endpoint[] => {
  const nouns = [
    healthRoutes,
    versionRoutes,
    statusRoutes,
    // Before the nouns whose `:id` would take the word `stream` for one.
    streamRoutes,
    messageRoutes,
    runRoutes,
    taskRoutes,
    activationRoutes,
    deadLetterRoutes,
    ruleRoutes,
    handlerRoutes,
    approvalRoutes,
    webhookRoutes,
    metricsRoutes,
    nightSwitchRoutes,
    loginRoutes,
    mcpRoutes,
    pageRoutes,
  ].flatMap((routes) => routes(options));
  return [...nouns, ...openapiRoutes(nouns, options.version)];
};
