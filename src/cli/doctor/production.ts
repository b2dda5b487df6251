import type { LoadedConfig } from '../load-config.js';
import { finding, type Finding } from './finding.js';

/** The checklist for production: what a program can see is looked at, the rest is asked. */
export const checkProduction = (loaded: LoadedConfig, others: readonly Finding[]): Finding[] => {
  const { config } = loaded;
  const failing = (check: string): boolean =>
    others.some((one) => one.check.startsWith(check) && one.verdict === 'fail');
  const has = (metric: string): boolean => config.alerts.some((alert) => alert.condition.metric === metric);
  const healthTimer = Object.hasOwn(config.timers, 'health');
  const limited = config.rate_limits.per_agent.requests_per_day !== undefined;
  const names = config.service.allowed_hosts;
  return [
    failing('credential')
      ? finding('API keys', 'fail', 'a key cannot be read', 'see above')
      : finding('API keys', 'ok', 'in files of their own or the environment; config.yaml takes none'),
    failing('permissions')
      ? finding('permissions of keys', 'fail', 'see above', 'chmod 600')
      : finding('permissions of keys', 'ok', '600'),
    names.length === 0
      ? finding('HTTPS', 'ok', 'only this machine is answered')
      : finding('HTTPS', 'ask', `${names.join(', ')} are answered`, 'a proxy with a valid certificate in front'),
    finding('origins', 'ok', `pages of ${names.length === 0 ? 'this machine' : names.join(', ')} alone`),
    finding('firewall', 'ask', 'may anybody else reach the port?', 'listen on 127.0.0.1, as the default does'),
    others.some((one) => one.check === 'service' && one.verdict === 'ok')
      ? finding('health', 'ok', 'answered')
      : finding('health', 'warn', 'no service answered', 'conductor serve, then look again'),
    Object.keys(config.timers).some((name) => name.includes('backup'))
      ? finding(
          'backup',
          'ask',
          'there is a timer; was a backup restored once?',
          'conductor backup restore --root /tmp/try',
        )
      : finding('backup', 'warn', 'no timer for it', 'timers: { backup: { cron: "0 2 * * *" } } and a rule, or cron'),
    config.alerts.length > 0 && healthTimer
      ? finding('alerts', 'ok', config.alerts.map((alert) => alert.name).join(', '))
      : finding(
          'alerts',
          'warn',
          'only the shipped thresholds',
          'alerts: […] in config.yaml, and a rule on HEALTH_ALERT',
        ),
    finding('log rotation', 'ask', 'who rotates what the service writes to stderr?', 'journald, or logrotate'),
    has('disk_usage_percent') || healthTimer
      ? finding('disk alerts', 'ok', has('disk_usage_percent') ? 'configured' : 'check-health, over 85 %')
      : finding('disk alerts', 'warn', 'none', 'timers: { health: { every: 60s } }'),
    limited
      ? finding('limits', 'ok', `${config.defaults.max_concurrent} at once, ${config.defaults.timeout / 1_000} s`)
      : finding('limits', 'warn', 'no rate limit', 'rate_limits: { per_agent: { requests_per_day: 1000 } }'),
    finding('error handling', 'ask', 'were timeouts, failures and retries tried?', 'npm test, npm run chaos'),
    finding('integration tests', 'ask', 'do yours pass?', 'conductor rules test'),
    finding('load tests', 'ask', 'at the scale you expect?', 'npm run bench'),
    finding('rollback', 'ask', 'is it written down, and tried?', 'deploy.rollback of config.yaml'),
    finding('runbook', 'ask', 'who is called, and what do they do?', 'conductor pause, status, dlq, trace'),
    finding('security audit', 'ask', 'done?', 'rules with trust: full for events from outside come first'),
    finding('pinned versions', 'ask', 'are the agents installed at fixed versions?', 'npm install -g --save-exact'),
    finding('images', 'ask', 'are they tagged with versions?', 'never deploy "latest"'),
    process.env['CONDUCTOR_CONFIG'] || loaded.file
      ? finding('configuration of its own', 'ok', loaded.file ?? '')
      : finding(
          'configuration of its own',
          'warn',
          'the defaults',
          'one file for each place, named by CONDUCTOR_CONFIG',
        ),
    finding('secrets management', 'ask', 'where do the files of secrets come from?', 'a vault that writes token_file'),
  ];
};
