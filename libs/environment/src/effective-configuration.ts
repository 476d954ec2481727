import { type EnvironmentClass, variablesOf } from './env-decorator';

type Shown = string | number | boolean | readonly string[] | null;

/**
 * What `config check` prints: the value in effect by variable name, null for not set. Secrets are `(set)` or `(not set)`;
 * passwords inside URLs are masked.
 */
export function redactedEffectiveConfiguration(instance: object): Record<string, Shown> {
  const shown: Record<string, Shown> = {};
  for (const { variable, property, options } of variablesOf(instance.constructor as EnvironmentClass)) {
    const value = (instance as Record<string, Shown | undefined>)[property];
    const isSet = value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
    if (options.secret) shown[variable] = isSet ? '(set)' : '(not set)';
    else if (typeof value === 'string') shown[variable] = maskUrl(value);
    else if (Array.isArray(value)) shown[variable] = value.map(maskUrl);
    else shown[variable] = value ?? null;
  }
  return shown;
}

/** Every secret text of an instance, passwords inside URLs included: what a log redactor must know. */
export function secretValues(instance: object): string[] {
  const secrets = new Set<string>();
  for (const { property, options } of variablesOf(instance.constructor as EnvironmentClass)) {
    const value = (instance as Record<string, unknown>)[property];
    for (const text of Array.isArray(value) ? value : [value]) {
      if (typeof text !== 'string' || text === '') continue;
      if (options.secret) secrets.add(text);
      for (const password of urlPasswords(text)) secrets.add(password);
    }
  }
  return [...secrets];
}

const SENSITIVE_PARAMETER = /pass|secret|token|key/i;

function maskUrl(text: string): string {
  if (!text.includes('://') || !URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.password !== '') url.password = '***';
  for (const name of new Set(url.searchParams.keys())) {
    if (SENSITIVE_PARAMETER.test(name)) url.searchParams.set(name, '***');
  }
  return url.href;
}

function urlPasswords(text: string): string[] {
  if (!text.includes('://') || !URL.canParse(text)) return [];
  const { password } = new URL(text);
  if (password === '') return [];
  return [...new Set([password, decoded(password)])];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray percent sign, or no UTF-8 behind it: the text as it stands is all there is
  }
}
