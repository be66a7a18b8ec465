/** What can become of a request besides its answer. Each class is one thing a caller may want to react to. */
import type { ClientRefusal } from '../protocol/client-channel.ts';

/** No member answered as needed, and of this request nothing was done. */
export class MirrorUnreachableError extends Error {
  readonly code = 'mirror-unreachable';
  override readonly name = 'MirrorUnreachableError';
}

/** The request was sent and not answered: it may have been done or not, and is not sent again. */
export class OutcomeUnknownError extends Error {
  readonly code = 'outcome-unknown';
  override readonly name = 'OutcomeUnknownError';
}

/** The link of a session is gone: its transaction is rolled back and its locks are free. */
export class SessionLostError extends Error {
  readonly code = 'session-lost';
  override readonly name = 'SessionLostError';
}

/** A member answered no; of this request nothing was done. */
export class RequestRefusedError extends Error {
  readonly code = 'request-refused';
  override readonly name = 'RequestRefusedError';
  readonly refusal: ClientRefusal;
  constructor(refusal: ClientRefusal) {
    super(refusal.text);
    this.refusal = refusal;
  }
}
