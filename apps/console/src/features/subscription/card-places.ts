import type { CollisionDetection, KeyboardCoordinateGetter } from '@dnd-kit/core';

/**
 * The card at the height of the pointer, or of the top of the moved card when it is moved by keyboard. Cards are as tall as
 * what is open in them, so that their centres, which the library compares, say nothing about their order.
 */
export const cardAtHeight: CollisionDetection = ({
  droppableContainers,
  droppableRects,
  pointerCoordinates,
  collisionRect,
}) => {
  // A pixel inside, for the top of a card is where the gap before it ends.
  const y = pointerCoordinates?.y ?? collisionRect.top + 1;
  return droppableContainers
    .flatMap(({ id }) => {
      const rect = droppableRects.get(id);
      return rect ? [{ id, data: { value: Math.max(rect.top - y, y - rect.bottom, 0) } }] : [];
    })
    .sort((one, other) => one.data.value - other.data.value);
};

/** Moves the lifted card to the top of the one before or after the place it is at. */
export const toNextCard: KeyboardCoordinateGetter = (
  event,
  { context: { active, over, collisionRect, droppableRects } },
) => {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.code];
  if (!step || !active || !collisionRect) return undefined;
  event.preventDefault();
  const ids: (string | number)[] = active.data.current?.sortable.items ?? [];
  const next = ids[ids.indexOf((over ?? active).id) + step];
  const rect = next === undefined ? undefined : droppableRects.get(next);
  return rect && { x: collisionRect.left, y: rect.top };
};
