export type { RefusalReason } from './address-kind';
export { EgressAllowError } from './allow-list';
export { createEgressPolicy, type EgressPolicy, type EgressPolicyOptions, type Resolve } from './egress-policy';
export { EgressRefusedError } from './egress-refused-error';
export {
  Agent,
  buildConnector,
  type Connector,
  type ConnectorOptions,
  type Dispatcher,
  errors,
  Pool,
} from './http-client';
