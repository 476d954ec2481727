/**
 * Work done one piece after another, begun without being waited for. A fault of a piece ends nothing: it is handed to `onFault`
 * (there is never a rejected promise without a handler), and the next piece is done all the same.
 */
export class WorkChain {
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly onFault: (error: unknown) => void) {}

  add(work: () => Promise<unknown>): void {
    this.last = this.last.then(work).then(
      () => undefined,
      (error: unknown) => this.onFault(error),
    );
  }

  /** Resolves when everything that was added so far is over. */
  settled(): Promise<void> {
    return this.last;
  }
}
