/** What a command is given. Results go to `out`, everything for people to `err`. */
export interface CommandContext {
  args: string[];
  env: NodeJS.ProcessEnv;
  out(text: string): void;
  err(text: string): void;
}

/** Wrong arguments: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
