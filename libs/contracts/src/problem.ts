import type { FieldFault } from './validate';

/** RFC 9457 problem details, as `application/problem+json`. */
export interface Problem {
  /** Stable, `urn:cortex-mqtt:problem:<kind>`. */
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  request_id: string;
  errors: FieldFault[];
}
