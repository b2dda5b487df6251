import { doing, element, get, listen } from './api.js';

const MOST = 300;

const row = ({ ts, type, project_id, task_id, body }) =>
  element(
    'li',
    {},
    element('strong', { class: body.startsWith('ERROR') ? 'failed' : '' }, type),
    ' ',
    element('time', { datetime: ts }, ts.slice(11, 19)),
    element('div', { class: 'quiet' }, [project_id, task_id].filter(Boolean).join(' / ')),
    element('div', {}, body.length > 400 ? `${body.slice(0, 400)}…` : body),
  );

/** The newest messages, and then each as it comes; `told` hears them, too. */
export const showMessages = async (told) => {
  const list = document.querySelector('#messages ol');
  const filter = document.querySelector('#filter');
  let close = () => undefined;
  const add = (message) => {
    list.prepend(row(message));
    while (list.children.length > MOST) list.lastChild.remove();
  };
  const begin = async () => {
    close();
    list.replaceChildren();
    const { messages } = await get('messages?limit=100');
    const type = filter.value.trim();
    if (type === '') messages.forEach(add);
    const query = new URLSearchParams({ since: messages.at(-1)?.msg_id ?? '', ...(type === '' ? {} : { type }) });
    close = listen(`messages/stream?${query}`, ['message'], (_name, message) => {
      add(message);
      told(message);
    });
  };
  filter.addEventListener('change', doing(begin));
  await begin();
};
