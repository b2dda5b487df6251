import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, command, startService, temporary, tool, until, type Done } from '../support/service.js';
import type { Asked } from './model-server/main.js';
import type { Step } from './model-server/script.js';

/** A program of its own, as a model is somewhere else. */
export const startModelServer = async (): Promise<{ url: string; stop(): void }> => {
  const program = join(import.meta.dirname, 'model-server', 'main.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const url = await until('the model server listens', () => /^http:\S+/.exec(said)?.[0]);
  return { url, stop: () => void child.kill() };
};

export const promptOf = (...steps: Step[]): string => `Work.\nSCRIPT ${JSON.stringify(steps)}\n`;

/** A root, a folder to work in and a configuration, in which one of the real ones is the agent. */
export const openWorld = (agent: string, bin: string, modelUrl: string) => {
  const folder = temporary(`real-${agent}`);
  const work = join(folder, 'work');
  mkdirSync(work);
  const root = join(folder, 'runs');
  const base_url = agent === 'codex' ? `${modelUrl}/v1` : modelUrl;
  const model = agent === 'gemini' ? { model: 'gemini-2.5-flash' } : {};
  const one = { backend: agent, base_url, ...model };
  // A model that codex does not know is given its plain tools.
  const plain = agent === 'codex' ? { ...one, model: 'fake-model' } : one;
  const config = {
    agents: {
      [agent]: one,
      ...(agent === 'claude' ? { careful: { ...one, tools: 'ask' } } : {}),
      reader: { ...one, tools: 'read-only' },
      plain,
      'plain-reader': { ...plain, tools: 'read-only' },
      spare: { command: ['sh', '-c', 'cat >/dev/null; echo the spare one answers'] },
      thrifty: { ...one, fallback: ['spare'] },
      quick: { ...one, idle: '3s' },
      bounded: { ...one, max_turns: 2, max_usd: 0.001 },
    },
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify(config));
  const env = cleanEnvironment({
    ANTHROPIC_API_KEY: 'sk-ant-dummy-0000',
    OPENAI_API_KEY: 'sk-dummy-0000',
    GEMINI_API_KEY: 'dummy-0000-0000',
    CLAUDE_CODE_MAX_RETRIES: '1',
    TERM: 'xterm-256color',
  });
  env['PATH'] = `${bin}:${env['PATH']}`;
  const common = ['--root', root, '--config', join(folder, 'config.yaml')];
  const words = (task: string, prompt: string, more: readonly string[]): string[] => [
    ...['task', ...common, '--cwd', work, '--task-id', task, '--prompt', prompt],
    ...(more.includes('--agent') ? [] : ['--agent', agent]),
    ...more,
  ];
  const runsOf = (task: string): string[] =>
    readdirSync(join(root, 'default', task))
      .filter((name) => /^\d{8}-/.test(name))
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return {
    folder,
    work,
    root,
    env,
    runsOf,
    task: (task: string, prompt: string, ...more: string[]): Promise<Done> =>
      tool('run-agent', words(task, prompt, more), { env, cwd: folder }),
    /** The same, and we do not wait for it. */
    begin: (task: string, prompt: string, ...more: string[]) =>
      spawn(process.execPath, [command('run-agent'), ...words(task, prompt, more)], {
        env,
        cwd: folder,
        stdio: 'ignore',
      }),
    tool: (name: string, ...args: string[]): Promise<Done> =>
      tool(name, [...args, '--root', root], { env, cwd: folder }),
    serve: () =>
      startService([...common, '--rules', join(folder, 'rules'), '--handlers', join(folder, 'handlers')], {
        cwd: folder,
        env,
      }),
    /** run-info.yaml of the nth run of a task, as text. */
    info: (task: string, index = -1): string =>
      readFileSync(join(root, 'default', task, runsOf(task).at(index) ?? '', 'run-info.yaml'), 'utf8'),
    bus: (): string => readFileSync(join(root, 'MESSAGE-BUS.md'), 'utf8'),
    /** Whether the model was ever told this. */
    async heard(text: string): Promise<boolean> {
      const response = await fetch(`${modelUrl}/heard?text=${encodeURIComponent(text)}`);
      return ((await response.json()) as { times: number }).times > 0;
    },
    async asked(): Promise<Asked[]> {
      const response = await fetch(`${modelUrl}/requests`);
      return ((await response.json()) as { asked: Asked[] }).asked;
    },
  };
};
export type World = ReturnType<typeof openWorld>;
