import { createTheme, type MantineColorsTuple } from '@mantine/core';
import { texts } from '../texts';

/** The accent: a quiet blue, away from the four status colours. */
const cortex: MantineColorsTuple = [
  '#eef4fd',
  '#dbe7fa',
  '#b5cdf4',
  '#8bb1ee',
  '#6899e8',
  '#4d87e0',
  '#2f6fd0',
  '#1f5fbf',
  '#1a4f9f',
  '#153f80',
];

/** Neutral with a breath of blue; steps 6–9 are the surfaces of the dark scheme. */
const dark: MantineColorsTuple = [
  '#d5dbe3',
  '#b3bcc8',
  '#8b95a3',
  '#6b7584',
  '#3a4350',
  '#2b333e',
  '#1e252e',
  '#161b22',
  '#10141a',
  '#0a0d11',
];

const gray: MantineColorsTuple = [
  '#f7f8fa',
  '#f0f2f5',
  '#e4e8ed',
  '#d5dae1',
  '#bcc4ce',
  '#9aa4b1',
  '#5f6a78',
  '#4a5461',
  '#313944',
  '#1b2129',
];

/** Steps 6–8 keep 4.5:1 against white; 3–4 against the dark surface. */
const green: MantineColorsTuple = [
  '#eaf7f0',
  '#d2eede',
  '#a6dcbf',
  '#74c89c',
  '#48b47c',
  '#2b9d64',
  '#1d7f50',
  '#176b43',
  '#125636',
  '#0d4229',
];
const amber: MantineColorsTuple = [
  '#fdf5e4',
  '#fae8c2',
  '#f4d08a',
  '#edb650',
  '#e49f27',
  '#c98511',
  '#946009',
  '#7d5108',
  '#654107',
  '#4d3105',
];
const red: MantineColorsTuple = [
  '#fdeeee',
  '#fad9d9',
  '#f4b0b0',
  '#ee8686',
  '#e66060',
  '#d94343',
  '#c03030',
  '#a42727',
  '#862020',
  '#681919',
];

/** Plain data, so that the build can turn it into CSS variables. Component sizes are set once, here. */
export const theme = createTheme({
  primaryColor: 'cortex',
  primaryShade: { light: 7, dark: 6 },
  colors: { cortex, dark, gray, green, amber, red },
  black: '#1b2129',
  defaultRadius: 'md',
  fontFamily: '"Inter Variable", ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  fontFamilyMonospace: '"JetBrains Mono Variable", ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '1.5rem', lineHeight: '1.3' },
      h2: { fontSize: '1.0625rem', lineHeight: '1.4' },
      h3: { fontSize: '0.9375rem', lineHeight: '1.4' },
      h4: { fontSize: '0.875rem', lineHeight: '1.4' },
    },
  },
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  radius: { xs: '3px', sm: '5px', md: '7px', lg: '10px', xl: '16px' },
  spacing: { xs: '0.5rem', sm: '0.75rem', md: '1rem', lg: '1.5rem', xl: '2rem' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    // Help stands below: inputs side by side stay in line, however long their help is.
    InputWrapper: { defaultProps: { inputWrapperOrder: ['label', 'input', 'description', 'error'] } },
    Button: { defaultProps: { size: 'sm' } },
    // The page behind a dialog is kept from scrolling by static CSS: react-remove-scroll writes a <style> element.
    Modal: { defaultProps: { lockScroll: false, centered: true, overlayProps: { backgroundOpacity: 0.45 } } },
    Drawer: { defaultProps: { lockScroll: false, overlayProps: { backgroundOpacity: 0.45 } } },
    Tooltip: { defaultProps: { openDelay: 250, withArrow: true, fz: 'xs', maw: 360, multiline: true } },
    Menu: { defaultProps: { shadow: 'md', position: 'bottom-end' } },
    Notification: { defaultProps: { closeButtonProps: { 'aria-label': texts.common.close } } },
    Popover: { defaultProps: { shadow: 'md' } },
    Select: { defaultProps: { allowDeselect: false, checkIconPosition: 'right' } },
    Alert: { defaultProps: { variant: 'light' } },
    Skeleton: { defaultProps: { radius: 'sm' } },
  },
});
