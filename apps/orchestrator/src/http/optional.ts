import { ValidateIf } from 'class-validator';

/** The field may be absent, but not null: an absent field keeps what is stored. */
export const MayBeAbsent = (): PropertyDecorator => ValidateIf((_object, value) => value !== undefined);
