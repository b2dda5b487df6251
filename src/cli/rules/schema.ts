import { ruleFileJsonSchema } from '../../router/json-schema.js';

export const printSchema = (): void => {
  process.stdout.write(`${JSON.stringify(ruleFileJsonSchema(), null, 2)}\n`);
};
