/** Everything that the page asks of its own service. The cookie goes along by itself. */

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const answerOf = async (answer) => {
  const value = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, value.error?.message ?? String(answer.status));
  return value;
};

export const get = async (path) => answerOf(await fetch(`/api/v1/${path}`));

export const post = async (path, body = {}) =>
  answerOf(
    await fetch(`/api/v1/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  );

/** What a person must know; nothing takes it away. */
export const say = (text = '') => {
  const notice = document.querySelector('#notice');
  notice.textContent = text;
  notice.hidden = text === '';
};

const WHO = 'Who are you? Run "conductor ui" and open the address that it prints.';

/** An error in words for people. */
export const complain = (error) =>
  say(error instanceof Refused && error.status === 401 ? WHO : `The service says: ${error.message}`);

/** Does what a button is for; what goes wrong is said. */
export const doing = (work) => () => void work().catch(complain);

/** An event stream; `heard` gets the name and the data of each event. Returns the way to close it. */
export const listen = (path, names, heard) => {
  const source = new EventSource(`/api/v1/${path}`);
  for (const name of names) source.addEventListener(name, (event) => heard(name, JSON.parse(event.data)));
  // The browser tries again by itself, but not where it was refused: a service that was started anew knows no session.
  source.addEventListener('error', () => {
    if (source.readyState !== EventSource.CLOSED) return say('The service does not answer. What is shown here is old.');
    get('me').then(() => say('The service ended a stream: load the page again.'), complain);
  });
  source.addEventListener('open', () => say());
  return () => source.close();
};

/** Text is only ever set as text: what agents write is never read as HTML. */
export const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
};
