import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstanceRole } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';

/** What this instance was told last. */
export interface RememberedRole {
  role: InstanceRole;
  term: number;
}

/** Keeps the role beyond the process, for a start while the orchestrator is away. Faults cost only that. */
export interface RoleMemory {
  load(): Promise<RememberedRole | null>;
  save(remembered: RememberedRole): Promise<void>;
}

export function createRoleMemory(deps: { directory: string; logger: Logger }): RoleMemory {
  const path = join(deps.directory, 'role.json');
  return {
    load: async () => {
      try {
        const { role, term } = JSON.parse(await readFile(path, 'utf8')) as Partial<RememberedRole>;
        return (role === 'active' || role === 'standby') && Number.isSafeInteger(term) ? { role, term: term! } : null;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
          deps.logger.warn('the role could not be read from disk', { error });
        return null;
      }
    },
    save: async (remembered) => {
      try {
        await mkdir(deps.directory, { recursive: true, mode: 0o700 });
        await writeFile(`${path}.draft`, JSON.stringify(remembered), { mode: 0o600 });
        await rename(`${path}.draft`, path);
      } catch (error) {
        deps.logger.warn('the role could not be saved to disk', { error });
      }
    },
  };
}
