import { renderEnvExample, renderEnvTable } from '@cortex-mqtt/environment';
import { OrchestratorConfig } from '../config';

/** Text of `.env.example` in the repository's root. */
export const envExample = (): string => renderEnvExample(OrchestratorConfig);

/** Markdown tables for the README. */
export const envTable = (): string => renderEnvTable(OrchestratorConfig);
