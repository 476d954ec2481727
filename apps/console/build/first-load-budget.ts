import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

interface Chunk {
  code: string;
  isEntry: boolean;
  imports: string[];
  facadeModuleId: string | null;
}

/** Modules the first page loads after the entry, whatever page it is. */
const LOADED_AT_ONCE = ['/shell/command-palette.tsx'];

/**
 * Refuses a build whose first page needs more JavaScript than `max_kB` (1000 bytes, gzip): the entry, what the shell loads
 * right after it, and all they import. Pages and the editor are loaded when they are opened, and not counted.
 */
export function firstLoadBudget({ max_kB }: { max_kB: number }): Plugin {
  return {
    name: 'first-load-budget',
    apply: 'build',
    generateBundle(_options, bundle) {
      const chunks = new Map<string, Chunk>();
      for (const [name, output] of Object.entries(bundle)) if (output.type === 'chunk') chunks.set(name, output);
      const needed = new Set<string>();
      const need = (name: string): void => {
        const chunk = chunks.get(name);
        if (!chunk || needed.has(name)) return;
        needed.add(name);
        chunk.imports.forEach(need);
      };
      for (const [name, { isEntry, facadeModuleId }] of chunks) {
        if (isEntry || LOADED_AT_ONCE.some((module) => facadeModuleId?.endsWith(module))) need(name);
      }
      const bytes = [...needed].reduce((sum, name) => sum + gzipSync(chunks.get(name)?.code ?? '').length, 0);
      const kB = bytes / 1000;
      const said = `first load: ${kB.toFixed(1)} kB of JavaScript (gzip), ${max_kB} kB allowed`;
      if (kB > max_kB) this.error(`${said}: ${[...needed].join(', ')}`);
      this.info(said);
    },
  };
}
