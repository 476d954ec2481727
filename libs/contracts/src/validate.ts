import 'reflect-metadata';
import { type ClassConstructor, plainToInstance } from 'class-transformer';
import type { ValidationError } from 'class-validator';

/** One fault of one field. `field` is a path such as `broker.port` or `actions[2].url`. */
export interface FieldFault {
  field: string;
  message: string;
  /** The product variable that has no value yet, where giving it one fixes the fault. */
  variable?: string;
}

// class-validator's index would load every decorator with the libraries behind them; this loads the validator alone.
const { Validator } = require('class-validator/cjs/validation/Validator') as typeof import('class-validator');
const validator = new Validator();

export type Validated<T> = { ok: true; value: T } | { ok: false; faults: FieldFault[] };

/**
 * Turns untrusted JSON into an instance of `type`, or tells every fault with its field path.
 * Unknown fields are faults, because a misspelt field must never be silently ignored; between our own processes, where the
 * other may be newer, they are left out instead.
 */
export function validateShape<T extends object>(
  type: ClassConstructor<T>,
  input: unknown,
  { unknown_fields = 'refused' }: { unknown_fields?: 'refused' | 'ignored' } = {},
): Validated<T> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return { ok: false, faults: [{ field: '', message: 'must be a JSON object' }] };
  }
  const instance = plainToInstance(type, input, { exposeDefaultValues: false });
  const errors = validator.validateSync(instance, {
    whitelist: true,
    forbidNonWhitelisted: unknown_fields === 'refused',
    forbidUnknownValues: true,
    stopAtFirstError: false,
  });
  if (errors.length === 0) return { ok: true, value: instance };
  return { ok: false, faults: flattenFaults(errors) };
}

/** Flattens class-validator's tree into field paths. */
export function flattenFaults(errors: ValidationError[], parent = ''): FieldFault[] {
  return errors.flatMap((error) => {
    const isIndex = /^\d+$/.test(error.property);
    const field = isIndex ? `${parent}[${error.property}]` : parent ? `${parent}.${error.property}` : error.property;
    const message = messageOf(error);
    const own = message === null ? [] : [{ field, message }];
    return [...own, ...flattenFaults(error.children ?? [], field)];
  });
}

/** A value of another type breaks every other rule too; and one message a fault is enough to fix it. */
const TYPES_FIRST = [
  'whitelistValidation',
  'isDefined',
  'isObject',
  'isArray',
  'isString',
  'isInt',
  'isNumber',
  'isBoolean',
  'isIn',
];

function messageOf({ constraints, property, value }: ValidationError): string | null {
  const broken = Object.keys(constraints ?? {});
  if (constraints === undefined || broken.length === 0) return null;
  if (broken.includes('whitelistValidation')) return 'is not a known field';
  if (value === undefined) return 'is required';
  // class-validator lists the rules from the last decorator to the first.
  const constraint = TYPES_FIRST.find((name) => broken.includes(name)) ?? broken.at(-1);
  return constraint === undefined ? null : stripName(constraints[constraint] ?? '', property);
}

/** class-validator begins its messages with the property's name; the path already tells it. */
function stripName(message: string, property: string): string {
  return message.startsWith(`${property} `) ? message.slice(property.length + 1) : message;
}
