import { doing, element, get } from './api.js';
import { showOutput } from './output.js';

let current;

const button = (run) =>
  element(
    'button',
    {
      type: 'button',
      'aria-current': String(run.run_id === current),
      onclick: doing(async () => {
        current = run.run_id;
        showOutput(run);
        await showRuns();
      }),
    },
    element('span', { class: run.status }, run.status),
    ` ${run.agent} `,
    element('span', { class: 'quiet' }, [run.task_id, run.step].filter(Boolean).join(' · ')),
  );

/** The newest runs, each below the run that started it. */
export const showRuns = async () => {
  const { runs } = await get('runs?limit=200');
  const known = new Set(runs.map(({ run_id }) => run_id));
  const branch = (list) =>
    list.map((run) => {
      const children = runs.filter(({ parent_run_id }) => parent_run_id === run.run_id);
      const below = children.length === 0 ? [] : [element('ul', {}, ...branch(children))];
      return element('li', {}, button(run), ...below);
    });
  const roots = runs.filter(({ parent_run_id }) => !known.has(parent_run_id));
  document.querySelector('#runs ul').replaceChildren(...branch(roots));
};
