/** Why nobody was signed in; the console has words for each. */
export const REFUSALS = [
  /** No sign-in of this browser waits for the answer: it took too long, was used already, or began elsewhere. */
  'expired',
  /** The provider said no. */
  'refused',
  /** The provider could not be reached. */
  'unavailable',
  /** The provider's answer does not prove who it is. */
  'invalid',
  'no_email',
  'email_unverified',
  'email_taken',
  /** None of the person's groups is granted anything. */
  'no_group',
  'disabled',
] as const;
export type RefusalReason = (typeof REFUSALS)[number];

export class SignInRefusal extends Error {
  override readonly name = 'SignInRefusal';

  constructor(
    readonly reason: RefusalReason,
    message: string,
    /** The address of the person, where the provider proved who it is. */
    readonly who: string | null = null,
  ) {
    super(message);
  }
}
