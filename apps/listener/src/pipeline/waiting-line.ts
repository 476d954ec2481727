/** What can stand in a {@link WaitingLine}: in one at a time. */
export interface InLine<D> {
  isInLine: boolean;
  ahead: D | null;
  behind: D | null;
}

/** First come, first served, and whoever leaves in between leaves nothing behind; each at no cost but a few fields. */
export class WaitingLine<D extends InLine<D>> {
  first: D | null = null;
  private last: D | null = null;

  get isEmpty(): boolean {
    return this.first === null;
  }

  push(item: D): void {
    item.isInLine = true;
    item.ahead = this.last;
    if (this.last) this.last.behind = item;
    else this.first = item;
    this.last = item;
  }

  remove(item: D): void {
    item.isInLine = false;
    if (item.ahead) item.ahead.behind = item.behind;
    else this.first = item.behind;
    if (item.behind) item.behind.ahead = item.ahead;
    else this.last = item.ahead;
    item.ahead = null;
    item.behind = null;
  }
}
