import { renderEnvExample } from '@cortex-mqtt/environment';
import { OrchestratorConfig } from '../config';

/** Text of `.env.example` in the repository's root. */
export const envExample = (): string => renderEnvExample(OrchestratorConfig);
