import { execa } from 'execa';
import type { RunnableAgent } from '../../runner/agents.js';
import { readSecret, type LoadedConfig } from '../load-config.js';
import { finding, type Finding } from './finding.js';

const LIMIT_MS = 5_000;

interface Service {
  /** Variables that say where it is, else this. */
  at: readonly string[];
  usual: string;
  /** The list of its models: whoever has a good key may read it, and it costs nothing. */
  models: string;
  headers: (secret: string, key: string) => Record<string, string>;
}

const bearer = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` });

/** Perplexity has nothing to ask that is free. */
const SERVICES: Readonly<Record<string, Service>> = {
  claude: {
    at: ['ANTHROPIC_BASE_URL'],
    usual: 'https://api.anthropic.com',
    models: '/v1/models?limit=1',
    headers: (secret, key) => ({
      'anthropic-version': '2023-06-01',
      ...(key === 'ANTHROPIC_AUTH_TOKEN' ? bearer(secret) : { 'x-api-key': secret }),
    }),
  },
  codex: { at: ['OPENAI_BASE_URL'], usual: 'https://api.openai.com/v1', models: '/models', headers: bearer },
  gemini: {
    at: ['GOOGLE_GEMINI_BASE_URL'],
    usual: 'https://generativelanguage.googleapis.com',
    models: '/v1beta/models?pageSize=1',
    headers: (secret) => ({ 'x-goog-api-key': secret }),
  },
  xai: { at: [], usual: 'https://api.x.ai/v1', models: '/models', headers: bearer },
};

/** Tells whether its own program has logged in; nothing is asked of a model. */
const LOGINS: Readonly<Record<string, readonly string[]>> = {
  claude: ['auth', 'status'],
  codex: ['login', 'status'],
};

type Answer = { is: 'accepted' | 'refused'; by: string } | { is: 'unknown'; why: string };

interface Given {
  key: string;
  secret: string;
}

const ask = async (service: Service, base: string, { key, secret }: Given): Promise<Answer> => {
  const { host } = new URL(base);
  try {
    const answer = await fetch(base.replace(/\/+$/, '') + service.models, {
      headers: service.headers(secret, key),
      // A key is not carried on to where it was not meant to go.
      redirect: 'manual',
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    await answer.body?.cancel();
    if (answer.ok) return { is: 'accepted', by: host };
    if ([400, 401, 403].includes(answer.status)) return { is: 'refused', by: host };
    return { is: 'unknown', why: `${host} answered ${answer.status}` };
  } catch {
    return { is: 'unknown', why: `${host} cannot be reached` };
  }
};

/** Asks about a key once, however many agents have it. */
export const createAsk = (loaded: LoadedConfig) => {
  const asked = new Map<string, Promise<Answer>>();
  return (agent: RunnableAgent, given: Given): Promise<Answer> => {
    const service = SERVICES[agent.backend];
    // A subscription's token is good for its own program alone.
    if (!service || given.key === 'CLAUDE_CODE_OAUTH_TOKEN')
      return Promise.resolve({ is: 'unknown', why: 'nothing free can be asked of it' });
    const elsewhere = service.at.map((name) => process.env[name]).find(Boolean);
    const base = loaded.config.agents[agent.name]?.base_url ?? elsewhere ?? service.usual;
    const name = [base, given.key, given.secret].join('\n');
    const answer = asked.get(name) ?? ask(service, base, given);
    asked.set(name, answer);
    return answer;
  };
};

const login = async (agent: RunnableAgent): Promise<boolean | undefined> => {
  const words = LOGINS[agent.backend];
  if (!words || agent.program === undefined) return undefined;
  const { exitCode, stdout, timedOut } = await execa(agent.program, [...words], {
    reject: false,
    timeout: 2 * LIMIT_MS,
    stdin: 'ignore',
  });
  if (timedOut || exitCode === undefined) return undefined;
  return exitCode === 0 && !/"logged_?in"\s*:\s*false/i.test(stdout);
};

/** Where the credential of an agent is, and whether its service takes it. Without `asking` nobody is asked. */
export const checkCredential = async (
  agent: RunnableAgent,
  loaded: LoadedConfig,
  asking: ReturnType<typeof createAsk> | undefined,
): Promise<Finding | undefined> => {
  const check = `credential of ${agent.name}`;
  const { keys } = agent.kind;
  const judge = async (where: string, given: Given): Promise<Finding> => {
    if (!asking) return finding(check, 'ok', `in ${where}; nobody was asked`);
    const answer = await asking(agent, given);
    if (answer.is === 'unknown') return finding(check, 'ok', `in ${where}; ${answer.why}`);
    return answer.is === 'accepted'
      ? finding(check, 'ok', `in ${where}, accepted by ${answer.by}`)
      : finding(check, 'fail', `the one in ${where} is refused by ${answer.by}`, `put a good key into ${where}`);
  };
  const file = loaded.config.agents[agent.name]?.token_file ?? agent.config.token_file;
  if (file !== undefined) {
    let secret: string;
    try {
      secret = readSecret(file, loaded.folder);
    } catch (error) {
      return finding(check, 'fail', (error as Error).message, `write the key into ${file} and chmod 600 it`);
    }
    return judge(file, { key: keys[0] ?? '', secret });
  }
  const key = keys.find((name) => process.env[name]);
  if (key !== undefined) return judge(key, { key, secret: process.env[key] ?? '' });
  if (keys.length === 0) return undefined;
  const fix = `set ${keys[0]}, or agents.${agent.name}.token_file`;
  const isIn = await login(agent);
  if (isIn === true) return finding(check, 'ok', 'its own login');
  const none = agent.kind.rest
    ? 'none'
    : isIn === false
      ? 'none, and it is not logged in'
      : 'none here; its own login may do';
  return finding(check, 'warn', none, fix);
};
