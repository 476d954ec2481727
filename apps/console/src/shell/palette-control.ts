import { createSpotlight } from '@mantine/spotlight';

/** Opens and closes the command palette from anywhere. */
export const [paletteStore, palette] = createSpotlight();

export const openPalette = (): void => palette.open();

/** Chooses the first entry where none is chosen, so that Enter opens it. */
export function chooseFirst(): void {
  const list = document.getElementById(paletteStore.getState().listId);
  const first = list?.querySelector('[data-action]');
  if (!first || list?.querySelector('[data-selected]')) return;
  first.setAttribute('data-selected', 'true');
  paletteStore.setState((state) => ({ ...state, selected: 0 }));
}
