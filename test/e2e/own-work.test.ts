import { createHmac } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeRepository } from '../support/repository.js';
import { cleanEnvironment, project, startService, temporary, tool, until, withinOneDay } from '../support/service.js';

const SECRET = 'shared';
const AS = 'git -c user.name=Ann -c user.email=ann@example.org';
const RULES = `rules:
  - { id: fix, on: ISSUE_OPENED, do: fix, trust: full }
  - { id: react, on: [CODE_PUSHED, PR_UPDATED, COMMENT_ADDED], actor: { not: [self] }, do: say }
  - { id: tell, on: ISSUE_CLOSED, do: tell }
  - { id: look, on: LOOK, do: look }
  - { id: costs, on: WANTED, do: fix, budget: { usd_per_run: 2, usd_per_day: 3 } }
`;
const TELL = `name: tell
steps:
  - shell: messagebus-tool write --type LOOK --data "{\\"path\\":\\"$PWD\\"}" "from $PWD"
`;
const LOOK = "name: look\nsteps: [{ id: at, shell: pwd }, { emit: { type: SAID, body: '{{ steps.at.output }}' } }]\n";
const SAY = 'name: say\nsteps: [{ emit: { type: SAID, body: "{{ event.msg_id }}" } }]\n';

interface Decided {
  msg_id: string;
  why: string;
}

interface Said {
  msg_id: string;
  project_id: string;
  task_id: string;
  run_id: string;
  body: string;
  data: Record<string, unknown>;
}

/** A service with a fake claude that does what `acts` say, a repository with a remote, and a signed GitHub. */
const open = async (acts: readonly Record<string, unknown>[]) => {
  const folder = temporary('own-work');
  const root = join(folder, 'runs');
  const env = cleanEnvironment();
  const repository = await makeRepository(env, join(temporary('elsewhere'), 'runs'));
  for (const name of ['rules', 'handlers', 'bin']) mkdirSync(join(folder, name));
  writeFileSync(
    join(folder, 'bin', 'claude'),
    `#!/bin/sh\nexec '${process.execPath}' '${join(project, 'test', 'support', 'fake-agent.mjs')}' claude "$@"\n`,
  );
  chmodSync(join(folder, 'bin', 'claude'), 0o755);
  env['PATH'] = `${join(folder, 'bin')}:${env['PATH']}`;
  writeFileSync(join(folder, 'secret'), SECRET, { mode: 0o600 });
  writeFileSync(
    join(folder, 'config.yaml'),
    `webhooks: { github: { secret_file: secret, self: [acme-agent] } }\nrepositories: { acme/app: ${repository.folder} }\ntimers: {}\n`,
  );
  writeFileSync(join(folder, 'rules', 'r.yaml'), RULES);
  writeFileSync(join(folder, 'handlers', 'say.yaml'), SAY);
  writeFileSync(join(folder, 'handlers', 'tell.yaml'), TELL);
  writeFileSync(join(folder, 'handlers', 'look.yaml'), LOOK);
  const prompt = JSON.stringify(`SCRIPT ${JSON.stringify(acts)}`);
  writeFileSync(join(folder, 'handlers', 'fix.yaml'), `name: fix\nsteps: [{ agent: claude, prompt: ${prompt} }]\n`);
  const service = await startService(['--root', root], { cwd: folder, env });
  const conductor = async (...args: string[]): Promise<string> => {
    const done = await tool('conductor', [...args, '--root', root], { cwd: folder, env });
    assert.is(done.code, 0, `${args.join(' ')}: ${done.stderr}`);
    return done.stdout;
  };
  let count = 0;
  const deliver = async (event: string, payload: Record<string, unknown>): Promise<Decided> => {
    const body = JSON.stringify({ repository: { full_name: 'acme/app' }, sender: { login: 'ann' }, ...payload });
    const answer = await fetch(`${service.url}/webhooks/github`, {
      method: 'POST',
      body,
      headers: {
        'x-github-event': event,
        'x-github-delivery': `d-${++count}`,
        'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
      },
    });
    assert.is(answer.status, 202);
    const { msg_id } = (await answer.json()) as { msg_id: string };
    const why = await until('it is decided', async () => {
      const text = await conductor('rules', 'explain', msg_id);
      return text.includes('decided ') ? text : undefined;
    });
    return { msg_id, why };
  };
  const events = async (type: string): Promise<Said[]> =>
    (JSON.parse(await conductor('events', 'list', '--type', type, '--json')) as { events: Said[] }).events;
  return { folder, root, env, repository, service, conductor, deliver, events };
};

test.before.each(withinOneDay);

