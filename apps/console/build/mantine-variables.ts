import { convertCssVariables, DEFAULT_THEME, defaultCssVariablesResolver, mergeMantineTheme } from '@mantine/core';
import type { Plugin } from 'vite';
import { theme } from '../src/theme/theme';

const PLACEHOLDER = '/* mantine-variables */';

/**
 * Writes the theme's CSS variables and breakpoint classes into `theme.css` while building. MantineProvider would write
 * the same into a <style> element at run time, which a Content-Security-Policy without `unsafe-inline` refuses.
 */
export function mantineVariables(): Plugin {
  return {
    name: 'mantine-variables',
    enforce: 'pre',
    transform(code, id) {
      if (!id.endsWith('/theme/theme.css')) return null;
      const merged = mergeMantineTheme(DEFAULT_THEME, theme);
      const variables = convertCssVariables(defaultCssVariablesResolver(merged));
      const schemes = ['light', 'dark'].map(
        (scheme) => `:root[data-mantine-color-scheme="${scheme}"]{--mantine-color-scheme:${scheme}}`,
      );
      const classes = Object.entries(merged.breakpoints).map(([name, width]) => {
        const below = `calc(${width} - 0.0063em)`;
        return `@media (max-width: ${below}){.mantine-visible-from-${name}{display:none!important}}
@media (min-width: ${width}){.mantine-hidden-from-${name}{display:none!important}}`;
      });
      return { code: code.replace(PLACEHOLDER, [variables, ...schemes, ...classes].join('\n')), map: null };
    },
  };
}
