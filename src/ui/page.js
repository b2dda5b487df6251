import { complain, doing, get, post } from './api.js';
import { showApprovals } from './approvals.js';
import { showMessages } from './messages.js';
import { showRuns } from './runs.js';

const at = (selector) => document.querySelector(selector);

/** The code stands behind "#": it is taken out of the address before anything else happens. */
const login = async () => {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code === null) return;
  history.replaceState(null, '', '/');
  await post('login', { code });
};

const showStatus = async () => {
  const { status, paused, runs, tasks, activations, watchers, version } = await get('status');
  at('#status').textContent =
    `${status} · ${runs.length} at work · ${activations.open} open · ${tasks} tasks · ${watchers} watching · ${version}`;
  const { scope } = await get('me');
  at('#pause').hidden = scope !== 'admin';
  at('#pause').textContent = paused ? 'Go on' : 'Pause';
  at('#pause').onclick = doing(async () => {
    await post(paused ? 'unpause' : 'pause');
    await showStatus();
  });
};

/** Many messages in a moment are one look. */
const soon = (work) => {
  let timer;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      work().catch(complain);
    }, 200);
  };
};
const looks = [
  [/^RUN_/, soon(showRuns)],
  [/^APPROVAL_/, soon(showApprovals)],
  [/^(RUN_|ROUTED|HANDLER_|TASK_|CONDUCTOR_)/, soon(showStatus)],
];

try {
  await login();
  await showStatus();
  at('main').hidden = false;
  await Promise.all([
    showRuns(),
    showApprovals(),
    showMessages(({ type }) => {
      for (const [types, look] of looks) if (types.test(type)) look();
    }),
  ]);
} catch (error) {
  complain(error);
}
