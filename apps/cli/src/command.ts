/** As Terraform has them: done, failed, and done with changes pending. */
export const EXIT = { done: 0, failed: 1, changes_pending: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What a command is given. Results go to `out`, everything for people to `err`. */
export interface CommandContext {
  args: string[];
  env: NodeJS.ProcessEnv;
  out(text: string): void;
  err(text: string): void;
  /** Everything on standard input. */
  stdin(): string;
  /** A line that a person types; null when nobody is there to type. */
  ask(question: string): Promise<string | null>;
  /** Aborted when a person or a supervisor ends the command. */
  signal: AbortSignal;
}

export interface Command {
  usage: string;
  summary: string;
  /** Options for completion. */
  options: string[];
  run(context: CommandContext): Promise<ExitCode>;
}

/** What the caller got wrong or cannot have; shown without a stack. */
export class CommandFault extends Error {
  override readonly name = 'CommandFault';
}
