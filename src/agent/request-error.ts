/** A request that the agent cannot carry out; goes to the asking side as it is. */
import type { AgentError } from '../protocol/agent-channel.ts';

export class RequestError extends Error {
  readonly code = 'request';
  readonly reason: AgentError['reason'];
  constructor(reason: AgentError['reason'], text: string, options?: ErrorOptions) {
    super(text, options);
    this.name = 'RequestError';
    this.reason = reason;
  }
}
