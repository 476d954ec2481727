import { checkHealth } from './health-request';

/** Entry of its own: a check every few seconds must not load the whole listener each time. */
void checkHealth(process.env, {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
}).then((code) => {
  process.exitCode = code;
});
