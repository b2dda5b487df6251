import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cleanEnvironment, project, temporary } from '../support/service.js';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** What an agent's own CLI would print: its answer, or its failure. */
const SAYS: Record<string, { good: string; bad: string }> = {
  claude: {
    good: `{"type":"system","subtype":"init","session_id":"s"}
{"type":"result","subtype":"success","is_error":false,"result":"$answer","total_cost_usd":0.01,"session_id":"s"}`,
    bad: '{"type":"result","subtype":"success","is_error":true,"result":"$answer","session_id":"s"}',
  },
  codex: {
    good: `{"type":"thread.started","thread_id":"t"}
{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"$answer"}}
{"type":"turn.completed","usage":{"input_tokens":10,"output_tokens":5}}`,
    bad: '{"type":"turn.failed","error":{"message":"$answer"}}',
  },
  gemini: {
    good: `{"type":"init","session_id":"s"}
{"type":"message","role":"assistant","content":"$answer"}
{"type":"result","status":"success","stats":{}}`,
    bad: '{"type":"result","status":"error","error":{"message":"$answer"}}',
  },
};

const agent = (name: string, folder: string): string => `#!/bin/sh
prompt=$(cat)
printf '%s\\n' "$TASK_ID" >> '${folder}/${name}.tasks'
printf '%s\\n=====\\n' "$prompt" >> '${folder}/${name}.prompts'
if [ -f '${folder}/hang' ]; then exec /bin/sleep 1000; fi
left=$(cat '${folder}/flaky' 2>/dev/null || echo 0)
if [ "$left" -gt 0 ] || { [ -f '${folder}/fail' ] && grep -qx -- "$TASK_ID" '${folder}/fail'; }; then
  [ "$left" -gt 0 ] && echo $((left - 1)) > '${folder}/flaky'
  echo "$TASK_ID was too much for me" >&2
  answer="503 overloaded at $TASK_ID"
  cat <<END
${SAYS[name]!.bad}
END
  exit 1
fi
answer="success of ${name} with $TASK_ID"
cat <<END
${SAYS[name]!.good}
END
`;

/** Notes its arguments; fails when told to. */
const stub = (name: string, folder: string): string =>
  `#!/bin/sh\nprintf '%s\\n' "$*" >> '${folder}/${name}.calls'\n[ ! -f '${folder}/${name}.fails' ]\n`;

const STUBS = ['ssh', 'docker', 'docker-compose', 'curl', 'aws', 'sleep'];

/** An empty folder, a new HOME, agents faked on PATH, and stubs for all that would leave the machine or take time. */
export const createWorld = (env: Record<string, string> = {}) => {
  const cwd = realpathSync(temporary('seed'));
  const notes = realpathSync(temporary('notes'));
  const bin = join(notes, 'bin');
  mkdirSync(bin);
  const program = (name: string, text: string): void => {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  };
  for (const name of Object.keys(SAYS)) program(name, agent(name, notes));
  for (const name of STUBS) program(name, stub(name, notes));
  const clean = cleanEnvironment();
  const environment: Record<string, string> = {
    ...clean,
    PATH: [bin, join(project, 'dist', 'cli', 'bin'), clean['PATH']].join(':'),
    USER: 'ada',
    CONDUCTOR_PORT: '0',
    ...env,
  };
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    writeFileSync(join(cwd, path), text);
  };
  write('config.yaml', 'timers: {}\n');
  const readIfThere = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  return {
    cwd,
    notes,
    env: environment,
    program,
    write,
    read: (path: string) => readFileSync(join(cwd, path), 'utf8'),
    /** What a stub or a faked agent was asked. */
    calls: (name: string) => readIfThere(join(notes, name)).split('\n').filter(Boolean),
    note: (name: string, text: string) => writeFileSync(join(notes, name), text),
    runsOf: (task: string) => {
      const folder = join(cwd, 'runs', task);
      return existsSync(folder) ? readdirSync(folder).filter((name) => /^\d{8}-/.test(name)) : [];
    },
    /** Runs the text as a bash script; what it left in the background keeps no pipe of ours. */
    bash: (text: string, options: { env?: Record<string, string>; cwd?: string } = {}): Promise<Ended> =>
      new Promise((resolve, reject) => {
        const script = join(notes, 'script.sh');
        writeFileSync(script, text);
        const child = spawn('bash', [script], {
          cwd: join(cwd, options.cwd ?? '.'),
          env: { ...environment, ...options.env },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let stdout = '';
        let stderr = '';
        child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
        child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
        child.on('error', reject);
        child.on('close', (code) => resolve({ code, stdout, stderr }));
      }),
  };
};

export type World = ReturnType<typeof createWorld>;
