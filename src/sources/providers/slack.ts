import { getPath } from '../../core/match.js';
import { textAt } from '../json.js';
import { slack as verifier } from '../verifiers/slack.js';
import { headerOf } from '../verifiers/verifier.js';
import { table, type Provider, type Row } from './provider.js';

const data: NonNullable<Row['data']> = {
  event: ['event.type', 'type', 'command'],
  text: { from: ['event.text', 'text', 'message.text'], most: 4_000 },
  user: ['event.user', 'user.id', 'user_id'],
  channel: ['event.channel', 'event.item.channel', 'channel.id', 'channel_id'],
  thread: ['event.thread_ts', 'message.thread_ts'],
  ts: ['event.ts', 'event.event_ts', 'action_ts'],
  team: ['team_id', 'team.id'],
  command: 'command',
  action: ['actions.0.action_id', 'callback_id'],
  value: ['actions.0.value', 'event.reaction'],
};

/** Events, slash commands and buttons. What has no row of its own is told under its own name, as SLACK_REACTION_ADDED. */
export const slack: Provider = {
  verifier,
  eventOf: ({ payload }) =>
    textAt(payload, 'event.type') ?? (textAt(payload, 'command') ? 'command' : (textAt(payload, 'type') ?? '')),
  deliveryOf: ({ payload, headers }) =>
    textAt(payload, 'event_id', 200) ?? textAt(payload, 'trigger_id', 200) ?? headerOf(headers, 'x-slack-signature'),
  rows: table([
    { on: 'app_mention', type: 'MENTIONED', body: '{user} in {channel}: {text}', data },
    { on: 'message', type: 'CHAT_MESSAGE', body: '{user} in {channel}: {text}', data },
    { on: 'command', type: 'CHAT_COMMAND', body: '{user} in {channel}: {command} {text}', data },
    {
      on: '*',
      match: { 'event.type': { exists: true } },
      type: { from: 'event.type', prefix: 'SLACK_' },
      body: '{event} {user}',
      data,
    },
    { on: '*', type: { from: 'type', prefix: 'SLACK_' }, body: '{event} {user} {action}', data },
  ]),
  actor: ['event.user', 'user.id', 'user_id', 'event.bot_id'],
  isBot: (payload) => getPath(payload, 'event.bot_id') !== undefined,
  challengeOf: (payload) =>
    textAt(payload, 'type') === 'url_verification' ? textAt(payload, 'challenge', 500) : undefined,
};
