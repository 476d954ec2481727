/** What is wrong with one variable. `message` never contains its value. */
export interface Fault {
  variable: string;
  message: string;
}

/** Thrown at start with every fault at once, so that a person fixes all of them in one go. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';

  constructor(readonly faults: readonly Fault[]) {
    super(['The environment is not usable:', ...faults.map((f) => `  ${f.variable}: ${f.message}`)].join('\n'));
  }
}
