import { readFileSync } from 'node:fs';
import { type EnvironmentClass, type VariableDeclaration, variablesOf } from './env-decorator';
import { EnvironmentError, type Fault } from './environment-error';
import { parseValue } from './parse-value';
import { unknownVariables } from './unknown-variables';

export interface LoadOptions {
  /** Called for each variable that looks like a typing error (see `EnvironmentClass.prefixes`). */
  onWarning?: (warning: Fault) => void;
  /** Other classes whose variables live in the same environment and are no typing errors. */
  alsoKnown?: readonly EnvironmentClass[];
}

type Source = Readonly<Record<string, string | undefined>>;

/**
 * Fills an environment class from `env` and freezes it.
 *
 * An empty text counts as not set. `X_FILE` names a file (a mounted secret) that holds the value of `X`, unless `X_FILE` is
 * itself a declared variable. After the variables the class's `check()` is asked.
 * @throws {EnvironmentError} with all faults at once.
 */
export function loadEnvironment<T extends object>(
  environmentClass: EnvironmentClass<T>,
  env: Source,
  options: LoadOptions = {},
): Readonly<T> {
  const instance = new environmentClass();
  const declared = variablesOf(environmentClass);
  const names = new Set(declared.map((d) => d.variable));
  const faults: Fault[] = [];

  for (const declaration of declared) {
    const read = readText(declaration.variable, env, names);
    const result = 'fault' in read ? read : interpret(read.text, declaration);
    if ('fault' in result) faults.push(result.fault);
    Object.defineProperty(instance, declaration.property, {
      value: 'fault' in result ? declaration.options.default : result.value,
      enumerable: true,
    });
  }

  // Before the faults: a typing error is often why a required variable is missing.
  if (options.onWarning) {
    for (const warning of unknownVariables([environmentClass, ...(options.alsoKnown ?? [])], env)) {
      options.onWarning(warning);
    }
  }
  faults.push(...crossFieldFaults(instance, faults));
  if (faults.length > 0) throw new EnvironmentError(faults);
  return Object.freeze(instance);
}

function interpret(
  text: string | undefined,
  { variable, options }: VariableDeclaration,
): { value: unknown } | { fault: Fault } {
  if (text === undefined) {
    if (options.required) return { fault: { variable, message: 'is required and not set' } };
    return { value: options.default };
  }
  const parsed = parseValue(text, options);
  return 'fault' in parsed ? { fault: { variable, message: parsed.fault } } : parsed;
}

function readText(
  variable: string,
  env: Source,
  declared: ReadonlySet<string>,
): { text: string | undefined } | { fault: Fault } {
  const direct = env[variable] || undefined;
  const fileVariable = `${variable}_FILE`;
  const path = declared.has(fileVariable) ? undefined : env[fileVariable] || undefined;
  if (path === undefined) return { text: direct };
  if (direct !== undefined) {
    return { fault: { variable, message: `is set, and so is ${fileVariable}: only one of them may be` } };
  }
  try {
    // Secret files usually end in the newline an editor put there.
    const text = readFileSync(path, 'utf8').replace(/(\r?\n)+$/, '');
    if (text === '') return { fault: { variable: fileVariable, message: 'names an empty file' } };
    return { text };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    return { fault: { variable: fileVariable, message: `names a file that cannot be read (${code})` } };
  }
}

/** With faulty variables a check works on defaults or undefined, so what it then says of those variables, or throws, is no news. */
function crossFieldFaults(instance: object, faults: readonly Fault[]): Fault[] {
  if (!('check' in instance) || typeof instance.check !== 'function') return [];
  const known = new Set(faults.map((f) => f.variable.replace(/_FILE$/, '')));
  try {
    const found = instance.check() as Fault[];
    return found.filter((f) => !known.has(f.variable));
  } catch (error) {
    if (faults.length > 0) return [];
    throw error;
  }
}
