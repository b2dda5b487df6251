import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { draftFault } from '../../src/bus/draft.js';
import { draftSchema } from '../../src/core/event.js';

const text = fc.oneof(
  fc.constantFrom('', 'a', 'a.b', '../up', 'a..b', 'CODE_PUSHED', 'codePushed', ' x ', '1a', 'é', 'full', 'outside'),
  fc.string({ maxLength: 12 }),
  fc.constantFrom(63, 64, 65, 128, 129, 200, 201, 512, 513).map((length) => 'x'.repeat(length)),
);
const odd = fc.oneof(
  text,
  fc.integer({ min: -2, max: 1_002 }),
  fc.constantFrom(null, undefined, 1.5, true),
  fc.array(text, { maxLength: 2 }),
  fc.dictionary(text, text, { maxKeys: 2 }),
);
const parents = fc.array(fc.record({ msg_id: odd, kind: odd }, { requiredKeys: [] }), { maxLength: 2 });
const links = fc.array(fc.record({ url: odd, label: odd, kind: odd }, { requiredKeys: [] }), { maxLength: 2 });
const field = fc.constantFrom(...Object.keys(draftSchema.shape), 'colour');

test('a draft is refused by hand exactly where the schema refuses it', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.constant('INFO'), odd),
      fc.dictionary(field, fc.oneof(odd, parents, links), { maxKeys: 3 }),
      (type, rest) => {
        const draft = { type, ...rest };
        const schema = draftSchema.safeParse(draft);
        const fault = draftFault(draft);
        assert.is(
          fault === undefined,
          schema.success,
          `${JSON.stringify(draft)}: ${fault} / ${JSON.stringify(schema.error)}`,
        );
      },
    ),
    { numRuns: 5_000 },
  );
});

test.run();
