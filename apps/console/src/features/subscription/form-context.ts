import type { SampleEnvelope } from './sample-message';

/** What the forms of all actions of a subscription share. */
export interface FormContext {
  sample: SampleEnvelope;
  /** Names of the product's secrets. */
  secrets: string[];
  productId: number;
  readOnly: boolean;
}

/** What every input of a form gets. */
export interface InputProps {
  label: string;
  description?: string;
  error?: string;
  disabled: boolean;
  required: boolean;
}
