/** The ids with one of them moved a place up (−1) or down (+1); the same when it is at the end already. */
export function movedBy(ids: number[], id: number, step: -1 | 1): number[] {
  const from = ids.indexOf(id);
  const to = from + step;
  if (from === -1 || to < 0 || to >= ids.length) return ids;
  const moved = ids.filter((one) => one !== id);
  moved.splice(to, 0, id);
  return moved;
}
