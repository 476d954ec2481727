import type { FieldFault } from '@cortex-mqtt/contracts';

export const MIN_PASSWORD_LENGTH = 12;

/** No estimate of ours below what an attacker tries first: 10^8 guesses (zxcvbn's score 3). */
const LEAST_SCORE = 3;
/** Only so many characters are estimated, which keeps the estimate within milliseconds. */
const ESTIMATED_LENGTH = 64;

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
  if (estimate()(password) < LEAST_SCORE) {
    return [{ field, message: 'is among the first that are tried: made of common passwords, names or sequences' }];
  }
  return [];
}

let loaded: ((password: string) => number) | null = null;

/** Lists of common passwords and patterns, loaded when the first password is chosen. */
function estimate(): (password: string) => number {
  if (loaded === null) {
    const { ZxcvbnFactory } = require('@zxcvbn-ts/core') as typeof import('@zxcvbn-ts/core');
    const { dictionary, adjacencyGraphs } =
      require('@zxcvbn-ts/language-common') as typeof import('@zxcvbn-ts/language-common');
    const zxcvbn = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs, maxLength: ESTIMATED_LENGTH });
    loaded = (password) => zxcvbn.check(password.slice(0, ESTIMATED_LENGTH)).score;
  }
  return loaded;
}
