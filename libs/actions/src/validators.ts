import type * as ClassValidator from 'class-validator';

type Decorators = typeof ClassValidator;

/**
 * class-validator's index loads every decorator with the libraries behind them (telephone numbers of all countries, postal
 * codes, …): 321 modules, of which a listener needs a tenth. So these are loaded one by one.
 */
const part = <N extends keyof Decorators>(folder: string, name: N): Decorators[N] =>
  (require(`class-validator/cjs/decorator/${folder}/${name}`) as Pick<Decorators, N>)[name];

export const ArrayMaxSize = part('array', 'ArrayMaxSize');
export const ArrayMinSize = part('array', 'ArrayMinSize');
export const Equals = part('common', 'Equals');
export const IsArray = part('typechecker', 'IsArray');
export const IsBoolean = part('typechecker', 'IsBoolean');
export const IsIn = part('common', 'IsIn');
export const IsInt = part('typechecker', 'IsInt');
export const IsObject = part('typechecker', 'IsObject');
export const IsOptional = part('common', 'IsOptional');
export const IsString = part('typechecker', 'IsString');
export const Matches = part('string', 'Matches');
export const Max = part('number', 'Max');
export const MaxLength = part('string', 'MaxLength');
export const Min = part('number', 'Min');
export const MinLength = part('string', 'MinLength');
export const ValidateNested = part('common', 'ValidateNested');

/** The index of class-validator-jsonschema loads all of class-validator. */
export const { JSONSchema } = require('class-validator-jsonschema/build/decorators') as Pick<
  typeof import('class-validator-jsonschema'),
  'JSONSchema'
>;
