/** Stands for a value that a step will give. In a template it puts itself in; `cel` makes a condition of it. */
export interface Ref<Value> {
  /** As CEL names it: `steps.analyze.data.score`. */
  readonly path: string;
  toString(): string;
  /** Only a type: nothing is here before the handler runs. */
  readonly __value?: Value;
}

/** A value and all that is in it. */
export type Refs<Value> = Ref<Value> &
  (Value extends readonly (infer _Item)[]
    ? unknown
    : Value extends object
      ? { readonly [Key in keyof Value]-?: Refs<Value[Key]> }
      : unknown);

/** What `run` of `code` gets for a ref, or for an object of them. */
export type ValueOf<Given> =
  Given extends Ref<infer Value> ? Value : Given extends object ? { [Key in keyof Given]: ValueOf<Given[Key]> } : Given;

const PATH = Symbol('path');

export const refTo = <Value>(path: string): Refs<Value> =>
  new Proxy(
    {},
    {
      get: (_target, key): unknown => {
        if (key === PATH || key === 'path') return path;
        if (key === 'toString' || key === Symbol.toPrimitive) return () => `{{ ${path} }}`;
        return typeof key === 'string' ? refTo(`${path}.${key}`) : undefined;
      },
      has: (_target, key) => key === PATH,
    },
  ) as Refs<Value>;

export const isRef = (value: unknown): value is Ref<unknown> =>
  typeof value === 'object' && value !== null && PATH in value;

/** A condition: ``cel`${review.data.score} >= 8.0` ``. Texts that are put in are quoted. */
export const cel = (texts: TemplateStringsArray, ...values: readonly unknown[]): string =>
  texts.reduce((all, text, index) => {
    if (index === 0) return text;
    const value = values[index - 1];
    return all + (isRef(value) ? value.path : JSON.stringify(value)) + text;
  }, '');

/** A template: ``text`Fix ${analyze.output}` ``. What is not a ref is put in as it is. */
export const text = (texts: TemplateStringsArray, ...values: readonly (Ref<unknown> | string | number)[]): string =>
  texts.reduce((all, part, index) => (index === 0 ? part : all + String(values[index - 1]) + part), '');

/** `{{ value | fence }}`: data, between two lines that it cannot contain. */
export const fence = (value: Ref<unknown>): string => `{{ ${value.path} | fence }}`;

interface EventRefs {
  type: string;
  body: string;
  msg_id: string;
  project_id: string;
  data: Record<string, unknown>;
}
/** What the handler answers. */
export const event = refTo<EventRefs>('event') as Refs<EventRefs> & {
  data: Record<string, Refs<Record<string, unknown>>>;
};
/** The handler's parameters. */
export const parameters = refTo<Record<string, string>>('with') as Record<string, Ref<string>>;
/** Of a map. */
export const item = <Value = string>(): Refs<Value> => refTo<Value>('item');
export const iteration: Ref<number> = refTo<number>('iteration');
