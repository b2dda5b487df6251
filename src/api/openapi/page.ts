import type { Endpoint } from '../endpoint.js';

const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

const rowOf = ({ method, path, summary, scopes }: Endpoint): string =>
  `<tr><td><code>${method.toUpperCase()}</code></td><td><code>${escape(path)}</code></td>` +
  `<td>${escape(summary)}</td><td>${scopes === 'anyone' ? 'anyone' : scopes.join(', ')}</td></tr>`;

/** The endpoints for people: one line each, and where the whole document is. */
export const pageOf = (endpoints: readonly Endpoint[]): string =>
  [
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Conductor Loop: HTTP</title>',
    '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/ui/page.css">',
    '<main><h1>Conductor Loop over HTTP</h1>',
    '<p>Shapes of every request and answer: <a href="/api/v1/openapi.json">openapi.json</a>.</p>',
    '<table><thead><tr><th>Method<th>Path<th>What<th>Scope</tr></thead><tbody>',
    ...endpoints.map(rowOf),
    '</tbody></table></main></html>',
  ].join('\n');
