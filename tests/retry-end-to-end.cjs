/**
 * End-to-end tests run real processes against the clock of a machine that may be busy: one that fails is told with its
 * error and tried once more. Unit and integration tests get no second chance.
 */
if (expect.getState().testPath.includes('/tests/src/')) jest.retryTimes(1, { logErrorsBeforeRetry: true });
