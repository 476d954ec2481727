import { cleanTexts, type DeliveryJobData } from '@cortex-mqtt/contracts';
import { isContentRefused } from '../queue-errors';

/** A delivery as every store takes it: texts from outside can hold what `jsonb` refuses. */
export function cleanJobData(data: DeliveryJobData): DeliveryJobData {
  // The payload is long, and clean as it is stored.
  const { payload_text, payload_deflated, payload_base64, ...message } = data.message;
  const cleaned = cleanTexts({ ...data, message });
  const payload = { payload_text, payload_deflated, payload_base64 };
  return { ...cleaned, message: { ...cleaned.message, ...payload } };
}

const LEFT_OUT = 'left out: the queue refused it';

/** What is needed to deliver it, without anything that a person wrote, a destination answered or a publisher added. */
export function reducedJobData(data: DeliveryJobData): DeliveryJobData {
  const cleaned = cleanJobData(data);
  return {
    ...cleaned,
    message: { ...cleaned.message, user_properties: {}, content_type: null },
    failed_actions: data.failed_actions.map(({ action_id }) => ({ action_id, error: LEFT_OUT })),
    attempts: [],
    deferral: null,
    dead_reason: data.dead_reason === null ? null : LEFT_OUT,
  };
}

/**
 * Writes a delivery, and when the store refuses it for what is in it once more without the fields that can be at fault:
 * a dead letter with gaps is better than none. `onReduced` hears of that.
 */
export async function writeTolerantly<T>(
  data: DeliveryJobData,
  write: (data: DeliveryJobData) => Promise<T>,
  onReduced?: (error: unknown) => void,
): Promise<T> {
  try {
    return await write(cleanJobData(data));
  } catch (error) {
    if (!isContentRefused(error)) throw error;
    const written = await write(reducedJobData(data));
    onReduced?.(error);
    return written;
  }
}
