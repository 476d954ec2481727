import { beginTestRun } from './test-run';

/** Cheap on purpose: what a run needs is started by the first test that asks for it. */
export default function globalSetup(): void {
  beginTestRun();
}
