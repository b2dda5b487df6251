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

/** An event stream; `heard` gets the name and the data of each event. Returns the way to close it. */
export const listen = (path, names, heard) => {
  const source = new EventSource(`/api/v1/${path}`);
  for (const name of names) source.addEventListener(name, (event) => heard(name, JSON.parse(event.data)));
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
