interface CommonOptions<D> {
  /** Value when the variable is not set. Without one, and not `required`, the property is undefined. */
  default?: D;
  /** One line for README, `.env.example` and `--help`. */
  doc: string;
  /** Never shown: `(set)` or `(not set)` instead. */
  secret?: boolean;
  /** Not set is a fault. */
  required?: boolean;
  /** Heading under which the variable is listed; that of the class when absent. */
  section?: string;
  /** Example value in `.env.example`, for variables without a default. */
  example?: string;
}

interface StringOptions extends CommonOptions<string> {
  type?: 'string';
  oneOf?: readonly string[];
  /** What the whole value must look like, and how to say so. */
  pattern?: { regex: RegExp; message: string };
  /** Least number of characters. */
  minLength?: number;
}

/** `duration_ms` takes `250`, `250ms`, `5s`, `2m`, `1h`, `1d` and gives milliseconds; `min` and `max` are milliseconds too. */
interface NumberOptions extends CommonOptions<number> {
  type: 'integer' | 'duration_ms';
  min?: number;
  max?: number;
}

interface BooleanOptions extends CommonOptions<boolean> {
  type: 'boolean';
}

interface UrlOptions extends CommonOptions<string> {
  type: 'url';
  /** Accepted schemes, without colon: `['redis', 'rediss']`. */
  protocols?: readonly string[];
}

interface PathOptions extends CommonOptions<string> {
  type: 'path';
}

/** Key material, base64 (either alphabet) or hexadecimal; the property is the text as given. */
interface KeyOptions extends CommonOptions<string> {
  type: 'key';
  /** Length of the decoded key, 32 by default. */
  bytes?: number;
}

/** Comma separated; blanks around items and empty items are dropped. */
interface ListOptions extends CommonOptions<readonly string[]> {
  type: 'list';
  /** What each item must be. */
  items?: 'string' | 'url' | 'key';
  oneOf?: readonly string[];
}

export type EnvOptions =
  | StringOptions
  | NumberOptions
  | BooleanOptions
  | UrlOptions
  | PathOptions
  | KeyOptions
  | ListOptions;

/** Type of the property that an option object describes. */
export type EnvValue<O extends EnvOptions> = O extends { type: 'integer' | 'duration_ms' }
  ? number
  : O extends { type: 'boolean' }
    ? boolean
    : O extends { type: 'list' }
      ? readonly string[]
      : string;

/** A declared variable: which property it fills, and how. */
export interface VariableDeclaration {
  property: string;
  variable: string;
  options: EnvOptions;
}

/** An environment class. Its properties carry `@Env`; the constructor takes nothing. */
export interface EnvironmentClass<T extends object = object> {
  new (): T;
  /** Heading of its variables in the generated documents. */
  title?: string;
  /** Variables that begin like this and are not declared are reported as probable typing errors. */
  prefixes?: readonly string[];
}

/** Optional on an environment class: what no single variable can tell, e.g. production settings that must not be. */
export interface CrossFieldCheck {
  check(): { variable: string; message: string }[];
}

const declarations = Symbol('environment variables');

interface Declared {
  [declarations]?: VariableDeclaration[];
}

/**
 * Declares the variable behind a property: name, type, default and doc on one line. The compiler refuses a property whose
 * type does not fit.
 *
 *     @Env('PORT', { type: 'integer', default: 8004, min: 0, max: 65535, doc: 'Port of the API' })
 *     port: number;
 */
export function Env<const O extends EnvOptions>(variable: string, options: O) {
  return <K extends string>(target: { [P in K]?: EnvValue<O> }, property: K): void => {
    const prototype = target as Declared;
    if (!Object.hasOwn(prototype, declarations)) {
      Object.defineProperty(prototype, declarations, { value: [], enumerable: false });
    }
    prototype[declarations]?.push({ property, variable, options });
  };
}

/** Variables of a class in the order they were declared, those of its base classes first. */
export function variablesOf(environmentClass: EnvironmentClass): VariableDeclaration[] {
  const levels: VariableDeclaration[][] = [];
  let prototype: unknown = environmentClass.prototype;
  while (prototype !== null && prototype !== undefined && prototype !== Object.prototype) {
    if (Object.hasOwn(prototype as object, declarations)) levels.unshift((prototype as Declared)[declarations] ?? []);
    prototype = Object.getPrototypeOf(prototype);
  }
  const byProperty = new Map<string, VariableDeclaration>();
  for (const declaration of levels.flat()) byProperty.set(declaration.property, declaration);
  return [...byProperty.values()];
}
