export {
  describeEnvironment,
  renderEnvExample,
  type VariableDescription,
} from './describe-environment';
export { redactedEffectiveConfiguration, secretValues } from './effective-configuration';
export { type CrossFieldCheck, Env, type EnvironmentClass, type EnvOptions } from './env-decorator';
export { EnvironmentError, type Fault } from './environment-error';
export { type LoadOptions, loadEnvironment } from './load-environment';
