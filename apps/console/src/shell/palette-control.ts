import { createSpotlight } from '@mantine/spotlight';

/** Opens and closes the command palette from anywhere. */
export const [paletteStore, palette] = createSpotlight();

export const openPalette = (): void => palette.open();

/** Chooses the first entry, so that Enter opens it. `anew: false`: only where none is chosen. */
export function chooseFirst({ anew }: { anew: boolean }): void {
  const list = document.getElementById(paletteStore.getState().listId);
  const chosen = list?.querySelector('[data-selected]');
  const first = list?.querySelector('[data-action]');
  if (!first || chosen === first || (chosen && !anew)) return;
  chosen?.removeAttribute('data-selected');
  first.setAttribute('data-selected', 'true');
  paletteStore.setState((state) => ({ ...state, selected: 0 }));
}
