import type { FieldFault } from '@cortex-mqtt/contracts';

export const MIN_PASSWORD_LENGTH = 12;

/** Length and no obvious guess (NIST SP 800-63B, 5.1.1.2): composition rules make passwords worse. */
export function passwordFaults(field: string, password: string, email: string): FieldFault[] {
  if ([...password].length < MIN_PASSWORD_LENGTH) {
    return [{ field, message: `must have at least ${MIN_PASSWORD_LENGTH} characters` }];
  }
  const lower = password.toLowerCase();
  const name = email.split('@')[0] ?? '';
  if (lower === email || (name.length >= 3 && lower.replaceAll(name, '').length < 6)) {
    return [{ field, message: 'must not be made of the e-mail address' }];
  }
  if (new Set(lower).size < 4) return [{ field, message: 'must have more than a few different characters' }];
  return [];
}