test('what a run pushed and wrote comes back as webhooks and starts nothing: while it runs, and after it', async () => {
  const gate = temporary('gate');
  const world = await open([
    { tool: `echo x > fixed && git add fixed && ${AS} commit -qm Fix && git push -q origin HEAD:main` },
    { tool: `printf '%s' "$CONDUCTOR_MARKER" > '${gate}/marker'; touch '${gate}/pushed'` },
    { tool: `while [ ! -e '${gate}/go' ]; do sleep 0.05; done` },
    { result: true },
  ]);
  try {
    await world.deliver('issues', { action: 'opened', issue: { number: 1, title: 'Broken' } });
    const { existsSync, readFileSync } = await import('node:fs');
    await until('it has pushed', () => existsSync(join(gate, 'pushed')) || undefined);
    const sha = await world.repository.git('rev-parse', 'origin/main');
    const push = (after: string) => ({ ref: 'refs/heads/main', before: 'a'.repeat(40), after });

    const during = await world.deliver('push', push(sha));
    const [started] = await world.events('RUN_START');
    const run_id = String(started?.data['run_id']);
    assert.match(during.why, `suppressed  react  actor: it was made by ${run_id}; the rule leaves out "self"`);

    writeFileSync(join(gate, 'go'), '');
    const [stopped] = await until('it has ended', async () => {
      const all = await world.events('RUN_STOP');
      return all.length > 0 ? all : undefined;
    });
    assert.equal(stopped?.data['commits'], [sha]);
    const pull = {
      action: 'synchronize',
      number: 2,
      pull_request: { head: { sha, ref: 'fix' } },
      before: 'a'.repeat(40),
    };
    const after = await world.deliver('pull_request', pull);
    assert.match(after.why, `actor: commit ${sha.slice(0, 12)} was made by run ${run_id}; the rule leaves out "self"`);
    const tree = await world.conductor('trace', after.msg_id);
    assert.match(
      tree,
      new RegExp(`^ISSUE_OPENED[^]*run ${run_id} [^]*commits ${sha.slice(0, 12)}[^]*CODE_PUSHED[^]*PR_UPDATED`),
    );

    const comment = (text: string, login = 'ann') => ({
      action: 'created',
      issue: { number: 1 },
      comment: { body: text },
      sender: { login },
    });
    const marker = readFileSync(join(gate, 'marker'), 'utf8');
    assert.match((await world.deliver('issue_comment', comment(`I fixed it.\n\n${marker}`))).why, 'leaves out "self"');
    assert.match(
      (await world.deliver('issue_comment', comment('Fixed', 'acme-agent'))).why,
      'suppressed  react  actor: acme-agent is one of "self"; the rule leaves these out',
    );

    const thanks = await world.deliver('issue_comment', comment('Thank you!'));
    const theirs = await world.deliver('push', push('d'.repeat(40)));
    for (const one of [thanks, theirs]) assert.match(one.why, /fired {7}react/);
    const said = await until('both are answered', async () => {
      const all = await world.events('SAID');
      return all.length >= 2 ? all : undefined;
    });
    assert.equal(said.map(({ body }) => body).sort(), [thanks.msg_id, theirs.msg_id].sort(), 'and nothing else is');
  } finally {
    writeFileSync(join(gate, 'go'), '');
    assert.is(await world.service.stop(), 0);
  }
});

test('a path that a run passes on counts as little as the event from outside that caused the run', async () => {
  const world = await open([{ result: true }]);
  try {
    await world.deliver('issues', { action: 'closed', issue: { number: 1, title: 'Done' } });
    const said = (count: number) =>
      until(`${count} are said`, async () => {
        const all = await world.events('SAID');
        return all.length >= count ? all.map(({ body }) => body.trim()) : undefined;
      });
    assert.equal(await said(1), [realpathSync(world.folder)]);
    assert.match((await world.events('LOOK'))[0]?.body ?? '', `from ${realpathSync(world.repository.folder)}`);

    const data = JSON.stringify({ path: world.repository.folder });
    await tool('messagebus-tool', ['write', '--root', world.root, '--type', 'LOOK', '--data', data, 'x'], {
      env: world.env,
    });
    assert.ok((await said(2)).includes(realpathSync(world.repository.folder)), 'whoever works here is believed');
  } finally {
    assert.is(await world.service.stop(), 0);
  }
});

test('a run that spends more than its rule allows fails for good, and the day of the rule comes to its end too', async () => {
  const world = await open([{ cost: 2.5 }, { result: true }]);
  try {
    const want = async (): Promise<string> => {
      const args = ['write', '--root', world.root, '--type', 'WANTED', 'x'];
      return (await tool('messagebus-tool', args, { env: world.env })).stdout.trim();
    };
    for (const n of [1, 2]) {
      await want();
      await until(`run ${n} has ended`, async () => (await world.events('RUN_STOP')).length >= n || undefined);
    }
    const stops = await world.events('RUN_STOP');
    for (const { data, body } of stops) {
      assert.equal([data['cost_usd'], data['status'], data['class']], [2.5, 'failed', 'permanent'], body);
      assert.match(body, 'error_max_budget_usd');
    }
    const given = stops.map(({ project_id, task_id, run_id }) => {
      const info = readFileSync(join(world.root, project_id, task_id, run_id, 'run-info.yaml'), 'utf8');
      return /--max-budget-usd ([\d.]+)/.exec(info)?.[1];
    });
    assert.equal(given.sort(), ['0.5', '2'], 'the second run is given what the first left of the day');
    const third = await want();
    const why = await until('it is decided', async () => {
      const text = await world.conductor('rules', 'explain', third);
      return text.includes('decided ') ? text : undefined;
    });
    assert.match(why, /suppressed {2}costs {2}budget: \$5\.00 spent on .*; the budget is \$3\.00/);
    assert.is((await world.events('RUN_START')).length, 2);
  } finally {
    assert.is(await world.service.stop(), 0);
  }
});

test.run();
