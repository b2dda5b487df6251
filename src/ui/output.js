import { doing, element, listen, post } from './api.js';

const MOST_LINES = 5_000;
let close = () => undefined;

/** What one run writes, from its beginning, live until its end. */
export const showOutput = (run) => {
  close();
  const section = document.querySelector('#output');
  const text = section.querySelector('pre');
  const words = section.querySelector('p');
  text.replaceChildren();
  const tell = (status) => {
    const stop = element('button', { type: 'button', onclick: doing(() => post(`runs/${run.run_id}/stop`)) }, 'Stop');
    words.replaceChildren(`${run.task_id} / ${run.run_id}: ${status} `, ...(status === 'running' ? [stop] : []));
  };
  tell(run.status);
  close = listen(`runs/${run.run_id}/stream`, ['log', 'status', 'reset'], (name, data) => {
    if (name === 'status') tell(data.status);
    if (name === 'reset') text.replaceChildren();
    if (name !== 'log') return;
    const atEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 8;
    text.append(element('span', { class: data.stream }, `${data.line}\n`));
    while (text.childNodes.length > MOST_LINES) text.firstChild.remove();
    if (atEnd) text.scrollTop = text.scrollHeight;
  });
};
