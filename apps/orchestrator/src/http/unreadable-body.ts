/** A body that has been read before Express and is not JSON. */
export class UnreadableBody {
  constructor(readonly reason: string) {}
}
